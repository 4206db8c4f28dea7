"""JSON bodies are strict, and what is wrong is named with its place."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, RequestError
from affectscope.service.bodies import parse_json, parse_object
from tests.service.apps import client, make

JSON = {"content-type": "application/json"}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"answers": [1, 2, NaN]}', "answers[2]"),
        (b'{"a": {"b": -Infinity}}', "a.b"),
        (b'{"time": 1e999}', "time"),
        (b'{"time": -' + 400 * b"9" + b"}", "time"),
        (b"Infinity", "the body"),
        (b'{"a": NaN, "a": 1}', "a repeated member"),
        (b'{"m": [{"text": "\\ud83d"}]}', "m[0].text"),
        (b'{"\\udc00": 1}', "a name in the body"),
        (b'{"a": {"\\udc00": {"b": "\\ud800"}}}', "a name in a"),
    ],
)
def test_a_value_that_cannot_be_is_found(body: bytes, where: str) -> None:
    with pytest.raises(InvalidValue, match="valid: ") as caught:
        parse_json(body)

    assert caught.value.extra["field"] == where
    assert caught.value.detail.startswith(where)


@pytest.mark.parametrize(
    ("body", "kind", "named"),
    [
        (b"", EmptyInput, "empty"),
        (b" \n", EmptyInput, "empty"),
        (b"{", MalformedRequest, "line 1, column 2"),
        (b'{"a": 1} x', MalformedRequest, "Extra data"),
        (b"[" * 100_000, MalformedRequest, "too deep"),
        (b'{"a": "\xff"}', MalformedRequest, "not UTF-8 at byte 7"),
        ('{"a": 1}'.encode("utf-16"), MalformedRequest, "not UTF-8"),
        (b"[1]", InvalidValue, "the body is a list"),
        (b'"x"', InvalidValue, "the body is text"),
        (b"null", InvalidValue, "the body is null"),
        (b"true", InvalidValue, "the body is true or false"),
        (b"1", InvalidValue, "the body is a number"),
    ],
)
def test_what_is_no_object_is_named(body: bytes, kind: type[RequestError], named: str) -> None:
    with pytest.raises(kind, match=named):
        parse_object(body)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": "\\ud83d\\ude00 \\u00e4"}', {"a": "😀 ä"}),
        (b'{"a": 1' + 200 * b"0" + b"}", {"a": 10**200}),
    ],
)
def test_what_is_unusual_and_right_passes(body: bytes, wanted: object) -> None:
    assert parse_object(body) == wanted


@given(VALUES)
def test_what_json_can_say_comes_back(value: object) -> None:
    assert parse_json(json.dumps(value)) == value


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\udD8 1e9-NaInfty').map(str.encode))
def test_any_bytes_are_a_problem_or_a_document(data: bytes) -> None:
    with contextlib.suppress(RequestError):
        assert json.dumps(parse_json(data), allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.anyio
class TestOverHttp:
    async def test_a_large_body_is_parsed_in_a_worker(self) -> None:
        service, _ = make()
        body = json.dumps({"pad": "x" * 50_000}).encode()
        async with client(service) as web:
            fine = await web.post("/analyze-test", content=body, headers=JSON)
            odd = await web.post("/analyze-test", content=body[:-1] + b', "b": NaN}', headers=JSON)

        assert (fine.status_code, odd.status_code) == (200, 422)
        assert odd.json()["field"] == "b"

    @pytest.mark.parametrize(
        ("content_type", "status"),
        [
            ("application/json; charset=utf-8", 200),
            ("application/ld+json", 200),
            ("text/plain", 415),
            ("application/x-www-form-urlencoded", 415),
            ("", 415),
        ],
    )
    async def test_the_content_type_counts(self, content_type: str, status: int) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post(
                "/analyze-test", content=b"{}", headers={"content-type": content_type}
            )

        assert answer.status_code == status

    async def test_too_much_is_refused_with_the_limit(self) -> None:
        service, _ = make()

        async def unannounced() -> object:
            for _ in range(11):
                yield b" " * 10_000

        async with client(service) as web:
            announced = await web.post("/analyze-test", content=b" " * 100_001, headers=JSON)
            counted = await web.post("/analyze-test", content=unannounced(), headers=JSON)  # type: ignore[arg-type]

        assert (announced.status_code, counted.status_code) == (413, 413)
        assert "100000 bytes" in announced.json()["detail"]
        assert counted.json()["limit"] == 100_000

    async def test_half_a_character_in_a_name_is_still_answered(self) -> None:
        service, _ = make()
        body = b'{"\\ud800": {"a": NaN}}'
        async with client(service) as web:
            answer = await web.post("/analyze-test", content=body, headers=JSON)

        assert answer.status_code == 422
        assert answer.json()["type"].endswith("invalid-value")
