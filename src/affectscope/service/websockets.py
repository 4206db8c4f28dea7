"""The WebSocket protocol, and an end to clients that only send frames which are no messages."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

MOST_FRAMES: Final = 1000
"""Continuations, pings and pongs until the next message begins; a browser splits a large message into
far fewer."""


class LimitedWebSockets(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, with a limit on frames that cost time and never become a message.

    Empty frames of six bytes would otherwise keep the event loop busy for as long as a client likes,
    for the application sees nothing of them.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._frames = 0
        # A client that is made to wait has its answer to a ping wait too, behind what it sends; one
        # that is lost is noticed by its silence.
        self.ping_interval = None

    def handle_text(self, event: Frame) -> None:
        """Begin a message of text."""
        self._frames = 0
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Begin a binary message."""
        self._frames = 0
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Go on with a message."""
        if self._permitted():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer that the connection lives."""
        if self._permitted():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Note that the client lives."""
        if self._permitted():
            super().handle_pong(event)

    def _permitted(self) -> bool:
        """Count a frame, and end the connection where there are too many."""
        self._frames += 1
        if self._frames == MOST_FRAMES + 1 and not self.close_sent:
            self.conn.fail(CloseCode.POLICY_VIOLATION, "too many frames without a message")
            self.handle_parser_exception()
        return self._frames <= MOST_FRAMES
