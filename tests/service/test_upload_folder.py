"""What a killed process left behind is found, and what a living one uses is left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from affectscope.service.upload_folder import UploadFolder

OWNER = """
import sys
from pathlib import Path
from affectscope.service.upload_folder import UploadFolder

folder = UploadFolder("video", Path(sys.argv[1]))
(folder.path() / "left").write_text("somebody's face")
print(folder.path(), flush=True)
sys.stdin.read()
"""


def test_a_folder_lasts_as_long_as_its_process(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    left = Path(owner.stdout.readline().strip())
    sweeper = UploadFolder("speech", tmp_path)

    sweeper.sweep()
    kept = left.exists()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    sweeper.sweep()

    assert kept
    assert not left.exists()


def test_it_is_nobody_elses_to_read_and_goes_when_told(tmp_path: Path) -> None:
    folder = UploadFolder("video", tmp_path)
    path = folder.path()

    assert path.stat().st_mode & 0o777 == 0o700
    assert folder.path() == path
    UploadFolder("video", tmp_path).sweep()
    assert path.exists()

    folder.remove()
    folder.remove()
    assert not path.exists()


def test_what_only_looks_like_a_folder_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "affectscope-uploads-link").symlink_to(kept)
    (tmp_path / "affectscope-uploads-file").write_text("x")

    UploadFolder("video", tmp_path).sweep()

    assert kept.exists()
    assert (tmp_path / "affectscope-uploads-file").exists()
