"""Settings that every service has; each service adds its own in a subclass."""

from __future__ import annotations

import ipaddress
import os
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AliasChoices, AnyHttpUrl, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from affectscope.errors import InvalidValue

GIB = 1024**3
PREFIX = "AFFECTSCOPE_"
OBSERVATORY_PORT = 9001
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound
S = TypeVar("S", bound="ServiceSettings")


def address_beside(known: dict[str, Any], variable: str, default: int) -> AnyHttpUrl:
    """Return the address of a service that runs beside this one.

    Args:
        known: The settings read so far, `host` among them.
        variable: Environment variable of its port, which the service itself reads too.
        default: Its port where that is unset.
    """
    host = "127.0.0.1" if known["host"] in _WILDCARDS else known["host"]
    port = os.environ.get(variable, str(default))
    return AnyHttpUrl(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _observatory_address(known: dict[str, Any]) -> AnyHttpUrl:
    return address_beside(known, f"{PREFIX}OBSERVATORY_PORT", OBSERVATORY_PORT)


class ServiceSettings(BaseSettings):
    """What the environment says about a service; every variable begins with ``AFFECTSCOPE_``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", populate_by_name=True, frozen=True
    )
    service: ClassVar[str] = "service"

    host: str = Field(default="127.0.0.1", description="Address that the service binds.")
    port: int = Field(
        default=0,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("port"),
        description="Port that the service binds.",
    )
    workers: int = Field(
        default=2, ge=1, le=256, description="Analyses that run at once in one service."
    )
    queue_limit: int = Field(
        default=32, ge=0, le=10_000, description="Analyses that wait at once; beyond, 503."
    )
    upload_limit_bytes: int = Field(
        default=2 * GIB, ge=1, description="Largest request body, in bytes; beyond, 413."
    )
    body_idle_seconds: float = Field(
        default=30.0, gt=0, description="Longest pause within a request body; beyond, 408."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Further host names that may stand in `Host` and `Origin`, by comma.",
    )
    admin_token: SecretStr | None = Field(
        default=None, description="Bearer token that permits profiles and load tests from anywhere."
    )
    internal_secret: SecretStr | None = Field(
        default=None, description="Shared by gateway and services; `affectscope up` makes one."
    )
    observatory_url: AnyHttpUrl | None = Field(
        default_factory=_observatory_address,
        description="Address of the observatory, which gets traces, logs and profiles; empty for "
        "none. Beside the service where unset.",
    )
    trace_ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the traces begun here that are recorded; the observatory keeps "
        "errors, slow requests and some of the rest.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log lines that are written."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments and our own variables, nothing else.

        The alias `port` is meant for arguments. Without this it would also match the variable
        `PORT`, which many a platform sets, and give all services the same port.
        """
        assert isinstance(env_settings, EnvSettingsSource)
        env_settings.env_vars = {
            name: value
            for name, value in env_settings.env_vars.items()
            if name.upper().startswith(PREFIX)
        }
        return init_settings, env_settings

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("admin_token", "internal_secret", "observatory_url", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def observatory(self) -> str | None:
        """Address of the observatory, without a slash at its end; None where there is none."""
        return None if self.observatory_url is None else str(self.observatory_url).rstrip("/")

    @property
    def loopback_only(self) -> bool:
        """Whether the service can be reached from this machine alone."""
        return is_loopback(self.host)

    def check(self) -> None:
        """Refuse to be open without a lock.

        Raises:
            InvalidValue: The host reaches beyond loopback and there is no admin token.
        """
        if not self.loopback_only and self.admin_token is None:
            raise InvalidValue(
                f"AFFECTSCOPE_HOST is {self.host!r}, which other machines reach: set "
                "AFFECTSCOPE_ADMIN_TOKEN as well, or bind 127.0.0.1"
            )


class LiveSettings(ServiceSettings):
    """Settings of a service that also holds WebSocket connections."""

    live_connections: int = Field(
        default=8, ge=1, le=1000, description="Live connections at once; beyond, 503."
    )
    live_message_bytes: int = Field(
        default=2 * 1024**2,
        ge=1024,
        le=64 * 1024**2,
        description="Largest message of a live connection; beyond, it is refused.",
    )
    live_idle_seconds: float = Field(
        default=30.0, gt=0, description="Longest silence of a live client; beyond, it is closed."
    )
    live_stalled_seconds: float = Field(
        default=10.0,
        gt=0,
        description="How long a live client may take none of what is sent; beyond, it is closed.",
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address or name is this machine's own."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def read_settings(cls: type[S]) -> S:
    """Read the settings of a service from the environment.

    Raises:
        InvalidValue: A variable has a bad value; the error names it.
    """
    try:
        settings = cls()
    except ValidationError as error:
        first = error.errors()[0]
        variable = _variable(cls, str(first["loc"][0]))
        raise InvalidValue(f"{variable} is {first['input']!r}: {first['msg']}") from None
    settings.check()
    return settings


def _variable(cls: type[ServiceSettings], field: str) -> str:
    """Return the environment variable of a field, which may have a name of its own."""
    alias = cls.model_fields[field].validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else []
    own = [str(one) for one in choices if str(one).startswith(PREFIX)]
    return own[0] if own else f"{PREFIX}{field.upper()}"


def own_port(service: str, default: int) -> int:
    """Return the field of a service's own port, read from ``AFFECTSCOPE_<SERVICE>_PORT``."""
    port: int = Field(
        default=default,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("port", f"{PREFIX}{service.upper()}_PORT"),
        description=f"Port of the {service} service.",
    )
    return port
