"""Words are found in processes of their own, which never make anybody wait without end."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from affectscope.errors import ModelUnavailable, Unavailable
from affectscope.speech import PocketSphinx, process
from affectscope.speech.activity import Speech
from affectscope.speech.pocket_sphinx import pcm
from affectscope.speech.process import Recognizers
from affectscope.speech.recognizer import Recognizer
from tests.processes import gone
from tests.speech.neighbours import steps_of_others
from tests.speech.signals import spoken

Fragile = Callable[..., Recognizers]

HAPPY = pcm(spoken()[16_000:32_000])


@pytest.fixture
def recognizers() -> Iterator[Recognizers]:
    recognizers = Recognizers()
    yield recognizers
    recognizers.close()


@pytest.fixture
def fragile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fragile:
    """Processes that do something else once they are asked."""
    monkeypatch.syspath_prepend(tmp_path)
    numbers = itertools.count()

    def fragile(answer: str = "", ready: str = "send(b'R')") -> Recognizers:
        name = f"fragile_{next(numbers)}"
        (tmp_path / f"{name}.py").write_text(
            "import os, signal, sys\n"
            "from affectscope.media.confined import MESSAGE, read_message, writer\n"
            f"send = writer(1)\n{ready}\nread_message(0)\n{answer}\n"
        )
        return Recognizers(module=name)

    return fragile


def idle(recognizers: Recognizers) -> list[int]:
    return [child.pid for child in recognizers._idle]


class TestWords:
    def test_they_are_those_of_the_same_decoder_in_this_process(
        self, recognizers: Recognizers
    ) -> None:
        samples = pcm(spoken())

        assert recognizers.words(samples) == Recognizer().words(samples) != []

    def test_others_run_meanwhile(self, recognizers: Recognizers) -> None:
        recognizers.warm_up()
        here = Recognizer()

        assert steps_of_others(lambda: recognizers.words(HAPPY)) > 200
        assert steps_of_others(lambda: here.words(HAPPY)) < 200

    def test_no_process_before_the_first_phrase_and_one_for_all(
        self, recognizers: Recognizers
    ) -> None:
        assert idle(recognizers) == []

        recognizers.warm_up()
        (pid,) = idle(recognizers)
        recognizers.warm_up()
        recognizers.words(HAPPY)

        assert idle(recognizers) == [pid]

    def test_at_most_two_at_once(self, recognizers: Recognizers) -> None:
        wanted = Recognizer().words(HAPPY)
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(recognizers.words(HAPPY)))
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert found == [wanted] * 5
        assert 1 <= len(idle(recognizers)) <= 2

    def test_every_engine_shares_them(self) -> None:
        PocketSphinx().load()
        before = idle(process.recognizers)

        PocketSphinx().transcribe(Speech(0.0, spoken()[:16_000]))

        assert idle(process.recognizers) == before


class TestTrouble:
    def test_killed_between_phrases(self, recognizers: Recognizers) -> None:
        recognizers.warm_up()
        (pid,) = idle(recognizers)
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)

        assert recognizers.words(HAPPY)
        assert pid not in idle(recognizers)

    def test_killed_at_work_the_phrase_is_tried_again(self, recognizers: Recognizers) -> None:
        recognizers.warm_up()
        (child,) = recognizers._idle
        os.kill(child.pid, signal.SIGSTOP)
        killing = threading.Timer(0.2, child._process.kill)
        killing.start()

        assert recognizers.words(HAPPY)
        assert child.pid not in idle(recognizers)

    def test_killed_twice_is_an_error(self, fragile: Fragile) -> None:
        recognizers = fragile("os.kill(os.getpid(), signal.SIGSEGV)")

        with pytest.raises(
            Unavailable, match="failed twice: the recognizer was stopped by SIGSEGV"
        ):
            recognizers.words(HAPPY)

        assert idle(recognizers) == []

    def test_ended_by_itself_is_an_error(self, fragile: Fragile) -> None:
        with pytest.raises(Unavailable, match="failed twice: the recognizer ended with status 3"):
            fragile("os._exit(3)").words(HAPPY)

    def test_an_answer_too_long_to_be_true(self, fragile: Fragile) -> None:
        with pytest.raises(Unavailable, match="message of 1152921504606846976 bytes"):
            fragile("os.write(1, MESSAGE.pack(b'W', 2**60)); read_message(0)").words(HAPPY)

    def test_standing_still_is_an_error(
        self, recognizers: Recognizers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recognizers.warm_up()
        (pid,) = idle(recognizers)
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(process, "PATIENCE_SECONDS", 0.2)
        monkeypatch.setattr(process, "PATIENCE_FACTOR", 0.0)

        with pytest.raises(Unavailable, match=r"a phrase of 1\.0 s were not found in 0 s"):
            recognizers.words(HAPPY)

        assert gone(pid)
        assert idle(recognizers) == []

    def test_a_phrase_larger_than_the_pipe_does_not_wait_without_end(
        self, recognizers: Recognizers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recognizers.warm_up()
        os.kill(idle(recognizers)[0], signal.SIGSTOP)
        monkeypatch.setattr(process, "PATIENCE_SECONDS", 0.2)
        monkeypatch.setattr(process, "PATIENCE_FACTOR", 0.0)

        with pytest.raises(Unavailable, match="given up"):
            recognizers.words(bytes(8 * 1024 * 1024))

    def test_models_that_cannot_be_loaded_are_an_error(self, fragile: Fragile) -> None:
        said = fragile(ready="send(b'X', b'gone')")
        silent = fragile(ready="sys.exit(2)")

        with pytest.raises(ModelUnavailable, match="cannot be loaded: gone"):
            said.warm_up()
        with pytest.raises(
            ModelUnavailable, match="did not start: the recognizer ended with status 2"
        ):
            silent.warm_up()

    def test_a_start_that_hangs_is_an_error(
        self, fragile: Fragile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process, "LOADING_SECONDS", 0.1)

        with pytest.raises(ModelUnavailable, match=r"more than 0\.1 s"):
            fragile(ready="read_message(0)").warm_up()


class TestEnding:
    """No process outlives its use."""

    def test_closed(self, recognizers: Recognizers) -> None:
        recognizers.warm_up()
        (pid,) = idle(recognizers)

        recognizers.close()

        assert gone(pid)

    def test_forgotten(self) -> None:
        recognizers = Recognizers()
        recognizers.warm_up()
        (pid,) = idle(recognizers)
        del recognizers
        gc.collect()

        assert gone(pid)

    @pytest.mark.parametrize("how", ["kill", "exit"])
    def test_with_its_parent(self, how: str, tmp_path: Path) -> None:
        script = tmp_path / "parent.py"
        script.write_text(
            "import sys, threading\n"
            "from affectscope.speech import PocketSphinx, process\n"
            "PocketSphinx().load()\n"
            "print(process.recognizers._idle[0].pid, flush=True); sys.stdin.read()\n"
        )
        parent = subprocess.Popen(
            [sys.executable, script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert parent.stdin is not None
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        if how == "kill":
            parent.kill()
        parent.stdin.close()
        parent.wait()
        parent.stdout.close()

        assert gone(pid)

    def test_a_forked_process_has_its_own(self) -> None:
        before = process.recognizers
        process._after_fork()
        try:
            assert process.recognizers is not before
        finally:
            process.recognizers = before


def test_secrets_stay_here(recognizers: Recognizers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECTSCOPE_ADMIN_TOKEN", "secret")
    recognizers.warm_up()

    assert "AFFECTSCOPE_ADMIN_TOKEN" not in psutil.Process(idle(recognizers)[0]).environ()
