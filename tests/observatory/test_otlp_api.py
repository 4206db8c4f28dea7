"""OTLP over HTTP, as exporters speak it and as nobody should."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from affectscope.observatory import otlp_intake
from affectscope.observatory.otlp import MOST_BYTES
from tests.observatory.store_parts import (
    JSON,
    NOW,
    PROTOBUF,
    Stores,
    log_request,
    proto_span,
    stores_with_client,
    text,
    trace_request,
)

pytestmark = pytest.mark.anyio

TRACE = "0" * 31 + "1"


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Stores, httpx.AsyncClient]]:
    async with stores_with_client(tmp_path) as found:
        yield found


@pytest.fixture
def stores(both: tuple[Stores, httpx.AsyncClient]) -> Stores:
    return both[0]


@pytest.fixture
def api(both: tuple[Stores, httpx.AsyncClient]) -> httpx.AsyncClient:
    return both[1]


class TestTraces:
    async def test_protobuf_is_taken_and_shown(self, stores: Stores, api: httpx.AsyncClient):
        body = trace_request("chat").SerializeToString()
        answer = await api.post("/v1/traces", content=body, headers=PROTOBUF)

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-protobuf"
        assert ExportTraceServiceResponse.FromString(answer.content).WhichOneof is not None
        await asyncio.to_thread(stores.settle)
        shown = (await api.get(f"/api/traces/{TRACE}")).json()
        assert [span["name"] for span in shown["spans"]] == ["POST /analyze-chat"]
        assert shown["spans"][0]["seconds"] == pytest.approx(0.25, abs=1e-6)
        assert shown["spans"][0]["attributes"] == {"http.route": "/analyze-chat"}

    async def test_json_has_hexadecimal_ids(self, stores: Stores, api: httpx.AsyncClient):
        document = MessageToDict(trace_request("chat"))
        span = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        span |= {"traceId": "AB" * 16, "spanId": "cd" * 8, "aFieldOfTomorrow": [1]}
        answer = await api.post("/v1/traces", json=document)

        assert (answer.status_code, answer.json()) == (200, {})
        await asyncio.to_thread(stores.settle)
        assert (await api.get(f"/api/traces/{'ab' * 16}")).json()["spans"][0]["span_id"] == "cd" * 8

    @pytest.mark.parametrize(
        ("encoding", "packed"),
        [
            ("gzip", gzip.compress),
            ("deflate", zlib.compress),
            ("deflate", lambda data: zlib.compress(data)[2:-4]),
            ("identity", lambda data: data),
            ("GZip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
        ],
    )
    async def test_compressed(self, api, stores, encoding, packed):
        body = packed(trace_request().SerializeToString())
        headers = PROTOBUF | {"content-encoding": encoding}
        assert (await api.post("/v1/traces", content=body, headers=headers)).status_code == 200
        assert stores.intake.spans == 1

    async def test_spans_without_ids_are_refused_and_the_others_taken(self, api, stores):
        request = trace_request("chat", proto_span(), proto_span(trace_id=b"x"))
        answer = await api.post("/v1/traces", content=request.SerializeToString(), headers=PROTOBUF)
        told = ExportTraceServiceResponse.FromString(answer.content).partial_success
        assert (told.rejected_spans, stores.intake.spans, stores.intake.refused) == (1, 1, 1)

    async def test_unicode_and_huge_attributes(self, api, stores):
        attributes = [text("größe", "ä" * 5000), text("emoji", "👩‍🚀" * 3)]
        body = trace_request(attributes=attributes).SerializeToString()
        await api.post("/v1/traces", content=body, headers=PROTOBUF)
        await asyncio.to_thread(stores.settle)

        shown = (await api.get(f"/api/traces/{TRACE}")).json()["spans"][0]["attributes"]
        assert shown["emoji"] == "👩‍🚀" * 3
        assert len(shown["größe"].encode()) <= 4096
        assert shown["größe"].endswith("… [truncated]")


class TestRefusals:
    @pytest.mark.parametrize("headers", [PROTOBUF, JSON])
    async def test_malformed_is_told_in_the_same_form(self, api, headers):
        answer = await api.post("/v1/traces", content=b"\xff\xff{", headers=headers)

        assert answer.status_code == 400
        assert answer.headers["content-type"] == headers["content-type"]
        told = answer.json()["code"] if headers is JSON else Status.FromString(answer.content).code
        assert told == 3

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"null",
            b'{"resourceSpans": 3}',
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}',
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "\\ud800"}]}]}]}',
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"resourceSpans": [{"resource": {"attributes": [{"value":'
            + b'{"arrayValue":{"values":[' * 200
            + b"]}}" * 200
            + b"}]}}]}",
        ],
    )
    async def test_json_that_is_none_of_ours(self, api, body):
        answer = await api.post("/v1/traces", content=body, headers=JSON)
        assert answer.status_code == 400, answer.text
        assert answer.json()["message"]

    @pytest.mark.parametrize("kind", ["text/plain", "", "application/x-protobuf+json"])
    async def test_other_types(self, api, kind):
        answer = await api.post("/v1/logs", content=b"", headers={"content-type": kind})
        assert answer.status_code == 415
        assert "application/x-protobuf" in answer.json()["message"]

    async def test_other_encodings(self, api):
        headers = PROTOBUF | {"content-encoding": "br"}
        answer = await api.post("/v1/logs", content=b"", headers=headers)
        assert answer.status_code == 415

    @pytest.mark.parametrize(("encoding", "window"), [("gzip", 31), ("deflate", 15)])
    async def test_a_bomb_is_not_unpacked(self, api, encoding, window):
        packer = zlib.compressobj(9, wbits=window)
        zeros = bytes(1 << 20)
        bomb = b"".join(packer.compress(zeros) for _ in range(MOST_BYTES // len(zeros) + 1))
        headers = PROTOBUF | {"content-encoding": encoding}
        answer = await api.post("/v1/traces", content=bomb + packer.flush(), headers=headers)
        assert answer.status_code == 413
        assert Status.FromString(answer.content).code == 8

    async def test_a_body_of_the_limit_passes_packed(self, api):
        # An unknown field that fills the body to its last byte.
        size = MOST_BYTES - 6
        body = b"\xfa\x7f" + bytes([size & 127 | 128, size >> 7 & 127 | 128])
        body += bytes([size >> 14 & 127 | 128, size >> 21]) + bytes(size)
        headers = PROTOBUF | {"content-encoding": "gzip"}
        answer = await api.post("/v1/traces", content=gzip.compress(body, 1), headers=headers)
        assert answer.status_code == 200, answer.content[:200]

    @pytest.mark.parametrize("cut", [3, -3])
    async def test_compressed_bodies_that_end_early(self, api, cut):
        body = gzip.compress(trace_request().SerializeToString())[:cut]
        headers = PROTOBUF | {"content-encoding": "gzip"}
        assert (await api.post("/v1/traces", content=body, headers=headers)).status_code == 400

    async def test_strangers(self, api):
        headers = PROTOBUF | {"x-forwarded-for": "203.0.113.9"}
        answer = await api.post("/v1/traces", content=b"", headers=headers)
        assert answer.status_code == 403
        assert json.loads(answer.content)["code"] == 7

    async def test_too_much_at_once(self, api, monkeypatch):
        monkeypatch.setattr(otlp_intake, "_MOST_WAITING", -1)
        answer = await api.post("/v1/traces", content=b"", headers=PROTOBUF)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"

    async def test_after_the_end(self, api, stores):
        await asyncio.to_thread(stores.intake.close)
        answer = await api.post("/v1/traces", content=b"", headers=PROTOBUF)
        assert answer.status_code == 503


class TestLogs:
    async def test_lines_are_found_when_the_answer_is_there(self, api, stores):
        body = log_request("speech", "model loaded", "größer als je").SerializeToString()
        assert (await api.post("/v1/logs", content=body, headers=PROTOBUF)).status_code == 200

        found = (await api.get("/api/logs", params={"query": "größ"})).json()["logs"]
        assert [line["event"] for line in found] == ["größer als je"]
        assert found[0]["service"] == "speech"
        assert found[0]["time"] == pytest.approx(NOW, abs=1e-3)

    async def test_an_empty_request_is_fine(self, api):
        assert (await api.post("/v1/logs", content=b"", headers=PROTOBUF)).status_code == 200
        assert (await api.post("/v1/logs", content=b"{}", headers=JSON)).status_code == 200


class TestFullDisk:
    @staticmethod
    def fill(stores: Stores) -> None:
        def limit(connection) -> None:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()

        stores.database.write(limit).result()

    @staticmethod
    def empty(stores: Stores) -> None:
        unlimited = "PRAGMA max_page_count = 1073741823"
        stores.database.write(lambda connection: connection.execute(unlimited).fetchall()).result()

    async def test_logs_are_refused_until_there_is_room(self, api, stores):
        body = log_request("chat", *(f"line {n} {'x' * 500}" for n in range(500)))
        content = body.SerializeToString()
        await asyncio.to_thread(self.fill, stores)
        answer = await api.post("/v1/logs", content=content, headers=PROTOBUF)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

        await asyncio.to_thread(self.empty, stores)
        assert (await api.post("/v1/logs", content=content, headers=PROTOBUF)).status_code == 200
        assert len((await api.get("/api/logs?limit=500")).json()["logs"]) == 500
        assert stores.intake.lines == 500

    async def test_traces_wait_until_there_is_room(self, api, stores, monkeypatch):
        spans = [
            proto_span(
                trace_id=n.to_bytes(16, "big"),
                attributes=[text("x", bytes((n * k) % 251 for k in range(900)).hex())],
            )
            for n in range(1, 400)
        ]
        content = trace_request("chat", *spans).SerializeToString()
        await asyncio.to_thread(self.fill, stores)
        assert (await api.post("/v1/traces", content=content, headers=PROTOBUF)).status_code == 200
        await asyncio.to_thread(stores.settle)
        assert (await api.get("/api/traces")).json()["traces"] == []

        monkeypatch.setattr(otlp_intake, "_MOST_UNWRITTEN", 1000)
        answer = await api.post("/v1/traces", content=content, headers=PROTOBUF)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

        await asyncio.to_thread(self.empty, stores)
        await asyncio.to_thread(stores.settle)
        assert len((await api.get("/api/traces?limit=500")).json()["traces"]) == 399
        assert (await api.post("/v1/traces", content=b"", headers=PROTOBUF)).status_code == 200
