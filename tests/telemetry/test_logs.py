"""Events are JSON lines for machines, coloured lines for people, and never hold local variables."""

from __future__ import annotations

import json
import logging
from io import StringIO
from typing import Any

import pytest

from affectscope.telemetry import RequestContext, Timings, configure_logging, get_logger

IDS = "a" * 32 + "b" * 16 + "c" * 16


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(secret: str) -> None:
    raise LookupError("defect")


def test_an_event_is_one_json_object_a_line() -> None:
    stream = StringIO()
    configure_logging("chat", stream)

    get_logger().info("loaded\nforged", model="text-emotion", note="ümlaut")

    (line,) = lines(stream)
    assert line["event"] == "loaded\nforged"
    assert line["model"] == "text-emotion"
    assert (line["service"], line["level"]) == ("chat", "info")
    assert line["timestamp"].endswith("Z")


def test_events_inside_a_request_bear_its_ids() -> None:
    stream = StringIO()
    configure_logging("chat", stream)

    with Timings(request=RequestContext([], lambda: IDS)).activate():
        get_logger().info("inside")
        logging.getLogger("uvicorn.error").warning("inside %s", "too")
    get_logger().info("outside")

    inside, foreign, outside = lines(stream)
    assert inside["trace_id"] == foreign["trace_id"] == "a" * 32
    assert foreign["event"] == "inside too"
    assert foreign["logger"] == "uvicorn.error"
    assert foreign["service"] == "chat"
    assert "trace_id" not in outside


@pytest.mark.parametrize("foreign", [False, True])
def test_an_exception_is_fields_without_local_variables(foreign: bool) -> None:
    stream = StringIO()
    configure_logging("chat", stream)

    try:
        fail("what the person said")
    except LookupError:
        if foreign:
            logging.getLogger("uvicorn.error").exception("failed")
        else:
            get_logger().exception("failed")

    (line,) = lines(stream)
    (exception,) = line["exception"]
    assert (exception["exc_type"], exception["exc_value"]) == ("LookupError", "defect")
    assert exception["frames"][-1]["name"] == "fail"
    assert "what the person said" not in stream.getvalue().replace('fail("what', "")


def test_what_json_does_not_know_is_written_as_text() -> None:
    stream = StringIO()
    configure_logging("chat", stream)

    get_logger().info("odd", value={1, 2}, raw=b"\xff", number=float("inf"))

    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["value"] == "{1, 2}"


def test_a_terminal_gets_one_coloured_line() -> None:
    stream = Terminal()
    configure_logging("chat", stream)

    get_logger().info("ready", port=8003)
    logging.getLogger("uvicorn.error").info("started")

    first, second = stream.getvalue().splitlines()
    assert "\x1b[" in first
    assert "ready" in first
    assert "started" in second


def test_a_traceback_on_a_terminal_has_no_local_variables() -> None:
    stream = Terminal()
    configure_logging("chat", stream)
    secret = "what the person said"

    try:
        fail(secret)
    except LookupError:
        get_logger().exception("failed")

    assert "LookupError" in stream.getvalue()
    assert secret not in stream.getvalue()


def test_the_level_holds_for_all_loggers() -> None:
    stream = StringIO()
    configure_logging("chat", stream, level=logging.WARNING)

    get_logger().info("quiet")
    logging.getLogger("uvicorn.error").info("quiet")
    get_logger().warning("loud")

    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_configuring_again_replaces_and_doubles_nothing() -> None:
    first, second = StringIO(), StringIO()
    logger = get_logger()
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(first))

    configure_logging("chat", first)
    configure_logging("chat", second)
    logger.info("native")
    logging.getLogger("uvicorn").info("foreign")

    assert first.getvalue() == ""
    assert [line["event"] for line in lines(second)] == ["native", "foreign"]


def test_addresses_of_outgoing_calls_are_not_written() -> None:
    stream = StringIO()
    configure_logging("chat", stream)

    logging.getLogger("httpx").info("HTTP Request: GET http://x/?text=sorrow")

    assert stream.getvalue() == ""
