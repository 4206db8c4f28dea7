"""What `analyze` writes, checked before the work begins and written after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from affectscope.affect import Session
from affectscope.cli.progress import timing
from affectscope.errors import InvalidValue
from affectscope.session import Table, check_export, write
from affectscope.session.inputs import gather


@dataclass(frozen=True)
class Outputs:
    """Files that are wanted of one analysis.

    Attributes:
        export: The session or one of its tables.
        table: Which table.
        film: The video again, with the faces drawn into it.
        sheet: Thumbnails of every face.
        fps: Frames a second that are looked at.
        sequence_rate: Images a second of numbered images.
    """

    export: Path | None
    table: Table
    film: Path | None
    sheet: Path | None
    fps: float
    sequence_rate: float

    def check(self, paths: Sequence[Path]) -> Path | None:
        """Say before the work what cannot be written.

        Args:
            paths: What will be analysed.

        Returns:
            The one video or image among them; None where there is none, or where there are several.

        Raises:
            InvalidValue: An ending that is not written, no such folder, or pictures of none or of
                several videos.
        """
        for wanted in (self.export, self.film, self.sheet):
            if wanted is not None and not wanted.absolute().parent.is_dir():
                raise InvalidValue(f"there is no folder {str(wanted.parent)!r} to write to")
        if self.export is not None:
            check_export(self.export, self.table)
        elif self.table != "segments":
            raise InvalidValue("--table chooses what --output writes; give -o FILE.csv too")
        pictured = self.film or self.sheet
        if pictured is None and self.table != "faces-wide":
            return None
        faces = gather(paths).faces
        if pictured is not None and len(faces) != 1:
            raise InvalidValue(
                f"{pictured.name!r} needs one video or image; {len(faces)} were given"
            )
        if self.film is not None:
            from affectscope.video.rendering import check_render

            check_render(faces[0], self.film)
        if self.sheet is not None:
            from affectscope.video.drawing import check_picture

            check_picture(self.sheet)
        return faces[0] if len(faces) == 1 else None

    def write(self, session: Session, video: Path | None) -> None:
        """Write them; `video` is what `check` returned."""
        if self.export is not None:
            write(session, self.export, self.table, source=video.name if video else None)
        if video is not None and self.sheet is not None:
            from affectscope.video import contact_sheet

            contact_sheet(
                video, session, self.sheet, fps=self.fps, sequence_rate=self.sequence_rate
            )
        if video is not None and self.film is not None:
            from affectscope.video import render

            with timing(f"writing {self.film.name}") as told:
                render(video, session, self.film, sequence_rate=self.sequence_rate, on_time=told)
