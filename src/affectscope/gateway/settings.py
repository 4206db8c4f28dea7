"""Settings of the gateway."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import AnyHttpUrl, Field

from affectscope.gateway.backends import BACKENDS, CHAT, SPEECH, SURVEY, VIDEO, Backend, BackendName
from affectscope.service import LiveSettings, address_beside, own_port


def _address(backend: Backend) -> AnyHttpUrl:
    """Return the field of a service's address: beside the gateway, where nothing else is said.

    Ports and host are those that the service itself reads, so that moving it moves both.
    """

    def beside(known: dict[str, Any]) -> AnyHttpUrl:
        variable = f"AFFECTSCOPE_{backend.name.upper()}_PORT"
        return address_beside(known, variable, backend.port)

    field: AnyHttpUrl = Field(
        default_factory=beside,
        description=f"Address of the {backend.name} service; beside the gateway where unset.",
    )
    return field


class GatewaySettings(LiveSettings):
    """Settings of every service, and what the gateway adds: where the services are, and patience."""

    service: ClassVar[str] = "integrated"

    port: int = own_port("gateway", 9000)
    video_url: AnyHttpUrl = _address(VIDEO)
    speech_url: AnyHttpUrl = _address(SPEECH)
    chat_url: AnyHttpUrl = _address(CHAT)
    survey_url: AnyHttpUrl = _address(SURVEY)
    backend_connect_seconds: float = Field(
        default=2.0, gt=0, description="Longest wait for a connection to a service; beyond, 503."
    )
    backend_answer_seconds: float = Field(
        default=900.0, gt=0, description="Longest pause in a service's answer; beyond, 504."
    )
    backend_silence_seconds: float = Field(
        default=20.0,
        gt=0,
        description="How long a service may answer nothing, not even `/health`; beyond, its "
        "requests get 504.",
    )
    backend_connections: int = Field(
        default=64, ge=1, description="Requests to one service at once; beyond, 503."
    )
    probe_seconds: float = Field(
        default=1.0, gt=0, description="Pause between two looks at the services' health."
    )
    probe_timeout_seconds: float = Field(
        default=2.0, gt=0, description="Longest wait for a service's `/health`."
    )
    load_test_seconds: float = Field(
        default=1800.0, gt=0, description="Longest load test that a request waits for; beyond, 504."
    )

    def url(self, backend: Backend) -> str:
        """Return the address of a service, without a slash at its end."""
        return self.urls()[backend.name]

    def urls(self) -> dict[BackendName, str]:
        """Return the addresses of all services by name."""
        urls: dict[BackendName, AnyHttpUrl] = {
            "video": self.video_url,
            "speech": self.speech_url,
            "chat": self.chat_url,
            "survey": self.survey_url,
        }
        return {one.name: str(urls[one.name]).rstrip("/") for one in BACKENDS}
