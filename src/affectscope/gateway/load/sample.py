"""The request that a load test sends to a service."""

from __future__ import annotations

from affectscope.gateway.backends import Backend
from affectscope.samples import sample

_BOUNDARY = "affectscope-load"


def sample_body(backend: Backend) -> tuple[bytes, str]:
    """Return the body of a request with the shipped sample, and its content type."""
    path = sample(backend.name)
    content = path.read_bytes()
    if backend.field is None:
        return content, "application/json"
    head = (
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{backend.field}"; filename="{path.name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={_BOUNDARY}"
