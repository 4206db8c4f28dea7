"""How many heaps the threads of a process share."""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8
_HEAPS = 2


def limit_heaps() -> None:
    """Let all threads share two heaps or three; to be called before there are any.

    glibc gives up to eight heaps a core to its threads, and each keeps what its threads have freed:
    a service with many workers grows by what none of them uses. Other C libraries are left alone.

    Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _HEAPS)
