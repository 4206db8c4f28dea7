"""Questions to a running system."""

from __future__ import annotations

import os
from typing import Any

import httpx

from affectscope.errors import BackendUnavailable

_START = "start it with 'affectscope up'"


def get_health(gateway: str, timeout: float) -> dict[str, Any]:
    """Return the gateway's health document, also where it fails.

    Raises:
        BackendUnavailable: Nothing of ours answers there.
    """
    answer = _ask(f"{gateway}/health", timeout)
    if "status" not in answer or "checks" not in answer:
        raise BackendUnavailable(f"what answers at {gateway} is not Affectscope")
    return answer


def _ask(url: str, timeout: float) -> dict[str, Any]:
    token = os.environ.get("AFFECTSCOPE_ADMIN_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        # A proxy variable of the environment must not carry this off the machine.
        with httpx.Client(trust_env=False, timeout=timeout) as client:
            answer = client.get(url, headers=headers)
        document = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise BackendUnavailable(f"nothing answers at {url} ({reason}); {_START}") from error
    except ValueError as error:
        raise BackendUnavailable(f"what answers at {url} is not Affectscope") from error
    if not isinstance(document, dict):
        raise BackendUnavailable(f"what answers at {url} is not Affectscope")
    return document
