"""A service of the tests that computes where it must not: on its event loop."""

from __future__ import annotations

import sys
import time

from affectscope.service import Service, ServiceSettings
from affectscope.service.server import run_service


def compute_where_all_wait() -> None:
    """Hold the event loop for two seconds."""
    ends = time.monotonic() + 2.0
    while time.monotonic() < ends:
        pass


def main() -> None:
    """Serve on the port that is given."""
    settings = ServiceSettings.model_validate({"port": int(sys.argv[1])})
    service = Service(
        "stalling", settings=settings, title="Stalling", description="Stalls.", endpoints=["/stall"]
    )

    @service.app.get("/stall")
    async def stall() -> dict[str, str]:
        compute_where_all_wait()
        return {}

    run_service(service)


if __name__ == "__main__":
    main()
