"""Where uploads lie while they are analysed, and how those of killed processes are found."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

_PREFIX = "affectscope-uploads-"


class UploadFolder:
    """A folder that only this process uses, removed when it ends.

    A process that is killed removes nothing. So each holds a lock on its folder, which the system
    releases however the process ends, and a folder without a lock has lost its owner. A process id
    in the name would not do: in a container every service has the same one.

    Args:
        service: Part of the name, for whoever looks at the disk.
        parent: Where it is made; the system's folder for temporary files by default.
    """

    def __init__(self, service: str, parent: Path | None = None) -> None:
        self._parent = Path(tempfile.gettempdir()) if parent is None else parent
        self._service = service
        self._path: Path | None = None
        self._lock: int | None = None

    def path(self) -> Path:
        """Return the folder, made and locked on first use."""
        while self._path is None:
            path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{self._service}-", dir=self._parent))
            lock = _lock(path)
            if lock is not None:
                self._path, self._lock = path, lock
        return self._path

    def sweep(self) -> None:
        """Remove the folders that killed processes left behind, where this user may."""
        for left in self._parent.glob(f"{_PREFIX}*"):
            lock = _lock(left)
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)

    @staticmethod
    def discard(paths: Collection[Path]) -> None:
        """Remove files; one that is gone already is well."""
        for path in paths:
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder and all in it."""
        if self._path is not None and self._lock is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            os.close(self._lock)
            self._path = self._lock = None


def _lock(path: Path) -> int | None:
    """Lock a folder; None where another process holds it, or has just removed it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another one that sweeps may have removed it between being made and being locked.
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
