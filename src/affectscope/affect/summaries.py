"""What is said at the end of a conversation, of a face or of a recording as a whole."""

from __future__ import annotations

from pydantic import Field

from affectscope.affect.entry import Entry, Polar, Probability, Seconds


class Trend(Entry):
    """Where the valence of one speaker goes over a conversation: a Theil-Sen line."""

    slope: float = Field(description="Change of valence from one judged message to the next.")
    low: float = Field(description="Lower end of the slope's 95 % interval.")
    high: float = Field(description="Upper end of the slope's 95 % interval.")
    messages: int = Field(description="Judged messages that it rests on.")


class TurningPoint(Entry):
    """A message from which on a speaker's valence stays at another level."""

    message: int = Field(ge=0, description="Which message of the conversation, from 0.")
    time: Seconds
    before: Polar = Field(description="Mean valence of the stretch before it.")
    after: Polar = Field(description="Mean valence of the stretch that it begins.")
    p_value: Probability = Field(description="Of a permutation test of the largest CUSUM.")


class SpeakerSummary(Entry):
    """What one speaker's messages say together."""

    speaker: str
    messages: int
    judged: int = Field(description="Messages on which the analyzer did not abstain.")
    valence: Polar | None = Field(description="Mean; None where nothing was judged.")
    arousal: Polar | None
    valence_deviation: float | None = Field(description="Standard deviation of valence.")
    labels: dict[str, Probability] = Field(
        description="Labels by the share of judged messages in which each is present or the top one."
    )
    trend: Trend | None = Field(default=None, description="None where messages are too few.")
    turning_points: tuple[TurningPoint, ...] = ()


class Reciprocity(Entry):
    """Whether the valence of one speaker's turns goes with that of the turn just before."""

    speaker: str = Field(description="Who answers.")
    follows: str = Field(description="Who spoke before.")
    exchanges: int = Field(description="Turns of `speaker` right after one of `follows`.")
    correlation: Polar | None = Field(
        default=None, description="Spearman's, without a common trend; None where it abstained."
    )
    p_value: Probability | None = Field(default=None, description="Of a permutation test.")
    abstained: str | None = Field(default=None, description="Such as `too-few-exchanges`.")


class ConversationSummary(Entry):
    """What is said of a conversation as a whole."""

    messages: int
    judged: int
    abstained: dict[str, int] = Field(description="Number of messages by the reason.")
    speakers: tuple[SpeakerSummary, ...]
    reciprocity: tuple[Reciprocity, ...] = ()


class Stretch(Entry):
    """A time through which one expression lasted without a break."""

    label: str
    start: Seconds
    end: Seconds


class FaceSummary(Entry):
    """What is said of one face over all the time that it was seen, each moment by its length."""

    track: str = Field(description="Id of the track.")
    start: Seconds = Field(description="When it was seen first.")
    end: Seconds = Field(description="Until when it was seen.")
    frames: int = Field(description="Pictures that show it, of those looked at.")
    seen: float = Field(ge=0, description="Seconds for which it was there.")
    judged: float = Field(ge=0, description="Seconds of these that were judged.")
    abstained: dict[str, float] = Field(
        description="Seconds that were not judged, by the reason, the longest first."
    )
    labels: dict[str, Probability] = Field(
        description="Labels by the share of the judged time in which each is the top one."
    )
    valence: Polar | None = Field(description="Mean; None where nothing was judged.")
    arousal: Polar | None
    valence_deviation: float | None = Field(description="Standard deviation over time.")
    arousal_deviation: float | None
    longest: Stretch | None = Field(description="The longest time with one and the same top label.")


class SpeakerTurns(Entry):
    """What one speaker takes of a conversation."""

    speaker: str
    phrases: int = Field(description="What was spoken between two pauses of 0.4 s and more.")
    speaking: float = Field(ge=0, description="Seconds of speech, without pauses between phrases.")
    share: Probability = Field(description="Part of the speaking of all speakers.")
    turns: int = Field(description="Times that the speaker had the floor.")
    turn_mean: float | None = Field(description="Mean seconds of a turn, with its pauses.")
    turn_median: float | None
    pauses: int = Field(description="Silences between phrases of one turn.")
    pause_seconds: float = Field(ge=0)
    pause_median: float | None
    interruptions: int = Field(
        description="Turns begun half a second and more before the other one stopped."
    )
    backchannels: int = Field(description="Phrases wholly inside one of another speaker; no turns.")


class FloorTransfers(Entry):
    """How one speaker follows another one."""

    speaker: str = Field(description="Who takes the floor.")
    follows: str = Field(description="Who had it.")
    transfers: int
    gaps: int = Field(description="Transfers after a silence, which may be 0 s long.")
    gap_seconds: float = Field(ge=0)
    gap_median: float | None
    overlaps: int = Field(description="Transfers before the other one stopped.")
    overlap_seconds: float = Field(ge=0)
    overlap_median: float | None
    offset_median: float | None = Field(
        description="Of the floor-transfer offsets: gaps above 0, overlaps below."
    )
    interruptions: int = Field(description="Overlaps of half a second and more.")


class TurnTaking(Entry):
    """Who speaks when in one recording; of a single speaker only how much and with which pauses."""

    duration: float = Field(ge=0, description="Seconds of sound.")
    speech: float = Field(ge=0, description="Seconds in which anybody speaks.")
    speech_ratio: Probability = Field(description="Speech, of the duration.")
    simultaneous: float = Field(ge=0, description="Seconds in which several speak at once.")
    lapses: int = Field(description="Silences of 3 s and more between phrases.")
    lapse_seconds: float = Field(ge=0)
    speakers: tuple[SpeakerTurns, ...] = ()
    transfers: tuple[FloorTransfers, ...] = Field(
        default=(), description="One for each pair of speakers of whom one followed the other."
    )
