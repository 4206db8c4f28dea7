"""An error as an RFC 9457 problem document."""

from __future__ import annotations

from affectscope.errors.tree import ALL, AffectscopeError

_BY_STATUS = {
    400: "malformed-request",
    403: "refused",
    413: "payload-too-large",
    422: "invalid-value",
    503: "unavailable",
}


def problem(error: AffectscopeError) -> dict[str, object]:
    """Return the body of an ``application/problem+json`` answer.

    Args:
        error: Any error of the tree.

    Returns:
        ``type`` (a URN that ends with the slug), ``title``, ``status``, ``detail`` and the error's
        extra members, which can never replace the standard ones.
    """
    return {
        **error.extra,
        "type": f"urn:affectscope:problem:{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }


def slug_for_status(status: int) -> str:
    """Return the slug that describes a bare HTTP status best, where no error of the tree was raised.

    Args:
        status: 400 to 599.

    Returns:
        The slug of the class with that status; where several share it, the most general; ``request-
        error`` for other 4xx and ``internal`` for other 5xx.
    """
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    for cls in ALL:
        if cls.status == status:
            return cls.slug
    return "request-error" if status < 500 else "internal"
