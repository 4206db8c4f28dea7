"""Long conversations are received to disk and read from there, with progress."""

from __future__ import annotations

import errno
import io
import json
from typing import BinaryIO

import pytest
from starlette.requests import Request

from affectscope.affect import ConversationSummarised, ProgressMade, SegmentFound
from affectscope.chat import ChatAnalyzer, bulk
from affectscope.chat.bulk import received, records
from affectscope.errors import ClientGone, InvalidValue, PayloadTooLarge, Unavailable

MESSAGES = b"".join(
    json.dumps({"speaker": "Ann", "time": i, "text": "ok"}).encode() + b"\n" for i in range(300)
)


def request(*chunks: bytes, gone: bool = False) -> Request:
    """Return a request whose body comes in these pieces, and whose client may then leave."""
    messages = [
        {"type": "http.request", "body": chunk, "more_body": gone or i + 1 < len(chunks)}
        for i, chunk in enumerate(chunks)
    ]
    messages.append({"type": "http.disconnect"})
    waiting = iter(messages)

    async def receive() -> dict[str, object]:
        return next(waiting)

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


class TestReceived:
    @pytest.mark.anyio
    async def test_the_whole_body_is_there_however_it_came(self) -> None:
        whole = b"line\n" * 700_000
        pieces = [whole[i : i + 500_000] for i in range(0, len(whole), 500_000)]

        async with received(request(*pieces), 10**9, 5) as file:
            with file:
                assert file.read() == whole

    @pytest.mark.anyio
    async def test_beyond_the_limit_nothing_more_is_read(self) -> None:
        with pytest.raises(PayloadTooLarge):
            async with received(request(b"x" * 60, b"x" * 60), 100, 5):
                raise AssertionError("it was given")

    @pytest.mark.anyio
    async def test_a_client_that_leaves_ends_it(self) -> None:
        with pytest.raises(ClientGone):
            async with received(request(b"x" * 60, gone=True), 100, 5):
                raise AssertionError("it was given")

    @pytest.mark.anyio
    async def test_an_error_later_on_closes_the_file(self) -> None:
        async def failing() -> BinaryIO:
            async with received(request(b"x"), 100, 5) as file:
                kept.append(file)
                raise ValueError
            return file

        kept: list[BinaryIO] = []
        with pytest.raises(ValueError):
            await failing()
        assert kept[0].closed

    @pytest.mark.anyio
    async def test_a_full_disk_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Full(io.BytesIO):
            def write(self, data: object) -> int:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(bulk.tempfile, "SpooledTemporaryFile", lambda _: Full())
        with pytest.raises(Unavailable, match="No space left"):
            async with received(request(b"x"), 100, 5):
                raise AssertionError("it was given")


class TestRecords:
    def test_every_message_comes_with_progress_and_a_summary(self) -> None:
        file = io.BytesIO(MESSAGES)

        found = list(records(ChatAnalyzer(), file, None, "application/x-ndjson", None))

        assert sum(isinstance(one, SegmentFound) for one in found) == 300
        progress = [one for one in found if isinstance(one, ProgressMade)]
        assert (progress[-1].done, progress[-1].total) == (300, 300)
        assert isinstance(found[-1], ConversationSummarised)
        assert file.closed

    def test_what_cannot_be_read_is_named_before_the_first_record(self) -> None:
        file = io.BytesIO(MESSAGES + b'{"text": 1}\n')

        with pytest.raises(InvalidValue, match="line 301"):
            next(records(ChatAnalyzer(), file, None, "application/x-ndjson", None))
        assert file.closed

    def test_whoever_stops_reading_closes_the_file(self) -> None:
        file = io.BytesIO(MESSAGES)
        stream = records(ChatAnalyzer(), file, None, "application/x-ndjson", None)
        next(stream)
        stream.close()

        assert file.closed
