"""Sends messages about alerts: by webhook and by e-mail, again until they are taken."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx

from affectscope.observatory.alerts.messages import Message, email, webhook_body
from affectscope.telemetry import get_logger
from affectscope.telemetry.instruments import Counters

_log = get_logger()

MOST_WAITING = 100
"""Messages that wait for one channel; beyond, the oldest goes."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
GIVE_UP_SECONDS = 3_600.0
TIMEOUT_SECONDS = 10.0
_SENT, _FAILED, _DROPPED = "sent", "failed", "dropped"


class NotTaken(Exception):
    """A message was not taken; worth another try unless `final`."""

    def __init__(self, detail: str, final: bool = False) -> None:
        super().__init__(detail)
        self.final = final


class Channel(Protocol):
    """One way to tell people."""

    @property
    def name(self) -> str:
        """Its kind, for logs and metrics: without addresses and secrets."""

    async def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            NotTaken: It was not taken.
        """


class Webhook:
    """Posts messages in Alertmanager's form.

    Args:
        url: Where to.
        external_url: Where the alerts can be seen.
    """

    name = "webhook"

    def __init__(self, url: str, external_url: str) -> None:
        self._url = url
        self._external_url = external_url

    async def send(self, message: Message) -> None:
        """Post a message; any status of 200 to 299 takes it.

        Raises:
            NotTaken: Not so; for good where the status is 400 to 499, other than 408 and 429.
        """
        body = webhook_body(message, self._external_url)
        try:
            async with (
                asyncio.timeout(2 * TIMEOUT_SECONDS),
                httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as client,
                # The answer's body is of no interest, whatever its length.
                client.stream("POST", self._url, json=body) as response,
            ):
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NotTaken(f"{type(error).__name__}: {error}"[:300]) from error
        if not 200 <= status < 300:
            raise NotTaken(f"status {status}", 400 <= status < 500 and status not in (408, 429))


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed in.

    Attributes:
        host: Name of the SMTP server.
        port: Its port.
        user: Logs in with this name; "" for no login.
        password: And this.
        starttls: Whether the connection is encrypted before anything else is said.
    """

    host: str = "localhost"
    port: int = 25
    user: str = ""
    password: str = ""
    starttls: bool = False


class Mail:
    """Sends messages as e-mail.

    Args:
        server: Takes them.
        sender: Address.
        receivers: Addresses.
        external_url: Where the alerts can be seen.
        trust: Says which certificates of the server are trusted; those of the system if None.
    """

    name = "email"

    def __init__(
        self,
        server: MailServer,
        sender: str,
        receivers: Sequence[str],
        external_url: str,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._sender = sender
        self._receivers = tuple(receivers)
        self._external_url = external_url
        self._trust = trust

    async def send(self, message: Message) -> None:
        """Hand a message in, on a thread.

        Raises:
            NotTaken: Not taken; for good where the server refused it with a code from 500 on.
        """
        await asyncio.to_thread(self._send, message)

    def _send(self, message: Message) -> None:
        server = self._server
        mail = email(message, self._sender, self._receivers, self._external_url)
        try:
            with smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS) as connection:
                if server.starttls:
                    connection.starttls(context=self._trust or ssl.create_default_context())
                if server.user:
                    connection.login(server.user, server.password)
                connection.send_message(mail)
        except smtplib.SMTPAuthenticationError as error:
            # The answer could repeat what was sent.
            raise NotTaken(f"login refused with code {error.smtp_code}") from error
        except smtplib.SMTPResponseException as error:
            final = 500 <= error.smtp_code < 600
            raise NotTaken(f"code {error.smtp_code}: {error.smtp_error!r:.200}", final) from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise NotTaken(f"receivers refused with {codes}", min(codes) >= 500) from error
        except (smtplib.SMTPException, OSError) as error:
            raise NotTaken(f"{type(error).__name__}: {error}"[:300]) from error


class Notifier:
    """Gives each message to each channel, in order, and tries again with growing pauses.

    Args:
        channels: Ways to tell people.
        on_sent: Called with each message that a channel has taken.
        clock: Seconds on a clock that never goes back.
        first_pause: Seconds before the second try; doubled each time, up to a minute.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        on_sent: Callable[[Message], None] = lambda message: None,
        clock: Callable[[], float] = time.monotonic,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self.outcomes = Counters(
            "affectscope_notifications",
            "Messages about alerts by what became of them; `failed` counts tries.",
            ("channel", "outcome"),
            {"service": "observatory"},
        )
        for channel in channels:
            for outcome in (_SENT, _FAILED, _DROPPED):
                self.outcomes.of(channel.name, outcome)
        self._on_sent = on_sent
        self._clock = clock
        self._first_pause = first_pause
        self._queues = [_Queue(channel) for channel in channels]

    def offer(self, messages: Iterable[Message]) -> None:
        """Have messages sent; called on the event loop of `run`."""
        for message in messages:
            for queue in self._queues:
                if len(queue.waiting) >= MOST_WAITING:
                    queue.waiting.popleft()
                    self._count(queue, _DROPPED)
                queue.waiting.append((self._clock(), message))
                queue.filled.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            for queue in self._queues:
                group.create_task(self._serve(queue))

    async def _serve(self, queue: _Queue) -> None:
        while True:
            await queue.filled.wait()
            if not queue.waiting:
                queue.filled.clear()
                continue
            offered, message = queue.waiting.popleft()
            await self._deliver(queue, message, offered)

    async def _deliver(self, queue: _Queue, message: Message, offered: float) -> None:
        pause = self._first_pause
        while True:
            try:
                await queue.channel.send(message)
            except Exception as error:
                self._count(queue, _FAILED)
                final = isinstance(error, NotTaken) and error.final
                too_old = self._clock() - offered + pause > GIVE_UP_SECONDS
                _log.warning(
                    "an alert was not taken",
                    channel=queue.channel.name,
                    reason=f"{type(error).__name__}: {error}"[:300],
                    again=not (final or too_old),
                )
                if final or too_old:
                    self._count(queue, _DROPPED)
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self._count(queue, _SENT)
                self._on_sent(message)
                return

    def _count(self, queue: _Queue, outcome: str) -> None:
        self.outcomes.of(queue.channel.name, outcome).value += 1


class _Queue:
    """What waits for one channel."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.waiting: deque[tuple[float, Message]] = deque()
        self.filled = asyncio.Event()
