"""What kind of error an answer of a service is."""

from __future__ import annotations

import json

from affectscope.errors import slug_for_status

_PROBLEM = "urn:affectscope:problem:"


def problem_slug(status: int, body: bytes) -> str:
    """Return the slug of a problem answer, so that everybody counts it as the service does.

    Args:
        status: 400 or above.
        body: The answer's, or the beginning of it; the status decides where it is no problem.
    """
    try:
        name = str(json.loads(body)["type"])
    except (ValueError, KeyError, TypeError):
        return slug_for_status(status)
    known = name.startswith(_PROBLEM)
    return name.removeprefix(_PROBLEM) if known else slug_for_status(status)
