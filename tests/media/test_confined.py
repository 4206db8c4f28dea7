"""What a child process does to be killable, silent and small, and how it speaks."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import numpy as np
import pytest

from affectscope.media.confined import MESSAGE, confine, read_message, take_output, writer


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


class TestMessages:
    def test_they_are_framed(self, pipe: tuple[int, int]) -> None:
        read, write = pipe
        writer(write)(b"F", b"head", memoryview(np.arange(3, dtype=np.uint8)))

        data = os.read(read, 100)

        assert MESSAGE.unpack(data[: MESSAGE.size]) == (b"F", 7)
        assert data[MESSAGE.size :] == b"head\x00\x01\x02"

    def test_what_is_written_is_read(self, pipe: tuple[int, int]) -> None:
        read, write = pipe
        send = writer(write)
        send(b"A", b"one")
        send(b"B")

        assert read_message(read) == (b"A", b"one")
        assert read_message(read) == (b"B", b"")

    @pytest.mark.parametrize("sent", [b"", b"A\x05", MESSAGE.pack(b"A", 5) + b"abc"])
    def test_an_end_is_no_message(self, sent: bytes) -> None:
        read, write = os.pipe()
        os.write(write, sent)
        os.close(write)

        assert read_message(read) is None
        os.close(read)


class TestConfinement:
    @pytest.fixture
    def caps(self, monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
        caps: dict[int, tuple[int, int]] = {}
        monkeypatch.setattr(resource, "setrlimit", caps.__setitem__)
        return caps

    def test_memory_time_and_files_are_capped(self, caps: dict[int, tuple[int, int]]) -> None:
        confine(10**9, 7)

        assert caps[resource.RLIMIT_CPU] == (7, 8)
        assert caps[resource.RLIMIT_AS] == (10**9, 10**9)
        assert caps[resource.RLIMIT_FSIZE] == (0, 0)

    def test_a_process_that_is_used_again_may_take_any_time(
        self, caps: dict[int, tuple[int, int]]
    ) -> None:
        confine(10**9)

        assert resource.RLIMIT_CPU not in caps

    def test_what_a_library_prints_is_no_message(self, capfd: pytest.CaptureFixture[str]) -> None:
        kept = os.dup(1), os.dup(2)
        pipe = take_output()
        os.write(1, b"a library says")
        os.write(2, b"something")
        os.write(pipe, b"a message")
        for descriptor, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(pipe)

        assert capfd.readouterr() == ("a message", "")
