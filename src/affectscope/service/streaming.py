"""Lines from a worker thread to a client, at the client's pace."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from affectscope.errors import ClientGone
from affectscope.service.problems import ERROR_TYPE

NDJSON = "application/x-ndjson"

PATIENCE_SECONDS = 60.0
"""How long a client may take nothing before its answer is cut off."""

_AHEAD = 8


class Lines:
    """Pieces of an answer between the thread that writes them and the event loop that sends them.

    The writer is never more than a few pieces ahead, so memory stays flat however slow the client.

    Args:
        gone: Set where nobody wants the answer any more.
        patience: Seconds that the writer waits for room.

    Attributes:
        begun: Done when there is a first piece; before that, an error can still have its own status.
    """

    def __init__(self, gone: threading.Event, patience: float = PATIENCE_SECONDS) -> None:
        self._gone = gone
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._room = threading.Semaphore(_AHEAD)
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.begun: asyncio.Future[None] = self._loop.create_future()

    def put(self, piece: bytes | None) -> None:
        """Hand over a piece, None after the last; called in the worker thread.

        Raises:
            ClientGone: The client has left, or took nothing for too long.
        """
        if not self._room.acquire(timeout=self._patience):
            self._gone.set()
            raise ClientGone(f"the client took nothing for {self._patience:g} seconds")
        if self._gone.is_set():
            raise ClientGone("the client closed the connection")
        self._loop.call_soon_threadsafe(self._take, piece)

    def _take(self, piece: bytes | None) -> None:
        self._pieces.put_nowait(piece)
        if not self.begun.done():
            self.begun.set_result(None)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the pieces as they come, to the last."""
        while (piece := await self._pieces.get()) is not None:
            self._room.release()
            yield piece

    def abandon(self) -> None:
        """Tell the writer that nobody wants more, also where it waits for room."""
        self._gone.set()
        self._room.release()


class LineStream(StreamingResponse):
    """The answer that sends lines for as long as both ends are there.

    Args:
        lines: What to send.
        work: The worker that writes them.
    """

    def __init__(self, lines: Lines, work: asyncio.Future[Any]) -> None:
        super().__init__(lines.pieces(), media_type=NDJSON)
        self._lines = lines
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines; see `Response`.

        Where the client leaves, or is too slow for the worker's patience, it returns without an end:
        the server then closes the connection, so that what arrived does not look complete.
        """
        sending = asyncio.ensure_future(self.stream_response(send))
        leaving = asyncio.ensure_future(disconnected(receive))
        try:
            await asyncio.wait({sending, leaving, self._work}, return_when=asyncio.FIRST_COMPLETED)
            if self._work.done() and self._work.exception() is None:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            else:
                scope[ERROR_TYPE] = ClientGone.slug
        finally:
            self._lines.abandon()
            self._work.cancel()
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone; the body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def before_leaving(receive: Receive, *events: asyncio.Future[Any]) -> None:
    """Return when one of the events has happened.

    Raises:
        ClientGone: The client left before.
    """
    leaving = asyncio.ensure_future(disconnected(receive))
    try:
        await asyncio.wait({leaving, *events}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
    if not any(event.done() for event in events):
        raise ClientGone("the client closed the connection")
