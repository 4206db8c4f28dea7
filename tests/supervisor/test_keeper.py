"""The keeper starts again what dies, stops all in order, and takes its children with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from affectscope.supervisor import Keeper, ProcessSpec

SERVER = """
import http.server, os, signal, sys, threading
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
def watch():
    os.read(int(os.environ['AFFECTSCOPE_LIFELINE_FD']), 1)
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[2] == 'stubborn' else lambda *_: os._exit(0))
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Answer).serve_forever()
"""


@dataclass(frozen=True)
class Program(ProcessSpec):
    """A process that answers every question with yes, or another program."""

    argument: str = "good"
    code: str = SERVER

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", self.code, str(self.port), self.argument]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def program(name: str = "one", **options: str) -> Program:
    return Program(name, name.title(), free_port(), **options)


def until(condition: Callable[[], bool], keeper: Keeper | None = None, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if keeper is not None:
            keeper.watch()
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def keep() -> Iterator[Callable[..., Keeper]]:
    keepers: list[Keeper] = []

    def start(*specs: ProcessSpec) -> Keeper:
        keeper = Keeper(specs)
        keepers.append(keeper)
        keeper.start()
        return keeper

    yield start
    for keeper in keepers:
        keeper.stop()


class TestKeeping:
    def test_everything_becomes_ready(self, keep: Callable[..., Keeper]) -> None:
        keeper = keep(program("one"), program("two"))

        assert until(lambda: sorted(keeper.ready()) == ["one", "two"])
        assert keeper.dead() == []

    def test_what_is_killed_comes_back_within_two_seconds(
        self, keep: Callable[..., Keeper]
    ) -> None:
        keeper = keep(program())
        assert until(lambda: keeper.ready() == ["one"])
        child = keeper.children["one"]
        assert child.process is not None
        before = child.process.pid

        os.kill(before, signal.SIGKILL)
        died = time.monotonic()

        assert until(lambda: child.process is not None and child.process.pid != before, keeper)
        assert time.monotonic() - died < 2
        assert until(lambda: keeper.ready() == ["one"], keeper)
        assert child.restarts == 1

    def test_what_dies_at_once_is_given_more_and_more_time(
        self, keep: Callable[..., Keeper]
    ) -> None:
        keeper = keep(program(code="import sys; sys.exit(3)"))
        child = keeper.children["one"]

        assert until(lambda: child.restarts >= 3, keeper)

        assert child.pause >= 2.0
        assert child.restarts < 10

    def test_what_hangs_is_killed(self, keep: Callable[..., Keeper]) -> None:
        now = [time.monotonic()]
        keeper = Keeper([program(code="import time; time.sleep(600)")], clock=lambda: now[0])
        keeper.start()
        child = keeper.children["one"]
        try:
            assert child.process is not None
            process = child.process
            for _ in range(20):
                now[0] += 6
                keeper.watch()
                if child.restarts or process.poll() is not None:
                    break
            assert process.wait(10) == -signal.SIGKILL
        finally:
            keeper.stop()


class TestStopping:
    def test_all_are_asked_and_gone(self, keep: Callable[..., Keeper]) -> None:
        keeper = keep(program("one"), program("two"))
        assert until(lambda: len(keeper.ready()) == 2)
        running = [c.process for c in keeper.children.values() if c.process]

        keeper.stop()

        assert [process.returncode for process in running] == [0, 0]
        assert sorted(keeper.dead()) == ["one", "two"]

    def test_a_stubborn_one_is_killed(
        self, keep: Callable[..., Keeper], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("affectscope.supervisor.keeper.GRACE_SECONDS", 0.3)
        keeper = keep(program(argument="stubborn"))
        assert until(lambda: keeper.ready() == ["one"])
        process = keeper.children["one"].process
        assert process is not None

        keeper.stop()

        assert process.returncode == -signal.SIGKILL


def test_killing_the_keeper_leaves_no_child(tmp_path: Path) -> None:
    script = tmp_path / "keeper.py"
    port = free_port()
    script.write_text(
        "import sys, time\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from tests.supervisor.test_keeper import Program\n"
        "from affectscope.supervisor import Keeper\n"
        f"keeper = Keeper([Program('one', 'One', {port})])\n"
        "keeper.start()\n"
        "print(keeper.children['one'].process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, str(script), root], stdout=subprocess.PIPE, text=True, cwd=root
    ) as keeper:
        assert keeper.stdout is not None
        child = int(keeper.stdout.readline())
        assert psutil.pid_exists(child)

        keeper.kill()
        keeper.wait()

    def gone() -> bool:
        return not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"

    assert until(gone)
