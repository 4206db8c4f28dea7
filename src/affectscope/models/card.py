"""The card beside every shipped model: what it is, what it was made of, how good and how limited."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from affectscope.affect import vocabulary
from affectscope.errors import InvalidValue, ModelUnavailable

WEIGHTS = Path(__file__).with_name("weights")
"""Where the shipped weights and their cards lie."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[^/\\]+$")]
"""Files lie beside their card, never elsewhere."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Table):
    """How logits become probabilities: over `temperature`, less `offset`, softmax or sigmoid."""

    method: Literal["temperature"]
    temperature: float = Field(gt=0)
    offset: float = Field(default=0.0, allow_inf_nan=False)
    activation: Literal["softmax", "sigmoid"]
    fitted_on: str


class Data(_Table):
    """One data set that the weights were made with."""

    name: str
    license: str
    use: str
    split: str


class Metric(_Table):
    """One measured figure, its protocol, and the command that measures it again."""

    name: str
    value: float
    n: int
    protocol: str
    command: str


class Tried(_Table):
    """Something that was tried while the model was made, and what came of it."""

    what: str
    effect: str


class ModelFile(_Table):
    """A further file of a model, such as its tokenizer."""

    file: FileName
    sha256: Digest


class Card(_Table):
    """A model's card; `Card.path` finds its files."""

    name: str
    version: str
    modality: Literal["face", "voice", "text"]
    vocabulary: str
    summary: str
    file: FileName
    sha256: Digest
    parameters: int = Field(gt=0)
    license_class: Literal["permissive", "share-alike", "non-commercial", "unlicensed-data"]
    license: str
    input: dict[str, Any]
    output: dict[str, Any]
    calibration: Calibration
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    data: tuple[Data, ...]
    metrics: tuple[Metric, ...]
    limits: tuple[str, ...]
    tried: tuple[Tried, ...] = ()
    files: tuple[ModelFile, ...] = ()
    folder: Path

    @model_validator(mode="after")
    def _consistent(self) -> Card:
        labels = vocabulary(self.vocabulary).labels
        if strange := set(self.thresholds) - set(labels):
            raise ValueError(
                f"thresholds of labels outside {self.vocabulary}: {', '.join(sorted(strange))}"
            )
        return self

    def path(self, file: str) -> Path:
        """Return the place of one of the model's files.

        Raises:
            InvalidValue: The card names no such file.
        """
        names = (self.file, *(one.file for one in self.files))
        if file not in names:
            raise InvalidValue(f"{self.name} has no file {file!r}; valid: {', '.join(names)}")
        return self.folder / file

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn logits [n, labels] into calibrated probabilities [n, labels]."""
        scaled = np.asarray(logits, np.float64) / self.calibration.temperature
        scaled -= self.calibration.offset
        if self.calibration.activation == "sigmoid":
            shares = 0.5 * (1.0 + np.tanh(scaled / 2.0))
        else:
            shares = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
            shares /= shares.sum(axis=-1, keepdims=True)
        return shares.astype(np.float32)


def read_card(path: Path) -> Card:
    """Read one card.

    Raises:
        ModelUnavailable: It cannot be read, lacks something, or holds a value that is not valid.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"the model card {path.name!r} cannot be read: {error}") from error
    head, limits = table.pop("model", None), table.pop("limits", None)
    for name, section in (("model", head), ("limits", limits)):
        if not isinstance(section, dict):
            raise ModelUnavailable(f"the model card {path.name!r} lacks the table [{name}]")
    try:
        return Card.model_validate(
            {**head, **table, "limits": limits.get("known"), "folder": path.parent}
        )
    except (ValidationError, InvalidValue) as error:
        reasons = _reasons(error) if isinstance(error, ValidationError) else error.detail
        raise ModelUnavailable(f"the model card {path.name!r} is not valid: {reasons}") from error


def _reasons(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'card'}: {one['msg']}"
        + ("" if one["type"] == "missing" or not one["loc"] else f", found {one['input']!r:.60}")
        for one in error.errors()
    )


@cache
def cards() -> tuple[Card, ...]:
    """Return the cards of all shipped models, by name."""
    return tuple(read_card(path) for path in sorted(WEIGHTS.glob("*.toml")))


def card(name: str) -> Card:
    """Return the card of a shipped model.

    Raises:
        InvalidValue: None has that name; the error lists those that exist.
    """
    for one in cards():
        if one.name == name:
            return one
    raise InvalidValue(
        f"unknown model {name!r}; valid: {', '.join(one.name for one in cards()) or 'none'}"
    )
