"""Messages reach webhooks and mail servers, again until they are taken."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from affectscope.observatory.alerts import notify
from affectscope.observatory.alerts.channels import channels
from affectscope.observatory.alerts.messages import Message
from affectscope.observatory.alerts.notify import (
    Channel,
    Mail,
    MailServer,
    Notifier,
    NotTaken,
    Webhook,
)
from affectscope.observatory.alerts.store import ActiveAlert

pytestmark = pytest.mark.anyio
PAGE = "http://127.0.0.1:9001/"


def alert(name: str, service: str = "chat", summary: str = "chat is down") -> ActiveAlert:
    labels = {"alertname": name, "service": service, "severity": "page"}
    return ActiveAlert(
        name, name, name, "page", labels, "firing", 1_760_000_000.5, 0, 0, summary, "Look there."
    )


MESSAGE = Message(
    (alert("Down"), alert("Slow", summary="chat is slow")), (alert("Old"),), 1_760_000_060.0
)


class Receiver:
    """A webhook that answers with the given statuses, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[dict[str, Any]] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        body = await reader.readexactly(length)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            writer.transport.abort()
            return
        if status == 200:
            self.bodies.append(json.loads(body))
        writer.write(
            f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[Receiver]:
    found = Receiver(*statuses)
    listening = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/alerts"
    try:
        yield found
    finally:
        listening.close()


class TestWebhook:
    async def test_the_body_has_the_form_of_alertmanager(self) -> None:
        async with receiver() as found:
            await Webhook(found.url, PAGE).send(MESSAGE)

        (body,) = found.bodies
        assert body["version"] == "4"
        assert body["status"] == "firing"
        assert body["groupLabels"] == {"service": "chat"}
        assert body["groupKey"] == '{}:{service="chat"}'
        assert body["commonLabels"] == {"service": "chat", "severity": "page"}
        assert body["commonAnnotations"] == {"description": "Look there."}
        assert body["externalURL"] == PAGE
        assert [one["status"] for one in body["alerts"]] == ["firing", "firing", "resolved"]
        assert body["alerts"][0]["startsAt"] == "2025-10-09T08:53:20.500Z"
        assert body["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
        assert body["alerts"][2]["endsAt"] == "2025-10-09T08:54:20.000Z"

    @pytest.mark.parametrize(
        ("status", "final"), [(0, False), (500, False), (429, False), (408, False), (404, True)]
    )
    async def test_refusals(self, status: int, final: bool) -> None:
        async with receiver(status) as found:
            with pytest.raises(NotTaken) as caught:
                await Webhook(found.url, PAGE).send(MESSAGE)

        assert caught.value.final is final

    async def test_an_address_that_is_none_is_a_refusal(self) -> None:
        with pytest.raises(NotTaken):
            await Webhook("http://[", PAGE).send(MESSAGE)


class Mailbox:
    """A mail server's handler: takes all, except from those whom it refuses."""

    def __init__(self, refuse: str = "") -> None:
        self.refuse = refuse
        self.mails: list[Any] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, *rest: Any) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(rest[0])
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@asynccontextmanager
async def mail_server(mailbox: Mailbox, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(mailbox, **options), "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def mail(port: int, trust: ssl.SSLContext | None = None, **options: Any) -> Mail:
    server = MailServer("127.0.0.1", port, **options)
    return Mail(server, "a@example.org", ["b@example.org", "c@example.org"], PAGE, trust)


class TestMail:
    async def test_it_arrives(self) -> None:
        mailbox = Mailbox()
        async with mail_server(mailbox) as port:
            await mail(port).send(MESSAGE)

        (found,) = mailbox.mails
        assert found["Subject"] == "[FIRING] chat is down (and 2 more)"
        assert found["To"] == "b@example.org, c@example.org"
        text = found.get_content()
        assert "Firing: chat is slow" in text
        assert "Resolved: chat is down" in text
        assert PAGE in text

    async def test_a_line_break_does_not_become_a_header(self) -> None:
        mailbox = Mailbox()
        async with mail_server(mailbox) as port:
            evil = Message((), (alert("Down", summary="chat\r\nBcc: evil@example.org"),), 0.0)
            await mail(port).send(evil)

        (found,) = mailbox.mails
        assert found["Subject"] == "[RESOLVED] chat Bcc: evil@example.org"
        assert found["Bcc"] is None

    async def test_starttls_and_login(self, tmp_path: Path) -> None:
        key, certificate = tmp_path / "key", tmp_path / "certificate"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        trust = ssl.create_default_context(cafile=str(certificate))

        def check(*arguments: Any) -> AuthResult:
            given = arguments[-1]
            assert isinstance(given, LoginPassword)
            right = given.login == b"ada" and given.password == b"secret"
            return AuthResult(success=right, handled=False)

        mailbox = Mailbox()
        options = {
            "tls_context": context,
            "require_starttls": True,
            "authenticator": check,
            "auth_required": True,
        }
        async with mail_server(mailbox, **options) as port:
            await mail(port, trust, user="ada", password="secret", starttls=True).send(MESSAGE)
            with pytest.raises(NotTaken, match="login refused with code 535") as caught:
                await mail(port, trust, user="ada", password="wrong", starttls=True).send(MESSAGE)
            with pytest.raises(NotTaken, match="CERTIFICATE"):
                await mail(port, starttls=True).send(MESSAGE)
            with pytest.raises(NotTaken, match="530"):
                await mail(port).send(MESSAGE)

        assert len(mailbox.mails) == 1
        assert "wrong" not in str(caught.value)

    @pytest.mark.parametrize(("answer", "final"), [("550 unknown", True), ("451 later", False)])
    async def test_receivers_that_are_refused(self, answer: str, final: bool) -> None:
        async with mail_server(Mailbox(answer)) as port:
            with pytest.raises(NotTaken) as caught:
                await mail(port).send(MESSAGE)

        assert caught.value.final is final

    async def test_nobody_listens(self) -> None:
        with pytest.raises(NotTaken, match="Refused"):
            await mail(1).send(MESSAGE)


class Flaky:
    """A channel that fails as it is told."""

    name = "flaky"

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)


def outcomes(notifier: Notifier) -> dict[str, float]:
    return {labels[1]: series.value for labels, series in notifier.outcomes.series.items()}


@asynccontextmanager
async def running(notifier: Notifier) -> AsyncIterator[None]:
    task = asyncio.create_task(notifier.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until_sent(channel: Flaky, count: int) -> None:
    async with asyncio.timeout(5):
        while len(channel.sent) < count:
            await asyncio.sleep(0.005)


class TestNotifier:
    async def test_it_tries_again_and_keeps_the_order(self) -> None:
        channel = Flaky(NotTaken("busy"), ZeroDivisionError("a defect"))
        taken: list[Message] = []
        notifier = Notifier([channel], taken.append, first_pause=0.01)
        second = Message((alert("Later"),), (), 2.0)
        async with running(notifier):
            notifier.offer([MESSAGE, second])
            await until_sent(channel, 2)

        assert channel.sent == taken == [MESSAGE, second]
        assert outcomes(notifier) == {"sent": 2, "failed": 2, "dropped": 0}

    async def test_it_gives_up_for_good_reasons(self) -> None:
        channel = Flaky(NotTaken("gone", final=True))
        notifier = Notifier([channel], first_pause=0.01)
        async with running(notifier):
            notifier.offer([MESSAGE, MESSAGE])
            await until_sent(channel, 1)

        assert outcomes(notifier) == {"sent": 1, "failed": 1, "dropped": 1}

    async def test_it_gives_up_after_an_hour(self) -> None:
        seconds = iter([0.0, 4000.0, 4000.0])
        channel = Flaky(NotTaken("busy"))
        notifier = Notifier([channel], clock=lambda: next(seconds), first_pause=0.01)
        async with running(notifier):
            notifier.offer([MESSAGE])
            async with asyncio.timeout(5):
                while not outcomes(notifier)["dropped"]:
                    await asyncio.sleep(0.005)

        assert channel.sent == []

    async def test_what_waits_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(notify, "MOST_WAITING", 2)
        channel = Flaky()
        notifier = Notifier([channel])
        messages = [Message((alert(str(number)),), (), float(number)) for number in range(3)]
        notifier.offer(messages)
        async with running(notifier):
            await until_sent(channel, 2)

        assert channel.sent == messages[1:]
        assert outcomes(notifier)["dropped"] == 1

    async def test_one_channel_does_not_wait_for_another(self) -> None:
        stuck, well = Flaky(*[NotTaken("busy")] * 1000), Flaky()
        notifier = Notifier([stuck, well], first_pause=60)
        async with running(notifier):
            notifier.offer([MESSAGE])
            await until_sent(well, 1)


def test_channels_are_what_the_settings_ask_for() -> None:
    found: list[Channel] = channels(
        [PAGE, PAGE], ["b@example.org"], "a@example.org", MailServer(), PAGE
    )

    assert [channel.name for channel in found] == ["webhook", "webhook", "email"]
    assert channels([], [], "", MailServer(), PAGE) == []
