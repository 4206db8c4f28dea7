"""The middleware counts every request once, identifies it, and never stands in its way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextvars import copy_context
from io import StringIO
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

from affectscope.telemetry import (
    Telemetry,
    configure_logging,
    current_request,
    get_logger,
    note_media,
    stage,
)
from affectscope.telemetry.middleware import error_type_for

Message = MutableMapping[str, Any]
Ask = Callable[..., Any]
IDS = "a" * 32 + "b" * 16 + "c" * 16


def measured(**options: Any) -> Telemetry:
    options.setdefault("access_log", False)
    return Telemetry("chat", "chat", "1.0", ["/analyze-chat"], **options)


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return telemetry.registry.get_sample_value(name, labels)


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def scope(path: str = "/analyze-chat", method: str = "POST") -> Message:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "root_path": "",
    }


class TestCounting:
    def test_a_request_feeds_the_contract_and_the_shared_family(self, ask: Ask) -> None:
        telemetry = measured()
        app = telemetry.middleware(Starlette(routes=[Route("/analyze-chat", hello)]))

        ask(app, "GET", "/analyze-chat")

        assert value(telemetry, "chat_requests_total", endpoint="/analyze-chat") == 1
        assert value(telemetry, "chat_processing_seconds_count", endpoint="/analyze-chat") == 1
        assert (
            value(
                telemetry,
                "http_server_request_duration_seconds_count",
                service="chat",
                http_request_method="GET",
                http_route="/analyze-chat",
                http_response_status_code="200",
            )
            == 1
        )
        sizes = {"service": "chat", "http_route": "/analyze-chat"}
        assert value(telemetry, "http_server_response_body_size_bytes_sum", **sizes) == 5
        assert telemetry.in_flight == 0

    def test_the_endpoint_is_the_template_of_the_route(self, ask: Ask) -> None:
        telemetry = measured()
        app = FastAPI()
        router = APIRouter(prefix="/sessions")

        @router.get("/{session}")
        async def one(session: str) -> str:
            return session

        app.include_router(router, prefix="/v1")
        app.add_middleware(telemetry.middleware)

        ask(app, "GET", "/v1/sessions/ada-lovelace")

        assert value(telemetry, "chat_requests_total", endpoint="/v1/sessions/{session}") == 1
        assert "ada" not in telemetry.exposition(None)[0].decode()

    def test_a_mounted_application_names_its_own_template(self, ask: Ask) -> None:
        telemetry = measured()
        inner = Starlette(routes=[Route("/page/{name}", hello)])
        app = telemetry.middleware(Starlette(routes=[Mount("/in/{who}", app=inner)]))

        ask(app, "GET", "/in/ada/page/1")

        assert value(telemetry, "chat_requests_total", endpoint="/page/{name}") == 1

    @given(st.text("abc/%.", max_size=20))
    def test_what_no_route_took_is_unmatched(self, path: str) -> None:
        telemetry = measured()
        app = telemetry.middleware(Starlette())

        async def send(message: Message) -> None:
            pass

        asyncio.run(app(scope("/" + path), lambda: asyncio.sleep(0, {}), send))

        assert value(telemetry, "chat_requests_total", endpoint="unmatched") == 1
        assert (
            value(telemetry, "chat_errors_total", endpoint="unmatched", error_type="not-found") == 1
        )

    def test_an_unknown_method_is_other(self, ask: Ask) -> None:
        telemetry = measured()
        app = telemetry.middleware(Starlette(routes=[Route("/analyze-chat", hello)]))

        ask(app, "PROPFIND", "/analyze-chat")

        text = telemetry.exposition(None)[0].decode()
        assert 'http_request_method="_OTHER"' in text
        assert "PROPFIND" not in text

    def test_the_endpoint_may_name_its_error_type(self, ask: Ask) -> None:
        telemetry = measured()

        async def refuse(request: Request) -> JSONResponse:
            request.scope["affectscope.error_type"] = "empty-input"
            return JSONResponse({}, status_code=422)

        app = telemetry.middleware(Starlette(routes=[Route("/analyze-chat", refuse)]))

        ask(app, "GET", "/analyze-chat")

        labels = {"endpoint": "/analyze-chat", "error_type": "empty-input"}
        assert value(telemetry, "chat_errors_total", **labels) == 1

    def test_a_raised_exception_is_a_500_and_goes_on_its_way(self) -> None:
        telemetry = measured()

        async def app(scope: Message, receive: object, send: object) -> None:
            raise LookupError("defect")

        with pytest.raises(LookupError, match="defect"):
            asyncio.run(
                telemetry.middleware(app)(scope(), lambda: asyncio.sleep(0, {}), lambda _: None)
            )

        labels = {"endpoint": "unmatched", "error_type": "internal"}
        assert value(telemetry, "chat_errors_total", **labels) == 1
        assert telemetry.in_flight == 0

    def test_an_exception_that_is_answered_outside_counts_once(self, ask: Ask) -> None:
        telemetry = measured()
        app = FastAPI()

        @app.get("/analyze-chat")
        async def broken() -> None:
            raise LookupError("defect")

        app.add_middleware(telemetry.middleware)

        answer = ask(app, "GET", "/analyze-chat")

        labels = {"endpoint": "/analyze-chat", "error_type": "internal"}
        assert answer.status_code == 500
        assert value(telemetry, "chat_errors_total", **labels) == 1
        assert value(telemetry, "chat_requests_total", endpoint="/analyze-chat") == 1

    @pytest.mark.parametrize("named", [None, "backend-timeout"])
    def test_an_answer_that_breaks_off_is_an_error_too(self, ask: Ask, named: str | None) -> None:
        telemetry = measured()

        async def parts(scope: Message) -> AsyncIterator[bytes]:
            yield b"begun"
            if named:
                scope["affectscope.error_type"] = named
            raise LookupError("defect")

        async def break_off(request: Request) -> StreamingResponse:
            return StreamingResponse(parts(request.scope))

        app = telemetry.middleware(Starlette(routes=[Route("/analyze-chat", break_off)]))

        ask(app, "GET", "/analyze-chat")

        labels = {"endpoint": "/analyze-chat", "error_type": named or "internal"}
        assert value(telemetry, "chat_errors_total", **labels) == 1

    def test_other_scopes_pass_untouched(self) -> None:
        telemetry = measured()
        seen = []

        async def app(scope: Message, receive: object, send: object) -> None:
            seen.append(scope)

        asyncio.run(telemetry.middleware(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]

        assert seen == [{"type": "lifespan"}]
        assert value(telemetry, "chat_requests_total", endpoint="unmatched") == 0

    def test_requests_in_flight_are_seen_while_they_run(self, ask: Ask) -> None:
        telemetry = measured()
        seen = []

        async def look(request: Request) -> PlainTextResponse:
            seen.append(telemetry.in_flight)
            labels = {"service": "chat", "http_request_method": "GET"}
            seen.append(value(telemetry, "http_server_active_requests", **labels))
            return PlainTextResponse("")

        ask(telemetry.middleware(Starlette(routes=[Route("/", look)])), "GET", "/")

        assert seen == [1, 1]
        assert telemetry.in_flight == 0

    def test_a_failure_of_the_telemetry_stays_inside(self, ask: Ask) -> None:
        def broken() -> float:
            raise OSError("no clock")

        telemetry = measured(now=broken)
        app = telemetry.middleware(Starlette(routes=[Route("/analyze-chat", hello)]))

        answer = ask(app, "GET", "/analyze-chat")

        assert answer.status_code == 200
        assert value(telemetry, "affectscope_telemetry_failures_total", service="chat") == 1

    def test_without_ids_a_request_is_still_answered(self, ask: Ask) -> None:
        def broken() -> str:
            raise OSError("no entropy")

        telemetry = measured(new_ids=broken)
        app = telemetry.middleware(Starlette(routes=[Route("/analyze-chat", hello)]))

        answer = ask(app, "GET", "/analyze-chat")

        assert answer.text == "hello"
        assert value(telemetry, "affectscope_telemetry_failures_total", service="chat") == 1

    def test_without_a_clock_a_request_is_still_answered(self) -> None:
        ticks = iter([1.0])
        telemetry = measured(clock=lambda: next(ticks))
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        app = telemetry.middleware(PlainTextResponse("hello"))
        asyncio.run(app(scope(), lambda: asyncio.sleep(0, {}), send))

        assert [message.get("body") for message in sent] == [None, b"hello"]
        assert telemetry.in_flight == 0
        assert value(telemetry, "affectscope_telemetry_failures_total", service="chat") == 2

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(404, "not-found"), (499, "client-closed-request"), (500, "internal"), (599, "http-599")],
    )
    def test_a_status_alone_has_an_error_type_too(self, status: int, expected: str) -> None:
        assert error_type_for(status) == expected


class TestTimes:
    """The clock of these tests goes on only where the application says so."""

    def run(self, application: Callable[..., Any], chunks: list[Message]) -> Telemetry:
        self.now = 100.0
        telemetry = measured(clock=lambda: self.now)
        left = iter(chunks)

        async def receive() -> Message:
            message = next(left)
            self.now += message.pop("after", 0.0)
            return message

        async def send(message: Message) -> None:
            self.now += 0.25

        asyncio.run(telemetry.middleware(application)(scope(), receive, send))
        return telemetry

    def test_processing_starts_when_the_body_has_arrived(self) -> None:
        async def app(scope: Message, receive: Any, send: Any) -> None:
            while (await receive())["more_body"]:
                pass
            self.now += 3.0
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x"})

        telemetry = self.run(
            app,
            [
                {"type": "http.request", "body": b"ab", "more_body": True, "after": 2.0},
                {"type": "http.request", "body": b"c", "more_body": True, "after": 5.0},
                {"type": "http.request", "body": b"", "more_body": False, "after": 1.0},
            ],
        )

        assert value(telemetry, "chat_processing_seconds_sum", endpoint="unmatched") == 3.25
        stages = {"service": "chat", "stage": "upload"}
        assert value(telemetry, "affectscope_stage_seconds_sum", **stages) == 8.0
        sizes = {"service": "chat", "http_route": "unmatched"}
        assert value(telemetry, "http_server_request_body_size_bytes_sum", **sizes) == 3

    def test_asking_late_for_an_empty_body_hides_no_work(self) -> None:
        async def app(scope: Message, receive: Any, send: Any) -> None:
            self.now += 3.0
            await receive()
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        telemetry = self.run(app, [{"type": "http.request", "body": b"", "more_body": False}])

        assert value(telemetry, "chat_processing_seconds_sum", endpoint="unmatched") == 3.25

    def test_a_streamed_answer_is_measured_to_its_end_and_no_further(self) -> None:
        async def stream() -> AsyncIterator[bytes]:
            for _ in range(3):
                self.now += 1.0
                yield b"line\n"

        async def after() -> None:
            self.now += 50.0

        async def app(scope: Message, receive: Any, send: Any) -> None:
            response = StreamingResponse(stream(), background=BackgroundTask(after))
            await response(scope, receive, send)

        forever = [{"type": "http.disconnect", "after": 0.0}]
        telemetry = self.run(
            lambda scope, receive, send: app(
                {**scope, "asgi": {"spec_version": "2.4"}}, receive, send
            ),
            forever,
        )

        # Three seconds of work, and a quarter for each of the four messages before the last.
        assert value(telemetry, "chat_processing_seconds_sum", endpoint="unmatched") == 4.0

    def test_media_seconds_give_the_real_time_factor_without_the_queue(self) -> None:
        async def app(scope: Message, receive: Any, send: Any) -> None:
            with stage("queue"):
                self.now += 4.0
            with stage("infer"):
                self.now += 0.5
            note_media(10.0, "audio")
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        telemetry = self.run(app, [])

        audio = {"service": "chat", "kind": "audio"}
        assert value(telemetry, "affectscope_media_seconds_total", **audio) == 10.0
        assert value(telemetry, "affectscope_realtime_factor_sum", **audio) == 0.075


class TestDisconnects:
    def test_a_client_that_leaves_before_the_answer_is_a_499(self) -> None:
        telemetry = measured()

        async def app(scope: Message, receive: Any, send: Any) -> None:
            assert (await receive())["type"] == "http.disconnect"

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            pass

        asyncio.run(telemetry.middleware(app)(scope(), receive, send))

        labels = {"endpoint": "unmatched", "error_type": "client-closed-request"}
        assert value(telemetry, "chat_errors_total", **labels) == 1

    def test_a_cancelled_request_is_counted(self) -> None:
        telemetry = measured()

        async def app(scope: Message, receive: Any, send: Any) -> None:
            await asyncio.sleep(60)

        async def main() -> None:
            async def nothing(*_: object) -> Message:
                return {}

            task = asyncio.create_task(telemetry.middleware(app)(scope(), nothing, nothing))  # type: ignore[arg-type]
            await asyncio.sleep(0)
            assert telemetry.in_flight == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())

        assert telemetry.in_flight == 0
        assert value(telemetry, "chat_requests_total", endpoint="unmatched") == 1


class TestIdentity:
    def test_ids_are_returned_and_seen_in_worker_threads(self, ask: Ask) -> None:
        telemetry = measured(new_ids=lambda: IDS)
        seen = []

        def work() -> None:
            request = current_request()
            assert request is not None
            seen.append((request.request_id, request.trace_id))

        async def run(request: Request) -> PlainTextResponse:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, copy_context().run, work)
            return PlainTextResponse("")

        app = telemetry.middleware(Starlette(routes=[Route("/", run)]))

        new = ask(app, "GET", "/")
        kept = ask(
            app,
            "GET",
            "/",
            headers={"x-request-id": "mine-1", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"},
        )

        assert new.headers["x-request-id"] == "c" * 16
        assert kept.headers["x-request-id"] == "mine-1"
        assert seen == [("c" * 16, "a" * 32), ("mine-1", "1" * 32)]
        assert current_request() is None

    def test_an_id_that_the_application_passes_on_is_not_doubled(self, ask: Ask) -> None:
        async def gateway(request: Request) -> PlainTextResponse:
            return PlainTextResponse("", headers={"x-request-id": "from-behind", "x-other": "1"})

        app = measured().middleware(Starlette(routes=[Route("/", gateway)]))

        answer = ask(app, "GET", "/", headers={"x-request-id": "mine"})

        assert answer.headers.get_list("x-request-id") == ["mine"]
        assert answer.headers["x-other"] == "1"

    def test_server_timing_shows_the_stages(self, ask: Ask) -> None:
        async def work(request: Request) -> PlainTextResponse:
            request.scope["affectscope.timings"].add("infer", 0.25)
            return PlainTextResponse("")

        app = measured(clock=lambda: 1.0).middleware(Starlette(routes=[Route("/", work)]))

        answer = ask(app, "GET", "/")

        assert answer.headers["server-timing"] == "infer;dur=250.000, total;dur=0.000"

    def test_a_request_inside_a_request_has_its_own_identity(self, ask: Ask) -> None:
        seen = []

        async def look(request: Request) -> PlainTextResponse:
            current = current_request()
            assert current is not None
            seen.append(current.request_id)
            return PlainTextResponse("")

        inner = measured().middleware(Starlette(routes=[Route("/", look)]))

        async def outer(scope: Message, receive: Any, send: Any) -> None:
            async def ignore(message: Message) -> None:
                pass

            inside = {**scope, "headers": [(b"x-request-id", b"inner")]}
            await inner(inside, receive, ignore)
            await look(Request(scope))
            await PlainTextResponse("")(scope, receive, send)

        ask(measured().middleware(outer), "GET", "/", headers={"x-request-id": "outer"})

        assert seen == ["inner", "outer"]


class TestAccessLog:
    def lines(self, ask: Ask, method: str, path: str, app: Any = None, **options: Any) -> list[Any]:
        stream = StringIO()
        configure_logging("chat", stream)
        telemetry = measured(access_log=True, new_ids=lambda: IDS)
        app = app or Starlette(routes=[Route("/s/{name}", hello), Route("/health", hello)])
        ask(telemetry.middleware(app), method, path, **options)
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    def test_one_line_a_request_within_its_context(self, ask: Ask) -> None:
        (line,) = self.lines(ask, "GET", "/s/x")

        assert line["event"] == "request"
        assert line["level"] == "info"
        assert line["service"] == "chat"
        assert line["endpoint"] == "/s/{name}"
        assert line["status"] == 200
        assert line["sent_bytes"] == 5
        assert line["request_id"] == "c" * 16
        assert line["trace_id"] == "a" * 32
        assert line["span_id"] == "b" * 16

    def test_nothing_that_a_person_wrote_is_in_it(self, ask: Ask) -> None:
        lines = self.lines(
            ask, "POST", "/s/ada?text=sorrow", content=b"grief", headers={"cookie": "woe"}
        )

        text = json.dumps(lines)
        assert len(lines) == 1
        assert not any(word in text for word in ("ada", "sorrow", "grief", "woe"))

    def test_probes_and_scrapes_are_quiet(self, ask: Ask) -> None:
        assert self.lines(ask, "GET", "/health") == []

    def test_a_defect_is_an_error_with_its_type(self, ask: Ask) -> None:
        async def broken(scope: Message, receive: Any, send: Any) -> None:
            with stage("infer"):
                raise LookupError("defect")

        (line,) = self.lines(ask, "GET", "/", broken)

        assert (line["level"], line["error_type"]) == ("error", "internal")
        assert line["complete"] is False
        assert list(line["stages"]) == ["infer"]

    def test_a_stream_that_is_closed_breaks_no_answer(self, ask: Ask) -> None:
        stream = StringIO()
        configure_logging("chat", stream)
        stream.close()
        telemetry = measured(access_log=True)
        app = telemetry.middleware(Starlette(routes=[Route("/", hello)]))

        assert ask(app, "GET", "/").status_code == 200
        assert value(telemetry, "affectscope_telemetry_failures_total", service="chat") == 1

    def test_lines_written_inside_bear_the_same_ids(self, ask: Ask) -> None:
        async def speak(scope: Message, receive: Any, send: Any) -> None:
            get_logger().info("inside")
            await PlainTextResponse("")(scope, receive, send)  # type: ignore[arg-type]

        inside, access = self.lines(ask, "GET", "/", speak)

        assert inside["trace_id"] == access["trace_id"] == "a" * 32
