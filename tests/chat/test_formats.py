"""Whatever form a conversation comes in is told by its content, and hostile input is refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.chat.formats import (
    FORMATS,
    Conversation,
    archives,
    documents,
    open_conversation,
    read_conversation,
    table,
)
from affectscope.chat.formats.text import LONGEST_LINE
from affectscope.chat.messages import LONGEST_MESSAGE, MOST_MESSAGES, WRITER
from affectscope.errors import (
    EmptyInput,
    InvalidValue,
    MalformedRequest,
    PayloadTooLarge,
    RequestError,
    UndecodableMedia,
    UnsupportedMedia,
)

SAMPLES = {
    "json": '{"messages": [{"speaker": "Ann", "time": 1, "text": "hi"}]}',
    "ndjson": '{"speaker": "Ann", "text": "hi"}\n{"text": "yo"}\n',
    "csv": "speaker,text\nAnn,hi\n",
    "text": "hi\nyo\n",
    "whatsapp": "31/12/2023, 23:59 - Ann: hi\n",
    "slack": '[{"type": "message", "user": "U1", "ts": "1700000000.5", "text": "hi"}]',
    "webvtt": "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>hi\n",
    "subrip": "1\n00:00:01,000 --> 00:00:02,000\nANN: hi\n",
}


def read(text: str, **given: str) -> Conversation:
    return read_conversation(text.encode(), **given)


def zipped(files: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


class TestDetection:
    def test_there_is_a_sample_of_each_format(self) -> None:
        assert set(SAMPLES) == set(FORMATS)

    @pytest.mark.parametrize("form", SAMPLES)
    def test_the_content_tells_the_format(self, form: str) -> None:
        found = read(SAMPLES[form])

        assert found.format == form
        assert found.messages[0].text == "hi"

    @pytest.mark.parametrize("form", SAMPLES)
    def test_a_wrong_name_or_type_does_not_mislead(self, form: str) -> None:
        if form != "text":  # plain text shows nothing of its own
            assert read(SAMPLES[form], name="chat.srt").format == form
            assert read(SAMPLES[form], content_type="text/csv").format == form

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"name": "a.csv"}, "line 1: 'hello' cannot be read; valid: names of columns"),
            ({"name": "a.vtt"}, "line 1: 'hello' cannot be read; valid: the times of a cue"),
            ({"content_type": "text/csv; charset=utf-8"}, "names of columns"),
        ],
    )
    def test_the_name_decides_what_the_content_leaves_open(
        self, given: dict[str, str], said: str
    ) -> None:
        with pytest.raises(InvalidValue, match=said):
            read("hello\n\n", **given)

    def test_json_that_is_none_is_refused_as_json(self) -> None:
        with pytest.raises(MalformedRequest, match="line 1"):
            read("hello", name="a.json")
        with pytest.raises(MalformedRequest, match="line 1"):
            read("hello", content_type="application/x-ndjson")

    def test_a_text_in_a_bracket_is_no_json(self) -> None:
        assert read("[laughs] ha\nindeed").format == "text"


class TestEncoding:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    @pytest.mark.parametrize("form", SAMPLES)
    def test_marked_encodings_are_read(self, form: str, encoding: str) -> None:
        found = read_conversation(SAMPLES[form].replace("hi", "hé😀").encode(encoding))

        assert (found.format, found.messages[0].text) == (form, "hé😀")
        assert "encoding-assumed" not in {notice.code for notice in found.notices}

    def test_what_is_not_utf_8_is_windows_1252_with_a_notice(self) -> None:
        found = read_conversation("“déjà vu” – 5 €".encode("cp1252"))

        assert found.messages[0].text == "“déjà vu” – 5 €"
        assert [notice.code for notice in found.notices] == ["encoding-assumed"]

    def test_bytes_that_are_no_character_are_noted(self) -> None:
        found = read_conversation(b"caf\xe9 \x81")

        assert found.messages[0].text == "café \ufffd"
        assert "damaged-characters" in {notice.code for notice in found.notices}

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"\x00" * 500, "binary"),
            ("hello".encode("utf-16-le"), "without a byte order mark"),
            (b"\x89PNG\r\n\x1a\n", "a PNG image"),
            (b"%PDF-1.7", "a PDF"),
            (bytes(range(1, 32)) * 10, "control characters"),
        ],
    )
    def test_what_is_no_text_is_refused_by_its_kind(self, data: bytes, said: str) -> None:
        with pytest.raises(UnsupportedMedia, match=said):
            read_conversation(data)

    def test_line_separators_of_unicode_do_not_part_lines(self) -> None:
        (message,) = read("one\u2028still one\x0bone\x85one").messages

        assert message.text == "one\u2028still one\x0bone\x85one"

    def test_all_three_ends_of_lines_part_them(self) -> None:
        assert [one.text for one in read("a\r\nb\rc\nd").messages] == ["a", "b", "c", "d"]


class TestLimits:
    @pytest.mark.parametrize("data", [b"", b" \n\n", b"\xef\xbb\xbf", b'{"messages": []}'])
    def test_nothing_to_read_is_empty(self, data: bytes) -> None:
        with pytest.raises(EmptyInput):
            read_conversation(data)

    def test_one_message_too_many_is_refused(self) -> None:
        with pytest.raises(PayloadTooLarge, match="more than 10000 messages"):
            read("hi\n" * 10_001)
        assert open_conversation(b"hi\n" * 10_001).count == 10_001

    @pytest.mark.parametrize(
        "text",
        [
            "a" * (LONGEST_MESSAGE + 1),
            "é" * (LONGEST_MESSAGE // 2 + 1),
            "b" * 2_000_000,
            "Ann: x\nBen: y\nAnn: z\n" + "word\n" * 2 + "w" * 2 * LONGEST_MESSAGE,
            "1/2/24, 10:00 - Ann: hi\n" + "more\n" * 40_000,
            "WEBVTT\n\n00:01.000 --> 00:02.000\n" + "more\n" * 40_000,
            json.dumps({"text": "x" * (LONGEST_MESSAGE + 1)}),
            '{"messages": [{"text": "' + "x" * 3_000_000 + '"}]}',
            '{"messages": [' + "[" * 3_000_000,
            "speaker,text\nAnn," + "x" * (LONGEST_MESSAGE + 1),
        ],
    )
    def test_a_message_beyond_the_limit_is_refused(self, text: str) -> None:
        with pytest.raises((PayloadTooLarge, MalformedRequest)) as caught:
            read(text)

        assert len(caught.value.detail) < 400

    def test_a_speaker_without_a_name_is_the_writer(self) -> None:
        assert {one.speaker for one in read("a\nb").messages} == {WRITER}

    def test_far_more_lines_than_one_answer_holds_are_counted(self) -> None:
        data = b"".join(b"%d\n" % number for number in range(200_000))

        assert open_conversation(data).count == 200_000

    @pytest.mark.parametrize("form", ["json", "ndjson", "csv", "whatsapp", "subrip"])
    def test_memory_is_flat(self, form: str) -> None:
        rows = 4_000
        make: dict[str, Callable[[int], str]] = {
            "json": lambda i: f'{"," if i else ""}{{"time": {i}, "text": "message {i}"}}\n',
            "ndjson": lambda i: f'{{"speaker": "Ann", "time": {i}, "text": "message {i}"}}\n',
            "csv": lambda i: f'Ann,{i},"message {i}"\n',
            "whatsapp": lambda i: f"1/2/2024, 10:{i % 60:02} - Ann: message {i}\n",
            "subrip": lambda i: f"{i}\n00:00:01,000 --> 00:00:02,000\nANN: message {i}\n\n",
        }
        before = {"json": '{"messages": [', "csv": "speaker,time,text\n"}.get(form, "")
        after = "]}" if form == "json" else ""
        data = (before + "".join(map(make[form], range(rows))) + after).encode()
        tracemalloc.start()
        try:
            opened = open_conversation(data, name=f"a.{form}")
            count = sum(1 for _ in opened)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert (opened.format, opened.count, count) == (form, rows, rows)
        # Beside the bytes themselves, blocks of characters and one message at a time.
        assert peak - len(data) < 500_000

    def test_it_can_be_read_again(self) -> None:
        opened = open_conversation(io.BytesIO(b"a\nb"))

        assert list(opened) == list(opened)
        assert len(list(opened)) == opened.count == 2


class TestArchives:
    @pytest.mark.parametrize("form", SAMPLES)
    def test_gzip_and_zip_are_read_as_what_they_hold(self, form: str) -> None:
        for data in (
            gzip.compress(SAMPLES[form].encode()),
            zipped({"chat.txt": SAMPLES[form]}),
            zipped({"a/chat.txt": SAMPLES[form]}, zipfile.ZIP_STORED),
        ):
            found = read_conversation(data)

            assert (found.format, found.messages[0].text) == (form, "hi")

    def test_a_stream_that_cannot_seek_is_read(self) -> None:
        class Pipe(io.BytesIO):
            def seekable(self) -> bool:
                return False

        assert read_conversation(Pipe(b"hello")).messages[0].text == "hello"

    def test_the_name_inside_a_gzip_counts(self) -> None:
        with pytest.raises(InvalidValue, match="names of columns"):
            read_conversation(gzip.compress(b"hello"), name="a.csv.gz")

    def test_pictures_beside_a_chat_are_passed_over(self) -> None:
        data = zipped(
            {
                "_chat.txt": SAMPLES["whatsapp"],
                "IMG-1.jpg": b"\xff\xd8\xff",
                "__MACOSX/._chat.txt": b"\0",
                ".hidden.txt": "x",
                "folder/": "",
            }
        )

        assert read_conversation(data).format == "whatsapp"

    def test_several_conversations_need_a_name(self) -> None:
        data = zipped({"a.srt": SAMPLES["subrip"], "b/c.vtt": SAMPLES["webvtt"]})

        with pytest.raises(InvalidValue, match=r"2 conversations.*a\.srt, b/c\.vtt"):
            read_conversation(data)
        with pytest.raises(InvalidValue, match=r"no part 'x'.*valid: a\.srt, b/c\.vtt"):
            read_conversation(data, part="x")
        assert read_conversation(data, part="b/c.vtt").format == "webvtt"

    def test_a_part_of_what_is_no_zip_is_refused(self) -> None:
        with pytest.raises(InvalidValue, match="this is none"):
            read("hello", part="a")

    def test_a_line_is_named_with_its_file(self) -> None:
        with pytest.raises(InvalidValue, match=r"'b\.csv' line 2"):
            read_conversation(zipped({"b.csv": "speaker,text\na,b,c\n"}))

    def test_a_zip_without_text_says_what_it_holds(self) -> None:
        with pytest.raises(UnsupportedMedia, match=r"xl/workbook\.xml"):
            read_conversation(zipped({"xl/workbook.xml": "<x/>"}))
        with pytest.raises(UnsupportedMedia, match="nothing"):
            read_conversation(zipped({}))

    @pytest.mark.parametrize(
        "inner", [gzip.compress(b"a"), zipped({"a.txt": "a"})], ids=["gzip", "zip"]
    )
    def test_an_archive_in_an_archive_is_refused(self, inner: bytes) -> None:
        for data in (gzip.compress(inner), zipped({"a.txt": inner})):
            with pytest.raises(UnsupportedMedia, match="archive in an archive"):
                read_conversation(data)

    def test_other_methods_of_packing_are_refused(self) -> None:
        with pytest.raises(UnsupportedMedia, match="method 14; valid: stored, deflate"):
            read_conversation(zipped({"a.txt": "a" * 100}, zipfile.ZIP_LZMA))

    def test_a_password_is_refused(self) -> None:
        data = bytearray(zipped({"a.txt": "hello"}))
        data[6] |= 1  # flags of the entry, and of the directory
        data[data.index(b"PK\x01\x02") + 8] |= 1

        with pytest.raises(UnsupportedMedia, match="password"):
            read_conversation(bytes(data))

    def test_paths_that_lead_outside_are_names_and_nothing_else(self) -> None:
        data = zipped({"../../etc/passwd.txt": "hello"})

        assert [one.text for one in read_conversation(data).messages] == ["hello"]

    @pytest.mark.parametrize("cut", [3, 12, 20, 60])
    def test_a_truncated_archive_is_named(self, cut: int) -> None:
        text = b"".join(b"line %d\n" % number for number in range(500))
        for data in (gzip.compress(text), zipped({"a.txt": text})):
            with pytest.raises(UndecodableMedia, match="damaged"):
                read_conversation(data[:-cut])

    def test_damage_in_the_middle_is_named(self) -> None:
        data = bytearray(zipped({"a.txt": b"".join(b"line %d\n" % n for n in range(5000))}))
        data[200:300] = b"\xff" * 100

        with pytest.raises(UndecodableMedia, match="damaged"):
            read_conversation(bytes(data))

    @pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped({"a.txt": data})])
    def test_a_bomb_is_stopped(self, pack: Callable[[bytes], bytes]) -> None:
        data = pack(b"a\n" * 20_000_000)
        began = time.perf_counter()

        with pytest.raises(PayloadTooLarge, match="unpacks to more than"):
            open_conversation(data)
        assert time.perf_counter() - began < 10

    def test_the_files_of_an_archive_share_one_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        days = {f"general/2024-01-{day:02}.json": "[]" + " " * 60 for day in range(1, 20)}
        monkeypatch.setattr("affectscope.chat.formats.reading.MOST_UNPACKED", 1000)

        with pytest.raises(PayloadTooLarge, match="at most 1000"):
            read_conversation(zipped(days))

    def test_too_many_files_are_refused_before_they_are_listed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(archives, "MOST_ENTRIES", 3)

        with pytest.raises(PayloadTooLarge, match="more than 3 files"):
            read_conversation(zipped({f"{i}.txt": "a" for i in range(4)}))

    def test_files_that_the_directory_does_not_count_are_counted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = bytearray(zipped({f"{i}.txt": "a" for i in range(4)}))
        at = data.rindex(b"PK\x05\x06")
        data[at + 8 : at + 12] = b"\1\0\1\0"
        monkeypatch.setattr(archives, "MOST_ENTRIES", 3)

        with pytest.raises(PayloadTooLarge, match="more than 3 files"):
            read_conversation(bytes(data))

    def test_a_directory_that_points_nowhere_is_damaged(self) -> None:
        whole = zipped({"a.jpg": "hello", "b.txt": "hello"})
        entry, directory = bytearray(whole), bytearray(whole)
        entry[entry.index(b"PK\x03\x04", 4)] = 0
        directory[directory.index(b"PK\x01\x02") + 2] = 0

        for data in (entry, directory):
            with pytest.raises(UndecodableMedia, match="damaged"):
                read_conversation(bytes(data))

    def test_a_directory_that_lies_about_its_length_is_refused(self) -> None:
        data = bytearray(zipped({"a.txt": "a"}))
        at = data.rindex(b"PK\x05\x06")
        data[at + 12 : at + 16] = (2**31).to_bytes(4, "little")

        with pytest.raises(PayloadTooLarge, match="more than 20000 files"):
            read_conversation(bytes(data))

    def test_what_only_begins_as_a_zip_is_damaged(self) -> None:
        for data in (b"PK\x03\x04" + b"a" * 500, b"PK\x05\x06", b"PK\x05\x06" + b"\xff" * 18):
            with pytest.raises((UndecodableMedia, PayloadTooLarge)):
                read_conversation(data)


class TestDocumentation:
    def test_formats_columns_and_limits_are_documented(self) -> None:
        page = (Path(__file__).parents[2] / "docs" / "chat.md").read_text(encoding="utf-8")
        names = [f"`{name}`" for name in (*table.TEXTS, *table.SPEAKERS, *table.TIMES)]
        limits = [MOST_MESSAGES, LONGEST_LINE, documents.LONGEST_ENTRY, archives.MOST_ENTRIES]
        sizes = [
            f"{LONGEST_MESSAGE // 1024} KiB",
            f"{archives.MOST_UNPACKED // 1024**2} MiB",
            f"{archives.MOST_RATIO} times",
        ]

        for said in (*names, *(f"{limit:,}" for limit in limits), *sizes):
            assert said in page, said

    def test_python_about_languages_runs(self) -> None:
        page = (Path(__file__).parents[2] / "docs" / "chat.md").read_text(encoding="utf-8")
        block = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[-1]
        scope: dict[str, object] = {}
        *lines, last = block.strip().splitlines()
        exec("\n".join(lines), scope)

        assert eval(last.partition("#")[0], scope) == ["de", "de", "de"]


_OPENINGS = st.sampled_from(
    [b"", b"\x1f\x8b\x08", b"PK\x03\x04", b"PK\x05\x06", *(s.encode() for s in SAMPLES.values())]
)


class TestAnyInput:
    """Nothing but what the caller can mend is ever raised."""

    @settings(max_examples=150, deadline=None)
    @given(_OPENINGS, st.binary(max_size=300), st.sampled_from([None, "a.csv", "a.json", "a.srt"]))
    def test_bytes_are_read_or_refused(self, opening: bytes, rest: bytes, name: str | None) -> None:
        with contextlib.suppress(RequestError):
            assert read_conversation(opening + rest, name).messages

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(list(SAMPLES)), st.text(max_size=200), st.integers(0, 200))
    def test_text_put_anywhere_is_read_or_refused(self, form: str, put: str, at: int) -> None:
        text = SAMPLES[form][:at] + put + SAMPLES[form][at:]
        data = text.encode("utf-8", "surrogatepass")
        for packed in (data, gzip.compress(data)):
            with contextlib.suppress(RequestError):
                assert read_conversation(packed).messages

    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_a_flipped_archive_is_read_or_refused(self, data: st.DataObject) -> None:
        whole = bytearray(data.draw(st.sampled_from([_ZIP, _GZIP])))
        for _ in range(data.draw(st.integers(1, 4))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        with contextlib.suppress(RequestError):
            assert read_conversation(bytes(whole)).messages


_ZIP = zipped({"a.txt": "Ann: hello\nBen: hello\n" * 20, "b.jpg": b"x"})
_GZIP = gzip.compress(b"Ann: hello\nBen: hello\n" * 20)
