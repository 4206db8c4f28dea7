"""Live connections pass through the gateway, and whatever ends one end ends the other."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import cv2
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from affectscope.gateway import GatewaySettings
from affectscope.gateway.app import create
from affectscope.media import read_audio, read_frames
from affectscope.samples import sample
from affectscope.service import INTERNAL_HEADER, OPERATOR_HEADER, Service
from affectscope.speech.app import SpeechSettings
from affectscope.speech.app import create as create_speech
from affectscope.video.app import VideoSettings
from affectscope.video.app import create as create_video
from tests.service.apps import until
from tests.service.live_parts import client, ended, heard, make, metric, serving, slug

pytestmark = pytest.mark.anyio
LIVE = "/live-video"


@asynccontextmanager
async def gateway(address: str, **settings: object) -> AsyncIterator[tuple[str, Service]]:
    """Serve a gateway before a video service at an address; yields its own and the service."""
    found = {"video_url": f"http://{address}", "observatory_url": "", "probe_seconds": 0.05}
    service = create(GatewaySettings.model_validate(found | settings))
    async with serving(service) as (own, _):
        yield own, service


class TestPassingOn:
    async def test_messages_both_ways(self) -> None:
        async with (
            serving(make(LIVE)) as (behind, _),
            gateway(behind) as (address, service),
        ):
            async with client(address, LIVE) as web:
                for size in (0, 1, 1_000_000):
                    await web.send(bytes(size))
                    assert await web.recv() == bytes(size)
                await web.send("{}")
                assert await web.recv() == '"unspecified"'
            closed = {"endpoint": LIVE, "code": "1000"}
            assert await until(lambda: metric(service, "affectscope_live_ended_total", **closed))

    async def test_what_the_service_hears_of_the_client(self) -> None:
        async with (
            serving(make(LIVE, internal_secret="ours")) as (behind, _),
            gateway(behind, internal_secret="ours") as (address, _),
        ):
            mine = {"x-request-id": "mine", "Cookie": "a=b", "Authorization": "Bearer x"}
            async with client(address, LIVE, additional_headers=mine) as web:
                await web.send("headers")
                direct = await heard(web)
            mine = {"x-forwarded-for": "1.2.3.4", "Origin": f"http://{address}"}
            async with client(address, LIVE, additional_headers=mine) as web:
                await web.send("headers")
                forwarded = await heard(web)

        assert (direct["x-request-id"], direct[INTERNAL_HEADER]) == ("mine", "ours")
        assert direct[OPERATOR_HEADER] == "1"
        assert direct["host"] == behind
        assert OPERATOR_HEADER not in forwarded
        assert forwarded["forwarded"] == "for=unknown"
        assert not {"cookie", "authorization", "origin", "x-forwarded-for"} & {*direct, *forwarded}

    async def test_how_the_service_closed(self) -> None:
        async with (
            serving(make(LIVE)) as (behind, _),
            gateway(behind) as (address, _),
            client(address, LIVE) as web,
        ):
            await web.send('{"purpose": "workplace"}')
            said, code, reason = await ended(web)

        assert [slug(one) for one in said] == ["purpose-refused"]
        assert (code, reason) == (4403, "Refused for this purpose")

    async def test_a_refusal_of_the_service(self) -> None:
        async with (
            serving(make(LIVE, live_connections=1)) as (behind, _),
            gateway(behind) as (address, _),
            client(address, LIVE),
        ):
            with pytest.raises(InvalidStatus) as refusal:
                await client(address, LIVE)

        answer = refusal.value.response
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert json.loads(answer.body)["type"].endswith("overloaded")

    async def test_the_limit_of_the_gateway(self) -> None:
        async with (
            serving(make(LIVE)) as (behind, _),
            gateway(behind, live_connections=1) as (address, _),
            client(address, LIVE),
        ):
            with pytest.raises(InvalidStatus) as refusal:
                await client(address, LIVE)

        assert refusal.value.response.status_code == 503

    async def test_foreign_pages_stay_outside(self) -> None:
        async with gateway("127.0.0.1:9") as (address, _):
            with pytest.raises(InvalidStatus) as refusal:
                await client(address, LIVE, origin="https://evil.example")

        assert refusal.value.response.status_code == 403

    async def test_a_client_that_leaves(self) -> None:
        behind_it = make(LIVE)
        async with serving(behind_it) as (behind, _), gateway(behind) as (address, _):
            web = await client(address, LIVE)
            await web.send(b"x")
            await web.recv()
            web.transport.abort()
            assert await until(
                lambda: metric(behind_it, "affectscope_live_connections", endpoint=LIVE) == 0
            )

    async def test_a_gateway_that_stops(self) -> None:
        behind_it = make(LIVE)
        async with serving(behind_it) as (behind, _):
            settings = {"video_url": f"http://{behind}", "observatory_url": ""}
            async with serving(create(GatewaySettings.model_validate(settings))) as (
                address,
                server,
            ):
                web = await client(address, LIVE)
                server.should_exit = True
                assert (await ended(web))[1] == 1001
            assert metric(behind_it, "affectscope_live_connections", endpoint=LIVE) == 0

    async def test_a_service_that_stops(self) -> None:
        async with serving(make(LIVE)) as (behind, server), gateway(behind) as (address, _):
            web = await client(address, LIVE)
            server.should_exit = True
            assert (await ended(web))[1] == 1001


class TestLostServices:
    async def test_nothing_listens(self) -> None:
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            async with gateway(f"127.0.0.1:{held.getsockname()[1]}") as (address, _):
                with pytest.raises(InvalidStatus) as refusal:
                    await client(address, LIVE)

        answer = refusal.value.response
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert json.loads(answer.body)["type"].endswith("backend-unavailable")

    async def test_nobody_answers(self) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            behind = f"127.0.0.1:{silent.getsockname()[1]}"
            async with gateway(behind, backend_connect_seconds=0.2) as (address, _):
                with pytest.raises(InvalidStatus) as refusal:
                    await client(address, LIVE)

        assert refusal.value.response.status_code == 504
        assert b"within 0.2 s" in refusal.value.response.body

    async def test_it_speaks_another_language(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example ESMTP\r\n")
            writer.close()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            behind = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with gateway(behind) as (address, _):
                with pytest.raises(InvalidStatus) as refusal:
                    await client(address, LIVE)

        assert json.loads(refusal.value.response.body)["type"].endswith("backend-unavailable")

    async def test_it_names_another_address(self) -> None:
        asked = []

        async def answer(connection: ServerConnection, request: Request) -> Response:
            asked.append(request.path)
            response = connection.respond(302, "elsewhere")
            response.headers["Location"] = "/elsewhere"
            return response

        async def never(_: ServerConnection) -> None:
            raise AssertionError("it was followed")

        async with serve(never, "127.0.0.1", 0, process_request=answer) as server:
            port = server.sockets[0].getsockname()[1]
            async with gateway(f"127.0.0.1:{port}") as (address, _):
                with pytest.raises(InvalidStatus) as refusal:
                    await asyncio.wait_for(client(address, LIVE), 10)

        assert refusal.value.response.status_code == 302
        assert "location" not in refusal.value.response.headers
        assert asked.count(LIVE) == 1
        assert "/elsewhere" not in asked

    async def test_it_breaks_off(self) -> None:
        async def break_off(connection: ServerConnection) -> None:
            await connection.recv()
            connection.transport.abort()

        async with serve(break_off, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with gateway(f"127.0.0.1:{port}") as (address, _), client(address, LIVE) as web:
                await web.send(b"x")
                said, code, _ = await ended(web)

        assert [slug(one) for one in said] == ["backend-unavailable"]
        assert code == 1013

    async def test_it_falls_silent(self) -> None:
        async def never_healthy(connection: ServerConnection, request: Request) -> None:
            if request.path == "/health":
                await asyncio.sleep(3600)

        async def listen(connection: ServerConnection) -> None:
            try:
                while True:
                    await connection.recv()
            except ConnectionClosed:
                pass

        async with serve(listen, "127.0.0.1", 0, process_request=never_healthy) as server:
            port = server.sockets[0].getsockname()[1]
            patience = {"probe_timeout_seconds": 0.1, "backend_silence_seconds": 0.5}
            async with (
                gateway(f"127.0.0.1:{port}", **patience) as (address, _),
                client(address, LIVE) as web,
            ):
                said, code, _ = await ended(web)

        assert [slug(one) for one in said] == ["backend-timeout"]
        assert code == 1013


async def test_a_voice_through_the_gateway() -> None:
    with read_audio(sample("speech")) as reader:
        sound = b"".join((one.samples * 32767).astype("<i2").tobytes() for one in reader)
    speech = create_speech(SpeechSettings.model_validate({"observatory_url": ""}))
    async with (
        serving(speech) as (behind, _),
        gateway(behind, speech_url=f"http://{behind}") as (address, service),
        client(address, "/live-speech") as web,
    ):
        await web.send('{"transcribe": false}')
        for first in range(0, len(sound), 3200):
            await web.send(sound[first : first + 3200])
        await web.send('{"type": "end"}')
        said, code, _ = await ended(web)

    kinds = [one["type"] for one in said]
    assert kinds[:2] == ["ready", "track"]
    assert (kinds.count("segment"), kinds[-1], code) == (2, "end", 1000)
    assert LIVE in (description := service.app.description)
    assert "/live-speech" in description


async def test_a_face_through_the_gateway() -> None:
    with read_frames(sample("video"), 1.0) as reader:
        picture = cv2.imencode(".jpg", next(reader).image[:, :, ::-1])[1].tobytes()
    video = create_video(VideoSettings.model_validate({"observatory_url": ""}))
    async with (
        serving(video) as (behind, _),
        gateway(behind) as (address, _),
        client(address, LIVE) as web,
    ):
        await web.send(struct.pack("<d", 0.0) + picture)
        kinds = [(await heard(web))["type"] for _ in range(3)]

    assert kinds == ["ready", "track", "frame"]
