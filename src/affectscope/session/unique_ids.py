"""Ids that several analyses gave alike, told apart: two videos both have a ``face-1``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from affectscope.affect import ConversationSummary, Session, Track, TurnTaking

_NUMBER = re.compile(r"-\d+$")

_ANONYMOUS = ("face", "voice")
"""Modalities whose subjects are numbered. Who writes has a name, and the same one is the same person;
so has whose words were heard, in a session of text alone."""


def with_unique_ids(sessions: Iterable[Session]) -> list[Session]:
    """Number tracks and people anew where an earlier session has the same id.

    A session of a face or a voice is one file, so its people are none of another file. Everything
    that names them in it follows: transcript, text that was spoken, summaries.
    """
    tracks: set[str] = set()
    people: set[str] = set()
    return [_renumbered(_renamed(session, people), tracks) for session in sessions]


def _renumbered(session: Session, taken: set[str]) -> Session:
    """Number the tracks of a session anew."""
    names: dict[str, str] = {}
    for track in session.tracks:
        names[track.id] = _free(track.id, track.modality, taken)
    tracks = tuple(
        track.model_copy(
            update={
                "id": names[track.id],
                "possibly_same_as": names.get(track.possibly_same_as or ""),
            }
        )
        for track in session.tracks
    )
    faces = tuple(
        face.model_copy(update={"track": names.get(face.track, face.track)})
        for face in session.faces
    )
    return session.model_copy(update={"tracks": tracks, "faces": faces})


def _renamed(session: Session, taken: set[str]) -> Session:
    """Number the people of a session anew."""
    people = dict.fromkeys(
        track.subject for track in session.tracks if track.modality in _ANONYMOUS
    )
    names = {name: _free(name, _NUMBER.sub("", name), taken) for name in people}
    if all(old == new for old, new in names.items()):
        return session

    def new(name: str) -> str:
        return names.get(name, name)

    def track(one: Track) -> Track:
        return one.model_copy(update={"subject": new(one.subject)})

    return session.model_copy(
        update={
            "tracks": tuple(map(track, session.tracks)),
            "transcript": tuple(
                line.model_copy(update={"subject": new(line.subject)})
                for line in session.transcript
            ),
            "conversations": tuple(_conversation(one, new) for one in session.conversations),
            "turn_taking": tuple(_turn_taking(one, new) for one in session.turn_taking),
        }
    )


def _free(name: str, stem: str, taken: set[str]) -> str:
    """Return the name, or the first number of the stem that is not taken; it is taken then."""
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name)
    return name


def _conversation(summary: ConversationSummary, new: Callable[[str], str]) -> ConversationSummary:
    speakers = [one.model_copy(update={"speaker": new(one.speaker)}) for one in summary.speakers]
    reciprocity = [
        one.model_copy(update={"speaker": new(one.speaker), "follows": new(one.follows)})
        for one in summary.reciprocity
    ]
    return summary.model_copy(
        update={"speakers": tuple(speakers), "reciprocity": tuple(reciprocity)}
    )


def _turn_taking(summary: TurnTaking, new: Callable[[str], str]) -> TurnTaking:
    speakers = [one.model_copy(update={"speaker": new(one.speaker)}) for one in summary.speakers]
    transfers = [
        one.model_copy(update={"speaker": new(one.speaker), "follows": new(one.follows)})
        for one in summary.transfers
    ]
    return summary.model_copy(update={"speakers": tuple(speakers), "transfers": tuple(transfers)})
