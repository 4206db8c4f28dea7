"""Sessions in which somebody speaks."""

from affectscope.affect import Affect, Segment, Session, Track, Utterance, Word, affect_from

HAPPY = affect_from("ravdess-8", [0.1, 0.1, 0.61, 0.05, 0.05, 0.03, 0.03, 0.03])


def line(
    start: float, end: float, text: str, subject: str = "speaker-1", words: tuple[Word, ...] = ()
) -> Utterance:
    return Utterance(
        subject=subject, start=start, end=end, text=text, words=words, engine="pocketsphinx"
    )


def voice(*spans: tuple[float, float, Affect | None], subject: str = "speaker-1") -> Track:
    segments = tuple(
        Segment(start=start, end=end, affect=affect, abstained=None if affect else "quiet")
        for start, end, affect in spans
    )
    return Track(id=f"voice of {subject}", subject=subject, modality="voice", segments=segments)


def session(*lines: Utterance, tracks: tuple[Track, ...] = (), duration: float = 10.0) -> Session:
    return Session(transcript=lines, tracks=tracks, duration=duration)
