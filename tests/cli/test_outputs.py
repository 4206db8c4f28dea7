"""Files that are wanted are checked before the work and written after it."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import numpy as np
import pytest

from affectscope.affect import Session
from affectscope.cli.outputs import Outputs
from affectscope.errors import InvalidValue
from affectscope.media import probe
from affectscope.samples import sample
from affectscope.session import Table, analyze


def outputs(
    export: Path | None = None,
    *,
    table: Table = "segments",
    film: Path | None = None,
    sheet: Path | None = None,
) -> Outputs:
    return Outputs(export, table, film, sheet, fps=2.0, sequence_rate=25.0)


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped portrait without its sound, which takes longer to analyse."""
    path = tmp_path_factory.mktemp("film") / "portrait.mp4"
    with av.open(sample("video")) as source, av.open(path, "w") as target:
        copy = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    return path


@pytest.fixture(scope="module")
def session(silent: Path) -> Session:
    return analyze(silent, fps=2.0)


class TestCheck:
    @pytest.mark.parametrize(
        ("wanted", "named"),
        [
            (outputs(Path("a.xlsx")), r"valid: \.json"),
            (outputs(Path("a.json"), table="faces-wide"), "not as .json"),
            (outputs(table="faces-wide"), "--output"),
            (outputs(film=Path("a.avi")), r"valid: \.mp4"),
            (outputs(film=Path("a.png")), r"valid: \.mp4"),
            (outputs(sheet=Path("a.mp4")), r"valid: \.jpg"),
            (outputs(Path("gone") / "a.csv"), "no folder 'gone'"),
            (outputs(film=Path("gone") / "a.mp4"), "no folder 'gone'"),
        ],
    )
    def test_what_cannot_be_written_is_named(self, wanted: Outputs, named: str) -> None:
        with pytest.raises(InvalidValue, match=named):
            wanted.check([sample("video")])

    @pytest.mark.parametrize("paths", [[sample("chat")], [sample("video"), sample("video")]])
    def test_pictures_need_one_video(self, paths: list[Path]) -> None:
        with pytest.raises(InvalidValue, match=rf"'a\.mp4' needs one .* {len(paths) * 2 - 2} were"):
            outputs(film=Path("a.mp4")).check(paths)

    def test_the_one_video_is_returned_where_it_is_needed(self) -> None:
        files = [sample("video"), sample("chat")]

        assert outputs(sheet=Path("a.jpg")).check(files) == sample("video")
        assert outputs(Path("a.csv"), table="faces-wide").check(files) == sample("video")
        assert outputs(Path("a.csv"), table="faces-wide").check([sample("chat")]) is None
        assert outputs(Path("a.csv")).check([Path("gone.mp4")]) is None


class TestWrite:
    @pytest.fixture
    def written(self, silent: Path, session: Session, tmp_path: Path) -> Path:
        wanted = outputs(
            tmp_path / "faces.csv",
            table="faces-wide",
            film=tmp_path / "seen.mp4",
            sheet=tmp_path / "faces.jpg",
        )
        wanted.write(session, wanted.check([silent]))
        return tmp_path

    def test_everything_is_there(self, written: Path, silent: Path) -> None:
        with (written / "faces.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["frame"] for row in rows] == [str(index) for index in range(12)]
        assert {row["input"] for row in rows} == {silent.name}
        assert np.mean([float(row["happiness"]) for row in rows]) > 0.9

        film = probe(written / "seen.mp4")
        assert film.duration == pytest.approx(5.6, abs=0.05)
        assert film.audio is None
        sheet = probe(written / "faces.jpg").video
        assert sheet is not None
        assert (sheet.width, sheet.height) == (1114, 238)

    def test_of_no_video_only_the_table_is_written(self, session: Session, tmp_path: Path) -> None:
        outputs(tmp_path / "a.csv").write(session, None)

        assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
