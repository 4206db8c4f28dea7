"""Every way in which Affectscope says no, as one tree of exceptions.

Each class is one RFC 9457 problem ``type``; its ``slug`` is also the ``error_type`` label of the
error counters::

    AffectscopeError              500 internal
    ├── RequestError              400 request-error          the caller can mend it
    │   ├── MalformedRequest      400 malformed-request      body or header cannot be parsed
    │   ├── RequestTimeout        408 request-timeout        the body stopped arriving
    │   ├── NotFound              404 not-found
    │   ├── MethodNotAllowed      405 method-not-allowed
    │   ├── PayloadTooLarge       413 payload-too-large      input above a limit
    │   ├── AnswerTooLarge        413 answer-too-large       answer above a limit: stream it
    │   ├── UnsupportedMedia      415 unsupported-media-type kind of file not accepted
    │   ├── InvalidValue          422 invalid-value          names the value and the valid ones
    │   ├── MissingField          422 missing-field
    │   ├── EmptyInput            422 empty-input            zero bytes, zero seconds, zero messages
    │   ├── UndecodableMedia      422 undecodable-media      damaged, or over the decoder's caps
    │   ├── ClientGone            499 client-closed-request  nobody is left to read the answer
    │   └── Refused               403 refused                understood, and not done
    │       ├── PurposeRefused    403 purpose-refused        the purpose forbids this modality
    │       ├── NotPermitted      403 not-permitted          needs loopback or the admin token
    │       ├── ForeignOrigin     403 foreign-origin         a page of another site asked
    │       └── UnknownHost       421 unknown-host           a Host header outside the allow-list
    └── Unavailable               503 unavailable            try again after ``retry_after`` seconds
        ├── Overloaded            503 overloaded             the queue is full
        ├── BackendUnavailable    503 backend-unavailable    a service is gone
        ├── BackendTimeout        504 backend-timeout
        ├── ModelUnavailable      503 model-unavailable      weights missing or altered
        └── ModelNotPermitted     503 model-not-permitted    excluded by licence policy

Catch `RequestError` to handle what the caller did wrong, `Unavailable` to try again later, and
`AffectscopeError` for everything that Affectscope raises on purpose. What is none of these is a
defect.
"""

from affectscope.errors.problem import problem, slug_for_status
from affectscope.errors.tree import (
    ALL,
    AffectscopeError,
    AnswerTooLarge,
    BackendTimeout,
    BackendUnavailable,
    ClientGone,
    EmptyInput,
    ForeignOrigin,
    InvalidValue,
    MalformedRequest,
    MethodNotAllowed,
    MissingField,
    ModelNotPermitted,
    ModelUnavailable,
    NotFound,
    NotPermitted,
    Overloaded,
    PayloadTooLarge,
    PurposeRefused,
    Refused,
    RequestError,
    RequestTimeout,
    Unavailable,
    UndecodableMedia,
    UnknownHost,
    UnsupportedMedia,
)

__all__ = [
    "ALL",
    "AffectscopeError",
    "AnswerTooLarge",
    "BackendTimeout",
    "BackendUnavailable",
    "ClientGone",
    "EmptyInput",
    "ForeignOrigin",
    "InvalidValue",
    "MalformedRequest",
    "MethodNotAllowed",
    "MissingField",
    "ModelNotPermitted",
    "ModelUnavailable",
    "NotFound",
    "NotPermitted",
    "Overloaded",
    "PayloadTooLarge",
    "PurposeRefused",
    "Refused",
    "RequestError",
    "RequestTimeout",
    "Unavailable",
    "UndecodableMedia",
    "UnknownHost",
    "UnsupportedMedia",
    "problem",
    "slug_for_status",
]
