"""Multipart bodies arrive on disk, within limits, and leave nothing behind."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service.apps import client, make, running

pytestmark = pytest.mark.anyio


def multipart(*parts: bytes, boundary: bytes = b"x", end: bytes = b"--x--\r\n") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + end


MULTIPART = {"content-type": "multipart/form-data; boundary=x"}
FILE = b'Content-Disposition: form-data; name="media"; filename="a.bin"\r\n\r\nabc'


async def test_files_and_texts_arrive() -> None:
    service, _ = make()
    data = bytes(range(256)) * 20_000
    async with client(service) as web:
        answer = await web.post(
            "/upload", files={"media": ("../ä.mp4", data, "video/mp4")}, data={"note": "grüße"}
        )

    body = answer.json()
    assert body["files"]["media"] == ["../ä.mp4", "video/mp4", len(data), data[:32].hex()]
    assert body["texts"] == {"note": "grüße"}
    assert not any(Path(path).exists() for path in body["paths"])


async def test_a_name_never_becomes_a_path() -> None:
    service, _ = make()
    async with client(service) as web:
        answer = await web.post("/upload", files={"media": ("../../etc/passwd", b"x")})

    assert "passwd" not in answer.json()["paths"][0]


@pytest.mark.parametrize(
    ("body", "headers", "status", "slug", "named"),
    [
        (multipart(FILE.replace(b"media", b"file")), {}, 422, "missing-field", "found: 'file'"),
        (multipart(), {}, 422, "missing-field", "no field"),
        (multipart(FILE[:-3]), {}, 422, "empty-input", "'media' is empty"),
        (multipart(FILE, FILE), {}, 422, "invalid-value", "comes twice"),
        (multipart(FILE)[:-12], {}, 400, "malformed-request", "cut off"),
        (b"hello", {}, 400, "malformed-request", "not of its form"),
        (b"", {}, 400, "malformed-request", "cut off"),
        (
            b"x",
            {"content-type": "text/plain"},
            415,
            "unsupported-media-type",
            "multipart/form-data",
        ),
        (b"x", {"content-type": "multipart/form-data"}, 400, "malformed-request", "no boundary"),
        (
            b"x",
            {"content-type": "multipart/form-data; boundary=" + 300 * "x"},
            400,
            "malformed-request",
            "Boundary length 300",
        ),
        (
            b"x",
            {"content-type": "multipart/form-data; boundary=\xe4"},
            400,
            "malformed-request",
            "not of its form",
        ),
        (multipart(FILE), {"content-length": "\xb2"}, 400, "malformed-request", "whole number"),
        (multipart(FILE), {"content-length": 5000 * "9"}, 413, "payload-too-large", "2147483648"),
        (
            multipart(*(FILE.replace(b"media", b"f%d" % n) for n in range(40))),
            {},
            422,
            "invalid-value",
            "more than 32 fields",
        ),
        (
            multipart(b'Content-Disposition: form-data; name="note"\r\n\r\n' + 17 * 2**20 * b"a"),
            {},
            413,
            "payload-too-large",
            "'note' is larger",
        ),
        (multipart(FILE), {"content-length": "x"}, 400, "malformed-request", "whole number"),
        (
            multipart(b'Content-Disposition: form-data; name="note"\r\n\r\n\xff\xfe'),
            {},
            400,
            "malformed-request",
            "UTF-8",
        ),
    ],
)
async def test_bad_bodies_are_named(
    body: bytes, headers: dict[str, str], status: int, slug: str, named: str
) -> None:
    service, _ = make()
    async with client(service) as web:
        raw = {name: value.encode("latin-1") for name, value in (MULTIPART | headers).items()}
        answer = await web.post("/upload", content=body, headers=raw)

    problem = answer.json()
    assert (answer.status_code, problem["type"].rsplit(":", 1)[1]) == (status, slug)
    assert named in problem["detail"]


async def test_an_announced_excess_is_refused_before_it_is_sent() -> None:
    service, _ = make(upload_limit_bytes=1000)
    async with running(service) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()

    assert b" 413 " in head


async def test_an_excess_that_nobody_announced_is_refused() -> None:
    service, _ = make(upload_limit_bytes=1000)

    async def endless() -> object:
        yield b"--x\r\n" + FILE
        while True:
            yield b"a" * 100

    async with client(service) as web:
        answer = await web.post("/upload", content=endless(), headers=MULTIPART)  # type: ignore[arg-type]

    assert answer.status_code == 413
    assert answer.json()["limit"] == 1000


async def test_a_body_that_stops_arriving_is_cut_off() -> None:
    service, _ = make(body_idle_seconds=0.2)
    async with running(service) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n" + FILE
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()

    assert b" 408 " in head
    assert b"connection: close" in head.lower()


async def test_a_full_disk_asks_to_come_back() -> None:
    service, _ = make()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**21, before[1]))
    try:
        async with client(service) as web:
            answer = await web.post("/upload", files={"media": ("a", bytes(3 * 2**20))})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert answer.status_code == 503
    assert "no room" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) > 1
    assert not any(service._uploads.path().iterdir())
    service._uploads.remove()


async def test_what_would_be_refused_is_refused_before_the_file_arrives() -> None:
    service, _ = make(admin_token="open sesame")
    head = b"POST /file?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
    rest = b"Content-Type: multipart/form-data; boundary=x\r\nVia: 1.1 a\r\n\r\n"
    async with running(service) as (host, port):
        for query in (b"purpose=workplace", b"profile=true"):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(head % query + rest)
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            writer.close()

            assert b" 403 " in answer


async def test_a_client_that_leaves_leaves_nothing_behind() -> None:
    service, _ = make()
    async with running(service) as (host, port):
        folder = service._uploads.path()
        _, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n" + FILE
        )
        await writer.drain()
        for _ in range(200):
            await asyncio.sleep(0.01)
            if any(folder.iterdir()):
                break
        writer.close()
        for _ in range(300):
            await asyncio.sleep(0.01)
            if not any(folder.iterdir()):
                break

        assert not any(folder.iterdir())
    assert not folder.exists()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 50))
async def test_any_bytes_are_a_problem_or_an_upload(data: bytes, size: int) -> None:
    service, _ = make()

    async def pieces() -> object:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    async with client(service) as web:
        answer = await web.post("/upload", content=pieces(), headers=MULTIPART)  # type: ignore[arg-type]

    assert 400 <= answer.status_code < 500
