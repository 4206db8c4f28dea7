"""How much memory the container allows, which the machine's own figures do not tell."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import psutil

_UNLIMITED = 1 << 60
"""cgroup v1 writes "no limit" as the largest page-aligned number, far above this."""


def memory_limit(root: Path = Path("/")) -> int | None:
    """The memory limit of this process's control group, in bytes.

    Reads version 2 (`memory.max`) and version 1 (`memory.limit_in_bytes`). A group is also bound
    by all groups above it, so the smallest limit on the way up counts.

    Args:
        root: Where `proc` and `sys` lie; another folder in tests.

    Returns:
        Bytes, or None where there is no limit or it cannot be read.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html (Memory Interface Files)
    """
    limits: list[int] = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if hierarchy == "0" and controllers == "":
            limits += _on_the_way_up(root / "sys/fs/cgroup", group, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _on_the_way_up(root / "sys/fs/cgroup/memory", group, "memory.limit_in_bytes")
    return min(limits, default=None)


def memory_available(root: Path = Path("/")) -> int:
    """The bytes that this process may have: its group's limit, or all of the machine's memory."""
    limit = memory_limit(root)
    machine = int(psutil.virtual_memory().total)
    return machine if limit is None else min(limit, machine)


def _on_the_way_up(mount: Path, group: str, name: str) -> list[int]:
    # A namespace may show the group as "/../..", which lies outside of what is mounted.
    path = PurePosixPath(*(part for part in group.split("/") if part not in ("", ".", "..")))
    found = []
    for folder in (path, *path.parents):
        text = _read(mount / folder / name).strip()
        if text.isdecimal() and int(text) < _UNLIMITED:
            found.append(int(text))
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
