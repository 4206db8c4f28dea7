"""The classes of the tree drawn in `affectscope.errors`."""

from __future__ import annotations

from typing import ClassVar


class AffectscopeError(Exception):
    """Root of the tree; raised itself only for a defect that was noticed.

    Args:
        detail: One sentence for the caller: names the bad value and what would be right.
        extra: Further members of the problem, each of a JSON type.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class RequestError(AffectscopeError):
    """The caller can mend it."""

    status = 400
    slug = "request-error"
    title = "The request cannot be served"


class MalformedRequest(RequestError):
    """A body or a header that cannot be parsed."""

    slug = "malformed-request"
    title = "Malformed request"


class RequestTimeout(RequestError):
    """The body stopped arriving."""

    status = 408
    slug = "request-timeout"
    title = "The request took too long to arrive"


class NotFound(RequestError):
    """No such address, or no such thing."""

    status = 404
    slug = "not-found"
    title = "Not found"


class MethodNotAllowed(RequestError):
    """The address exists, the method does not."""

    status = 405
    slug = "method-not-allowed"
    title = "Method not allowed"


class PayloadTooLarge(RequestError):
    """Input above a limit."""

    status = 413
    slug = "payload-too-large"
    title = "Payload too large"


class AnswerTooLarge(RequestError):
    """The answer would exceed a limit; the detail says how to stream it."""

    status = 413
    slug = "answer-too-large"
    title = "Answer too large for one document"


class UnsupportedMedia(RequestError):
    """A kind of content that is not accepted here."""

    status = 415
    slug = "unsupported-media-type"
    title = "Unsupported media type"


class InvalidValue(RequestError):
    """A value that is out of range or unknown; the detail names it and the valid ones."""

    status = 422
    slug = "invalid-value"
    title = "Invalid value"


class MissingField(RequestError):
    """A field that is needed and absent; the detail names what was found."""

    status = 422
    slug = "missing-field"
    title = "Missing field"


class EmptyInput(RequestError):
    """Zero bytes, zero seconds or zero messages."""

    status = 422
    slug = "empty-input"
    title = "Empty input"


class UndecodableMedia(RequestError):
    """A damaged file, or one beyond the caps of the decoder."""

    status = 422
    slug = "undecodable-media"
    title = "The media cannot be decoded"


class ClientGone(RequestError):
    """The client closed the connection; nobody reads this answer, but it is counted."""

    status = 499
    slug = "client-closed-request"
    title = "Client closed the request"


class Refused(RequestError):
    """Understood, and not done."""

    status = 403
    slug = "refused"
    title = "Refused"


class PurposeRefused(Refused):
    """The declared purpose forbids this modality."""

    slug = "purpose-refused"
    title = "Refused for this purpose"


class NotPermitted(Refused):
    """Needs the loopback interface or the admin token."""

    slug = "not-permitted"
    title = "Not permitted"


class ForeignOrigin(Refused):
    """A web page of another site sent this request."""

    slug = "foreign-origin"
    title = "Foreign origin"


class UnknownHost(Refused):
    """A Host header outside the allow-list, as a rebinding attack would send it."""

    status = 421
    slug = "unknown-host"
    title = "Unknown host"


class Unavailable(AffectscopeError):
    """Not now; try again.

    Args:
        detail: One sentence for the caller.
        retry_after: Seconds after which another try makes sense.
    """

    status = 503
    slug = "unavailable"
    title = "Unavailable"

    def __init__(self, detail: str, *, retry_after: float = 1.0, **extra: object) -> None:
        super().__init__(detail, **extra)
        self.retry_after = retry_after


class Overloaded(Unavailable):
    """The queue of this service is full."""

    slug = "overloaded"
    title = "Overloaded"


class BackendUnavailable(Unavailable):
    """A service behind the gateway does not answer."""

    slug = "backend-unavailable"
    title = "Service unavailable"


class BackendTimeout(Unavailable):
    """A service behind the gateway took too long."""

    status = 504
    slug = "backend-timeout"
    title = "Service timed out"


class ModelUnavailable(Unavailable):
    """Weights that are missing, unreadable, or not the ones their card describes."""

    slug = "model-unavailable"
    title = "Model unavailable"


class ModelNotPermitted(Unavailable):
    """Weights that the licence policy of this installation excludes."""

    slug = "model-not-permitted"
    title = "Model not permitted"


def _family(root: type[AffectscopeError]) -> tuple[type[AffectscopeError], ...]:
    return (root, *(one for child in root.__subclasses__() for one in _family(child)))


ALL: tuple[type[AffectscopeError], ...] = _family(AffectscopeError)
"""Every class of the tree, parents before children."""
