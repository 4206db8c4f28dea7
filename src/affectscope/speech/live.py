"""A voice before a live microphone: sound comes by a WebSocket, and answers go back as it is heard.

Every sample is heard. A client that sends faster than that, a file for one, is made to wait: no more
than some seconds of its sound are taken from the network ahead of what is heard.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final, TypeVar

from affectscope.errors import AffectscopeError, MalformedRequest
from affectscope.media.live_sound import PackedSound, PlainSound
from affectscope.service import LiveConnection, Service
from affectscope.speech.activity import Speech
from affectscope.speech.analyzer import SpeechAnalyzer
from affectscope.speech.hearing import Hearing
from affectscope.speech.live_form import FORMATS, Form, is_end, read_form
from affectscope.speech.live_listener import LiveListener, Told
from affectscope.speech.live_words import LiveWords
from affectscope.telemetry import Timings, drawn

T = TypeVar("T")
LIVE_SPEECH: Final = "/live-speech"

WAITING_SECONDS: Final = 10.0
"""Sound that waits to be heard; beyond, and beyond one message more, the client waits."""

STALE_SECONDS: Final = 1.0
"""Age of a message from which on estimates are left out: a newer one will be due at once."""

PIECE_BYTES: Final = 128
"""What a message takes beside its sound; without, empty ones could wait without end."""

WAITING_PHRASES: Final = 4
"""Phrases of one client that wait for their words."""


@dataclass(frozen=True)
class Piece:
    """A message of sound, and when it arrived, on the clock of `time.perf_counter`."""

    data: bytes
    arrived: float

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.data) + PIECE_BYTES


class Inbox:
    """Sound that waits to be heard, the message that is being heard included.

    Args:
        room: Bytes from which on nothing more is taken in.
    """

    def __init__(self, room: float) -> None:
        self._room = room
        self._pieces: deque[Piece] = deque()
        self._changed = asyncio.Condition()
        self.bytes = 0
        self.ended = False

    async def put(self, piece: Piece) -> None:
        """Take in a piece once there is room."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.bytes < self._room)
            self._pieces.append(piece)
            self.bytes += piece.size
            self._changed.notify_all()

    async def end(self) -> None:
        """Say that nothing more will come."""
        async with self._changed:
            self.ended = True
            self._changed.notify_all()

    async def take(self) -> Piece | None:
        """Return the next piece, None at the end; it takes up room until `done`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._pieces or self.ended)
            return self._pieces.popleft() if self._pieces else None

    async def done(self, piece: Piece) -> None:
        """Give the room of a piece free."""
        async with self._changed:
            self.bytes -= piece.size
            self._changed.notify_all()

    @property
    def patient(self) -> bool:
        """Whether whoever sends can wait: it is well ahead, or at its end."""
        return self.ended or self.bytes >= self._room / 2


class LiveSpeech:
    """One microphone.

    Args:
        service: Whose metrics are fed.
        analyzer: Judges the voice.
        words: Finds the words.
        connection: Its client.
    """

    def __init__(
        self,
        service: Service,
        analyzer: SpeechAnalyzer,
        words: LiveWords,
        connection: LiveConnection,
    ) -> None:
        self._telemetry = service.telemetry
        self._analyzer = analyzer
        self._words = words
        self._connection = connection
        self._sending = asyncio.Lock()
        self._form = Form()
        self._inbox = Inbox(0)
        self._spoken: asyncio.Queue[tuple[Speech, float] | None] = asyncio.Queue(WAITING_PHRASES)
        self._arrived = 0.0
        self._heard = 0.0
        # A thread of its own: the pool's may be busy for minutes with whole recordings.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="speech-live")
        self._sound: PlainSound | PackedSound | None = None

    async def run(self) -> None:
        """Answer what is heard until the client leaves or says that it is done.

        Raises:
            AffectscopeError: Why the connection ends: the client left or is silent, too many bad
                messages, sound that cannot be decoded, a purpose that refuses voices, no weights.
        """
        try:
            await self._connection.accept()
            hearing, track = await self._compute(self._begin)
            ready = {
                "type": "ready",
                "most_bytes": self._connection.most_bytes,
                "formats": FORMATS,
            }
            await self._send(json.dumps(ready))
            first = await self._options()
            self._sound = self._form.sound()
            self._inbox = Inbox(WAITING_SECONDS * self._form.bytes_a_second)
            await self._send(track)
            await self._converse(first, LiveListener(hearing, self._stale), self._sound)
        finally:
            # After what the thread does just now, which cannot be stopped.
            if self._sound is not None:
                self._thread.submit(self._sound.close)
            self._thread.shutdown(wait=False)

    async def _converse(
        self, first: str | bytes, listener: LiveListener, sound: PlainSound | PackedSound
    ) -> None:
        """Do everything at once, and say at last that it is done."""
        work = [
            asyncio.ensure_future(self._listen(listener, sound)),
            asyncio.ensure_future(self._transcribe()),
        ]
        waiting = {*work, asyncio.ensure_future(self._receive(first, sound))}
        try:
            while not all(task.done() for task in work):
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        end = {
            "type": "end",
            "heard": listener.heard,
            "spoken": round(listener.spoken, 3),
            "segments": listener.segments,
        }
        await self._send(json.dumps(end))

    async def _compute(self, job: Callable[[], T]) -> T:
        """Do something in the microphone's own thread, in the caller's context."""
        context = copy_context()
        return await asyncio.wrap_future(self._thread.submit(context.run, job))

    def _begin(self) -> tuple[Hearing, str]:
        """Return what judges phrases, and its track; runs in the thread."""
        hearing = self._analyzer.hearing(transcribe=False)
        return hearing, hearing.opened().model_dump_json()

    async def _send(self, message: str) -> None:
        """Send a message once those before it are taken."""
        async with self._sending:
            await self._connection.send(message)

    async def _options(self) -> str | bytes:
        """Read what the client says of its sound, where it does; returns the message after that."""
        message = await self._connection.receive()
        if isinstance(message, str) and not is_end(message):
            self._form = read_form(message)
            message = await self._connection.receive()
        return message

    async def _receive(self, message: str | bytes, sound: PlainSound | PackedSound) -> None:
        """Take what the client sends, no faster than it can be heard."""
        while True:
            try:
                piece = self._piece(message, sound)
            except AffectscopeError as error:
                await self._send(self._connection.bad(error))
            else:
                await (self._inbox.end() if piece is None else self._inbox.put(piece))
            # While the last answers are made, nobody has to say anything.
            message = await self._connection.receive(patient=self._inbox.ended)

    def _piece(self, message: str | bytes, sound: PlainSound | PackedSound) -> Piece | None:
        """Read one message; None where it says that nothing more will come.

        Raises:
            MalformedRequest, PayloadTooLarge: It is no sound, or comes out of turn.
        """
        if self._inbox.ended:
            raise MalformedRequest("a message after the end; valid: none but to close")
        if isinstance(message, bytes):
            self._connection.check_size(message)
            sound.check(message)
            return Piece(message, time.perf_counter())
        if not is_end(message):
            raise MalformedRequest(
                f"a message of text: {message!r:.40}; valid after the first message: binary ones, "
                'which are sound, and at last {"type":"end"}'
            )
        return None

    def _stale(self) -> bool:
        """Tell whether what is heard now came long ago; asked in the thread."""
        return time.perf_counter() - self._arrived > STALE_SECONDS

    async def _listen(self, listener: LiveListener, sound: PlainSound | PackedSound) -> None:
        """Hear what has come, and answer."""
        while (piece := await self._inbox.take()) is not None:
            self._arrived = piece.arrived
            await self._answer(_fed(listener, sound, piece.data))
            await self._inbox.done(piece)
            self._connection.good()
            self._telemetry.live.answered(LIVE_SPEECH, time.perf_counter() - piece.arrived)
        self._arrived = time.perf_counter()
        await self._answer(_finished(listener, sound))
        await self._spoken.put(None)

    async def _answer(self, told: Iterator[Told]) -> None:
        """Tell all there is to tell, each as soon as it is found."""
        timings = Timings()
        while True:
            with timings.activate():
                one = await self._compute(lambda: next(told, None))
            if one is None:
                break
            self._heard = one.heard
            if one.phrase is None:
                await self._send(self._stamped(one.message, self._arrived))
            else:
                await self._tell_phrase(one, one.phrase)
        self._telemetry.requests.note_stages(timings)

    async def _tell_phrase(self, one: Told, phrase: Speech) -> None:
        """Tell of a phrase that ended, and let it wait for its words."""
        affect = one.affect
        self._telemetry.predictions.note(
            "voice",
            None if affect is None else affect.label,
            None if affect is None else affect.confidence,
        )
        words = "off"
        if self._form.transcribe:
            # Who speaks now must not wait for words that are slower than speech; a file can.
            full = self._spoken.full() and not self._inbox.patient
            words = "left-out" if full else "coming"
        arrived = self._arrived
        await self._send(self._stamped(f'{one.message[:-1]},"transcript":"{words}"}}', arrived))
        if words == "coming":
            await self._spoken.put((phrase, arrived))

    async def _transcribe(self) -> None:
        """Find the words of phrases, one after the other."""
        while (waiting := await self._spoken.get()) is not None:
            phrase, arrived = waiting
            timings = Timings()
            found = await self._words.find(phrase, timings)
            self._telemetry.requests.note_stages(timings)
            if found is not None:
                await self._send(self._stamped(found.model_dump_json(), arrived))

    def _stamped(self, message: str, arrived: float) -> str:
        """Add what was heard by now, and how long the answer took."""
        seconds = time.perf_counter() - arrived
        return f'{message[:-1]},"heard":{self._heard!r},"latency_ms":{1000 * seconds:.1f}}}'


def _fed(listener: LiveListener, sound: PlainSound | PackedSound, data: bytes) -> Iterator[Told]:
    """Yield what there is to tell of a message."""
    for samples in drawn("decode", sound.feed(data)):
        yield from listener.feed(samples)


def _finished(listener: LiveListener, sound: PlainSound | PackedSound) -> Iterator[Told]:
    """Yield what there is to tell at the end."""
    for samples in drawn("decode", sound.finish()):
        yield from listener.feed(samples)
    yield from listener.finish(damaged=sound.damaged > 0, truncated=sound.truncated)
