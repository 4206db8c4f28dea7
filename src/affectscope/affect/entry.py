"""What all records are made of: the base of their classes, and the types of their values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Modality = Literal["face", "voice", "text", "survey"]
LicenseClass = Literal["permissive", "share-alike", "non-commercial", "unlicensed-data"]
Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Polar = Annotated[float, Field(ge=-1.0, le=1.0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(allow_inf_nan=False)]


class Entry(BaseModel):
    """Base of all records: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
