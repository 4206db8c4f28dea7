"""Sessions of single modalities become one session on one clock.

All media of one occasion are taken to begin at the same moment, which is zero on the session's
clock; a chat begins with its first message.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from affectscope.affect import (
    Modality,
    Purpose,
    Segment,
    Session,
    Subject,
    SurveyResult,
    Track,
    Utterance,
)
from affectscope.session.fusion import fuse_all
from affectscope.session.unique_ids import with_unique_ids

PERSON = "person-1"
"""The subject that one face and one voice are presumed to share."""


def combine(
    sessions: Sequence[Session],
    *,
    purpose: Purpose = "unspecified",
    justification: str | None = None,
) -> Session:
    """Merge sessions of one occasion and fuse their modalities.

    Exactly one face and one voice are presumed to be the same person, ``person-1``, whose `members`
    name both; with several of either nobody can tell from the tracks alone, so every subject stays
    apart. People of two files are never the same: where both have a ``face-1``, the second becomes
    another one. Text that repeats an utterance of the transcript takes over its end.

    Args:
        sessions: One per analysed input, in any order.
        purpose: Declared purpose, already checked.
        justification: Recorded with the session.

    Returns:
        One session with all tracks, and one fused track per subject with any affect.
    """
    sessions = with_unique_ids(sessions)
    transcript = _in_order(line for session in sessions for line in session.transcript)
    tracks = [track for session in sessions for track in session.tracks]
    tracks = [_on_transcript(track, transcript) for track in tracks]
    surveys = tuple(survey for session in sessions for survey in session.surveys)
    groups, subjects = _people(tracks, transcript, surveys)
    quality: dict[Modality, tuple[str, ...]] = {}
    for session in sessions:
        for modality, flags in session.quality.items():
            quality[modality] = tuple(dict.fromkeys((*quality.get(modality, ()), *flags)))
    durations = [session.duration for session in sessions if session.duration is not None]
    return Session(
        purpose=purpose,
        justification=justification,
        duration=max(durations, default=None),
        subjects=subjects,
        tracks=tuple(tracks),
        transcript=transcript,
        surveys=surveys,
        conversations=tuple(one for session in sessions for one in session.conversations),
        faces=tuple(face for session in sessions for face in session.faces),
        turn_taking=tuple(one for session in sessions for one in session.turn_taking),
        fused=fuse_all(groups.items()),
        quality=quality,
    )


def _in_order(lines: Iterable[Utterance]) -> tuple[Utterance, ...]:
    return tuple(sorted(lines, key=lambda line: (line.start, line.end)))


def _on_transcript(track: Track, transcript: Sequence[Utterance]) -> Track:
    """Give text that was spoken the interval in which it was spoken."""
    if track.modality != "text":
        return track
    ends = {(line.subject, line.start, line.text): line.end for line in transcript}

    def spoken(segment: Segment) -> Segment:
        end = ends.get((track.subject, segment.start, segment.text or ""))
        return segment if end is None else segment.model_copy(update={"end": end})

    return track.model_copy(update={"segments": tuple(map(spoken, track.segments))})


def _people(
    tracks: Sequence[Track], transcript: Sequence[Utterance], surveys: Sequence[SurveyResult]
) -> tuple[dict[str, list[Track]], tuple[Subject, ...]]:
    """Return the tracks of each subject, and all subjects."""
    faces = dict.fromkeys(track.subject for track in tracks if track.modality == "face")
    voices = dict.fromkeys(track.subject for track in tracks if track.modality == "voice")
    same = (*faces, *voices) if len(faces) == len(voices) == 1 else ()
    groups: dict[str, list[Track]] = {}
    for track in tracks:
        groups.setdefault(PERSON if track.subject in same else track.subject, []).append(track)
    names = dict.fromkeys(
        [
            *(track.subject for track in tracks),
            *(line.subject for line in transcript),
            *(survey.respondent for survey in surveys),
        ]
    )
    subjects = [Subject(id=name, label=name) for name in names]
    if same:
        subjects.insert(0, Subject(id=PERSON, label=PERSON, members=same))
    return groups, tuple(subjects)
