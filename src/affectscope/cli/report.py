"""A session for people: who, what it resembles, when, and how sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from affectscope.affect import FaceSummary, Segment, Session, Stretch, TurnTaking, to_core

_COLOURS = {
    "neutral": "grey62",
    "happiness": "gold1",
    "surprise": "orchid1",
    "sadness": "dodger_blue1",
    "anger": "red1",
    "disgust": "chartreuse3",
    "fear": "medium_purple1",
}
_STRIP = 24
"""Characters of a timeline."""

_MOST_LINES = 40
_MOST_FACES = 20
"""Faces that are listed: those seen longest."""

_MOST_LABELS = 3


def print_report(session: Session, seconds: float, picture: Path | None = None) -> None:
    """Print a session to standard output.

    Args:
        session: What to print.
        seconds: How long the analysis took.
        picture: Where to write the same as SVG, where wanted.
    """
    console = Console(record=picture is not None, width=108 if picture else None)
    console.print(_head(session, seconds))
    if session.tracks:
        console.print(_tracks(session))
        console.print(_legend())
    if session.faces:
        console.print(_faces(session.faces))
    for turns in session.turn_taking:
        if len(turns.speakers) > 1:
            console.print(_turns(turns))
    if session.transcript or any(t.modality == "text" for t in session.tracks):
        console.print(_words(session))
    for survey in session.surveys:
        lines = [Text(survey.interpretation)]
        lines += [Text(notice, style="bold red") for notice in survey.notices]
        console.print(Panel(Group(*lines), title=survey.title, title_align="left"))
    console.print(
        Text("What is named here is what expressions resemble, not what anybody feels.", "dim")
    )
    if picture is not None:
        console.save_svg(str(picture), title="affectscope analyze --sample")


def _head(session: Session, seconds: float) -> Text:
    length = f"{session.duration:.1f} s of media" if session.duration else "no media"
    head = Text(f"{length}, analysed in {seconds:.1f} s, purpose {session.purpose}")
    for modality, flags in session.quality.items():
        head.append(f"\n{modality}: {', '.join(flags)}", "yellow")
    return head


def _tracks(session: Session) -> Table:
    table = Table(title="Tracks", title_justify="left", expand=False)
    for name in ("subject", "track", "expression resembling", "sure", "valence", "arousal"):
        table.add_column(name, no_wrap=name in ("subject", "track"))
    table.add_column("over time")
    rows = [(t.subject, t.id, t.segments) for t in session.tracks]
    rows += [(t.subject, t.id, t.segments) for t in session.fused]
    span = max((s.end for _, _, segments in rows for s in segments), default=0.0)
    span = max(span, session.duration or 0.0, 1e-9)
    for subject, name, segments in rows:
        table.add_row(subject, name, *_summary(segments), _strip(segments, span))
    return table


def _summary(segments: tuple[Segment, ...]) -> tuple[str, str, str, str]:
    affects = [s.affect for s in segments if s.affect is not None]
    if not affects:
        reasons = sorted({s.abstained for s in segments if s.abstained})
        return (f"abstained: {', '.join(reasons)}" if reasons else "nothing found", "", "", "")
    labels = [affect.label for affect in affects]
    common = max(dict.fromkeys(labels), key=labels.count)
    count = len(affects)
    return (
        common if labels.count(common) == count else f"mostly {common}",
        f"{sum(a.confidence for a in affects) / count:.0%}",
        f"{sum(a.valence for a in affects) / count:+.2f}",
        f"{sum(a.arousal for a in affects) / count:+.2f}",
    )


def _faces(faces: Sequence[FaceSummary]) -> Table:
    """List what each face showed over all its time."""
    table = Table(title="Faces", title_justify="left")
    for name in ("face", "seen", "resembling", "valence", "arousal", "longest", "not judged"):
        table.add_column(name)
    largest = sorted(faces, key=lambda face: (-face.seen, -face.frames))[:_MOST_FACES]
    for face in faces:
        if face in largest:
            table.add_row(face.track, *_face_cells(face))
    if len(faces) > _MOST_FACES:
        table.caption = f"and {len(faces) - _MOST_FACES} more, seen for less time"
    return table


def _face_cells(face: FaceSummary) -> Iterator[str]:
    frames = f"{face.frames} frame{'s' if face.frames > 1 else ''}"
    yield f"{face.seen:.1f} s" if face.seen else frames
    labels = list(face.labels.items())[:_MOST_LABELS]
    yield "\n".join(f"{label} {share:.0%}" for label, share in labels)
    yield _mean(face.valence, face.valence_deviation)
    yield _mean(face.arousal, face.arousal_deviation)
    yield _stretch(face.longest)
    yield "\n".join(f"{why} {seconds:.1f} s" for why, seconds in face.abstained.items())


def _turns(turns: TurnTaking) -> Table:
    """List what each speaker takes of a conversation, and how soon they answer."""
    table = Table(title="Turns", title_justify="left")
    for name in ("speaker", "speaks", "turns", "median turn", "answers after", "interrupts"):
        table.add_column(name)
    for one in turns.speakers:
        after = [pair.offset_median for pair in turns.transfers if pair.speaker == one.speaker]
        table.add_row(
            one.speaker,
            f"{one.speaking:.1f} s, {one.share:.0%}",
            str(one.turns),
            "" if one.turn_median is None else f"{one.turn_median:.1f} s",
            ", ".join(f"{offset:+.2f} s" for offset in after if offset is not None),
            str(one.interruptions),
        )
    table.caption = (
        f"speech in {turns.speech_ratio:.0%} of the time, {turns.simultaneous:.1f} s at once"
    )
    return table


def _stretch(longest: Stretch | None) -> str:
    if longest is None or longest.end <= longest.start:
        return ""
    return f"{longest.label} {longest.end - longest.start:.1f} s"


def _mean(mean: float | None, deviation: float | None) -> str:
    return "" if mean is None or deviation is None else f"{mean:+.2f} ± {deviation:.2f}"


def _strip(segments: tuple[Segment, ...], span: float) -> Text:
    """Draw labels over time: one coloured cell a slice, dim where nobody is sure."""
    cells: list[tuple[str, str]] = [("·", "grey35")] * _STRIP
    for segment in segments:
        first = int(max(0.0, segment.start) / span * (_STRIP - 1e-6))
        last = int(max(segment.start, segment.end - 1e-6) / span * (_STRIP - 1e-6))
        for index in range(max(0, first), min(_STRIP - 1, max(first, last)) + 1):
            if segment.affect is None:
                cells[index] = ("░", "grey50")
            else:
                core = to_core(segment.affect.vocabulary, segment.affect.scores)
                cells[index] = ("█", _COLOURS[max(core, key=core.__getitem__)])
    strip = Text()
    for character, style in cells:
        strip.append(character, style)
    return strip


def _legend() -> Text:
    legend = Text()
    for label, colour in _COLOURS.items():
        legend.append("█ ", colour).append(f"{label}  ")
    return legend.append("░ abstained  ", "grey50").append("· nothing", "grey35")


def _words(session: Session) -> Table:
    """List what was said or written, with what the words resemble."""
    table = Table(title="Words", title_justify="left")
    table.add_column("time", justify="right")
    table.add_column("who")
    table.add_column("words")
    table.add_column("resembling")
    judged = [
        (segment, track.subject)
        for track in session.tracks
        if track.modality == "text"
        for segment in track.segments
    ]
    judged.sort(key=lambda pair: pair[0].start)
    for segment, subject in judged[:_MOST_LINES]:
        affect = segment.affect
        what = f"{affect.label} {affect.confidence:.0%}" if affect else f"({segment.abstained})"
        table.add_row(f"{segment.start:.1f} s", subject, segment.text or "", what)
    if len(judged) > _MOST_LINES:
        table.caption = f"and {len(judged) - _MOST_LINES} more"
    return table
