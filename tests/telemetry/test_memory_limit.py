"""The limit of a container is found in either version of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from affectscope.telemetry import memory_limit


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {
                "proc/self/cgroup": "0::/system.slice/app.service\n",
                "sys/fs/cgroup/system.slice/app.service/memory.max": "536870912\n",
                "sys/fs/cgroup/system.slice/memory.max": "max\n",
            },
            536870912,
        ),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/memory.max": "max\n",
                "sys/fs/cgroup/a/memory.max": "1000\n",
            },
            1000,
        ),
        (
            {"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "2000\n"},
            2000,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/z\n4:memory:/docker/1\n",
                "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "3000\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            3000,
        ),
        (
            # Inside a container the group's path is the host's, and the mount shows the group.
            {
                "proc/self/cgroup": "4:memory:/docker/1\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "4000\n",
            },
            4000,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "garbage\n"}, None),
        ({"proc/self/cgroup": "what\n:\n"}, None),
        ({}, None),
    ],
    ids=[
        "v2",
        "v2 above",
        "v2 namespace",
        "v1",
        "v1 mounted",
        "no limit",
        "garbage",
        "odd",
        "none",
    ],
)
def test_the_smallest_limit_counts(
    tmp_path: Path, files: dict[str, str], expected: int | None
) -> None:
    write(tmp_path, files)

    assert memory_limit(tmp_path) == expected
