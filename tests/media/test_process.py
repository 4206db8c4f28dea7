"""The decoding process: kept warm, killed, and gone with its parent."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from affectscope.errors import UndecodableMedia
from affectscope.media import Limits, process, read_audio, read_frames
from affectscope.media.process import Decoder, Nursery
from affectscope.samples import sample
from tests.processes import gone


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.cool_down()


class TestEnding:
    """No decoder outlives its use."""

    def test_closed_before_the_end(self) -> None:
        with read_frames(sample("video"), None) as reader:
            next(reader)
            pid = reader._decoder.pid

        assert gone(pid)

    def test_after_the_last_frame(self) -> None:
        reader = read_audio(sample("speech"))
        pid = reader._decoder.pid
        list(reader)

        assert gone(pid)

    def test_forgotten_by_its_reader(self) -> None:
        reader = read_frames(sample("video"), None)
        pid = reader._decoder.pid
        del reader
        gc.collect()

        assert gone(pid)

    def test_refused(
        self, nursery: Nursery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(process, "nursery", nursery)
        started: list[Decoder] = []
        monkeypatch.setattr(nursery, "take", lambda: started.append(Decoder()) or started[0])
        path = tmp_path / "x.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
        with pytest.raises(UndecodableMedia):
            read_frames(path)

        assert gone(started[0].pid)

    @pytest.mark.parametrize("warm", [False, True])
    def test_the_parent_is_killed(self, warm: bool, tmp_path: Path) -> None:
        script = tmp_path / "parent.py"
        script.write_text(
            "import sys, time\n"
            "from affectscope.media import process, read_frames, warm_up\n"
            "from affectscope.samples import sample\n"
            "if sys.argv[1] == 'True':\n"
            "    warm_up(); pid = process.nursery._spare.pid\n"
            "else:\n"
            "    reader = read_frames(sample('video'), None); pid = reader._decoder.pid\n"
            "print(pid, flush=True); time.sleep(60)\n"
        )
        parent = subprocess.Popen(
            [sys.executable, script, str(warm)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
        parent.wait()
        parent.stdout.close()

        assert gone(pid)


class TestTrouble:
    """A decoder that dies or stands still is an error that says so, never a wait without end."""

    @pytest.fixture
    def long_film(self, film: Callable[..., Path]) -> Path:
        return film(times=range(0, 4000, 20), size=(640, 480))

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
    def test_killed(self, long_film: Path, number: signal.Signals) -> None:
        reader = read_frames(long_film, None)
        next(reader)
        os.kill(reader._decoder.pid, number)

        with pytest.raises(UndecodableMedia, match=number.name):
            list(reader)

    def test_stands_still(self, long_film: Path) -> None:
        reader = read_frames(long_film, None, limits=Limits(stall_seconds=2.5))
        next(reader)
        os.kill(reader._decoder.pid, signal.SIGSTOP)

        with pytest.raises(UndecodableMedia, match=r"stood still for 2\.5 seconds"):
            list(reader)

    def test_too_much_processor_time(self, film: Callable[..., Path]) -> None:
        path = film("big.mkv", range(0, 4000, 20), size=(640, 480))

        with pytest.raises(UndecodableMedia, match="0 seconds of processor time"):
            list(read_frames(path, None, limits=Limits(cpu_seconds=0)))

    def test_a_message_too_long_to_be_true(self) -> None:
        decoder = Decoder()
        read, write = os.pipe()
        decoder._pipe = read
        os.write(write, b"F" + (2**60).to_bytes(8, "little"))
        try:
            with pytest.raises(UndecodableMedia, match="message of"):
                decoder.receive()
        finally:
            os.close(read)
            os.close(write)


class TestSpare:
    """One decoder is kept ready once that was asked for."""

    def test_is_used_and_replaced(self, nursery: Nursery) -> None:
        nursery.warm_up()
        spare = nursery._spare
        assert spare is not None

        taken = nursery.take()

        assert taken is spare
        nursery._starter.submit(int).result()
        assert nursery._spare is not None
        assert nursery._spare.pid != taken.pid
        taken.close()

    def test_none_without_being_asked(self, nursery: Nursery) -> None:
        nursery.take().close()
        nursery._starter.submit(int).result()

        assert nursery._spare is None

    def test_a_dead_spare_is_not_handed_out(self, nursery: Nursery) -> None:
        nursery.warm_up()
        assert nursery._spare is not None
        os.kill(nursery._spare.pid, signal.SIGKILL)
        assert gone(nursery._spare.pid)

        taken = nursery.take()

        assert taken.alive
        taken.close()

    def test_lives_on_when_the_thread_that_asked_ends(self) -> None:
        readers = []
        thread = threading.Thread(target=lambda: readers.append(read_frames(sample("video"), None)))
        thread.start()
        thread.join()

        assert sum(1 for _ in readers[0]) == 140

    def test_many_at_once(self) -> None:
        counts: list[int] = []

        def count() -> None:
            counts.append(sum(1 for _ in read_frames(sample("video"), None)))

        threads = [threading.Thread(target=count) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert counts == [140] * 6

    def test_a_forked_process_has_its_own(self) -> None:
        before = process.nursery
        process._after_fork()
        try:
            assert process.nursery is not before
        finally:
            process.nursery = before


class TestIsolation:
    """The decoder sees nothing that it does not need."""

    def test_secrets_stay_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AFFECTSCOPE_ADMIN_TOKEN", "secret")
        decoder = Decoder()
        try:
            assert "AFFECTSCOPE_ADMIN_TOKEN" not in psutil.Process(decoder.pid).environ()
        finally:
            decoder.close()

    def test_memory_does_not_grow_with_length(self, film: Callable[..., Path]) -> None:
        path = film("long.mp4", range(0, 60_000, 40), size=(320, 240))
        own, peaks = psutil.Process(), []
        with read_frames(path, None) as reader:
            child = psutil.Process(reader._decoder.pid)
            for frame in reader:
                if frame.index % 250 == 200:
                    peaks.append(own.memory_info().rss + child.memory_info().rss)

        assert len(peaks) == 6
        assert peaks[-1] - peaks[1] < 8 * 2**20
