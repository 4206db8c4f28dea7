"""Many threads share few heaps."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

MANY_THREADS = """
import ctypes, sys, threading
from affectscope.service import limit_heaps

if sys.argv[1] == "limited":
    limit_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
all_there = threading.Barrier(12)

def work():
    libc.malloc(3000)
    all_there.wait()

threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_stats()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="heaps of glibc")
def test_threads_share_few_heaps() -> None:
    def heaps(how: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", MANY_THREADS, how], capture_output=True, text=True, check=True
        )
        return len(re.findall(r"^Arena \d+:", done.stderr, re.MULTILINE))

    # The first heap, which is not a thread's, may or may not count.
    assert heaps("limited") <= 3 < heaps("as they are")
