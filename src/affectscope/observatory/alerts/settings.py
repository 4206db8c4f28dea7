"""Settings of the alerts: what is evaluated how often, and who is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field, SecretStr, TypeAdapter, field_validator
from pydantic.networks import AnyHttpUrl
from pydantic_settings import NoDecode

from affectscope.observatory.alerts.channels import channels
from affectscope.observatory.alerts.notify import Channel, MailServer
from affectscope.service import ServiceSettings

OBSERVATORY_PREFIX = "AFFECTSCOPE_OBSERVATORY_"
_ADDRESS = TypeAdapter(AnyHttpUrl)


def variable(name: str) -> AliasChoices:
    """Return where a setting is read from: an argument, or a variable of the observatory's own."""
    return AliasChoices(name, OBSERVATORY_PREFIX + name.upper())


class AlertSettings(ServiceSettings):
    """What the environment says about alerts."""

    definitions: Path | None = Field(
        default=None,
        validation_alias=variable("definitions"),
        description="Another file of objectives, alerts and charts than the shipped one.",
    )
    alert_seconds: float = Field(
        default=5.0,
        ge=0.5,
        le=60,
        validation_alias=variable("alert_seconds"),
        description="Pause between two looks at what is due.",
    )
    alert_repeat_seconds: float = Field(
        default=14_400.0,
        ge=60,
        validation_alias=variable("alert_repeat_seconds"),
        description="After which an alert that goes on is sent again.",
    )
    alert_webhooks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        validation_alias=variable("alert_webhooks"),
        description="Addresses that get each message, by comma.",
    )
    alert_email_to: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        validation_alias=variable("alert_email_to"),
        description="Receivers of e-mail, by comma.",
    )
    alert_email_from: str = Field(
        default="affectscope@localhost",
        validation_alias=variable("alert_email_from"),
        description="Sender of e-mail.",
    )
    smtp_host: str = Field(
        default="localhost",
        validation_alias=variable("smtp_host"),
        description="The mail server.",
    )
    smtp_port: int = Field(
        default=25,
        ge=1,
        le=65535,
        validation_alias=variable("smtp_port"),
        description="Its port.",
    )
    smtp_user: str = Field(
        default="",
        validation_alias=variable("smtp_user"),
        description="Name to log in with; empty for no login.",
    )
    smtp_password: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=variable("smtp_password"),
        description="Password to log in with.",
    )
    smtp_starttls: bool = Field(
        default=False,
        validation_alias=variable("smtp_starttls"),
        description="Encrypt before anything is said; the system must trust the certificate.",
    )

    @field_validator("alert_webhooks", "alert_email_to", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("alert_webhooks")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            _ADDRESS.validate_python(address)
        return value

    @field_validator("alert_email_to")
    @classmethod
    def _receivers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for receiver in value:
            if not all(receiver.partition("@")) or any(mark in receiver for mark in "\r\n "):
                raise ValueError(f"{receiver!r:.60} is no address; valid: name@host")
        return value

    def channels(self, external_url: str) -> list[Channel]:
        """Return the ways to tell people.

        Args:
            external_url: Where the alerts can be seen.
        """
        server = MailServer(
            self.smtp_host,
            self.smtp_port,
            self.smtp_user,
            self.smtp_password.get_secret_value(),
            self.smtp_starttls,
        )
        return channels(
            self.alert_webhooks, self.alert_email_to, self.alert_email_from, server, external_url
        )
