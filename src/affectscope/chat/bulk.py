"""Long conversations over HTTP: received to disk, answered line by line."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import BinaryIO, cast

from starlette.requests import Request

from affectscope.affect import QualityNoted, Record
from affectscope.chat.analyzer import ChatAnalyzer
from affectscope.chat.formats import open_conversation
from affectscope.errors import Unavailable
from affectscope.service import check_length, chunks

_IN_MEMORY = 1024 * 1024


@asynccontextmanager
async def received(request: Request, limit: int, idle_seconds: float) -> AsyncIterator[BinaryIO]:
    """Receive a body of any length into a file; the caller closes it.

    Args:
        request: Whose body it is.
        limit: Most bytes.
        idle_seconds: Longest pause.

    Raises:
        RequestError: As `chunks` says.
        Unavailable: The disk is full.
    """
    check_length(request, limit)
    file = cast(BinaryIO, tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - given away
    try:
        pending = bytearray()
        async for chunk in chunks(request, limit, idle_seconds):
            pending += chunk
            if len(pending) >= _IN_MEMORY:
                await _write(file, pending)
        await _write(file, pending)
        await asyncio.to_thread(file.seek, 0)
        yield file
    except BaseException:
        file.close()
        raise


async def _write(file: BinaryIO, pending: bytearray) -> None:
    """Write what waits, away from the event loop."""
    try:
        await asyncio.to_thread(file.write, bytes(pending))
    except OSError as error:
        raise Unavailable(
            f"there is no room for the body: {error.strerror}", retry_after=30.0
        ) from error
    pending.clear()


def records(
    analyzer: ChatAnalyzer,
    file: BinaryIO,
    name: str | None,
    content_type: str | None,
    part: str | None,
) -> Iterator[Record]:
    """Yield the records of a conversation of any length, with progress; closes the file.

    Args:
        analyzer: Judges the messages.
        file: The conversation in any format.
        name: Of the file, as the client says.
        content_type: Likewise.
        part: Channel or file of a zip.

    Raises:
        RequestError: It cannot be read; raised before the first record.
    """
    with file:
        conversation = open_conversation(file, name, content_type, part=part)
        for notice in conversation.notices:
            yield QualityNoted(modality="text", flag=notice.code, message=notice.message)
        yield from analyzer.stream(iter(conversation), total=conversation.count)
