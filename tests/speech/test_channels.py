"""Two people in two channels are two speakers; the same voices in both are one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.speech.channels import (
    SETTLED_SECONDS,
    Channels,
    Gate,
    Phrase,
    Split,
    are_same,
    listener,
    shared_speech,
)
from tests.speech.signals import RATE, at, silence, spoken, together, tone

Spans = list[tuple[int, float, float]]


def heard(
    *signals: NDArray[np.float32], channels: Channels = "auto", piece: float = 10.0
) -> list[Phrase]:
    """Listen to channels piece by piece, as a file is read."""
    sound = np.zeros((max(map(len, signals)), len(signals)), np.float32)
    for number, signal in enumerate(signals):
        sound[: len(signal), number] = signal
    ears, found = listener(channels, len(signals)), []
    size = round(piece * RATE)
    for first in range(0, len(sound), size):
        found += ears.feed(sound[first : first + size], first / RATE)
    return [*found, *ears.finish()]


def delayed(samples: NDArray[np.float32], milliseconds: float) -> NDArray[np.float32]:
    return at(milliseconds / 1000, samples)


def room(seed: int, direct: float) -> NDArray[np.float32]:
    """Return the answer of a room of 0.4 s of reverberation to a click.

    Args:
        seed: Chooses the reflections.
        direct: Decibels by which what comes straight is louder than they are together.
    """
    count = round(0.4 * RATE)
    tail = np.random.default_rng(seed).normal(0, 1, count) * 10 ** (-3 * np.arange(count) / count)
    tail *= 10 ** (-direct / 20) / np.linalg.norm(tail)
    tail[0] = 1
    return tail.astype(np.float32)


def echoed(samples: NDArray[np.float32], answer: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is heard of samples in a room."""
    size = 1 << (len(samples) + len(answer)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(answer, size)
    return np.fft.irfft(spectrum)[: len(samples) + len(answer)].astype(np.float32)


@pytest.fixture(scope="module")
def left() -> NDArray[np.float32]:
    """Who speaks at 0, 14 and 28 s, for 5.2 s each."""
    return together(spoken(), at(14, spoken()), at(28, spoken()))


@pytest.fixture(scope="module")
def right() -> NDArray[np.float32]:
    """Who answers, at 7 and 21 s."""
    return together(at(7, spoken()), at(21, spoken()))


def turns(phrases: list[Phrase]) -> list[int]:
    """Return who speaks in each stretch of 7 s."""
    stretches: dict[int, set[int]] = {}
    for phrase in phrases:
        stretches.setdefault(int((phrase.start + 0.5) // 7), set()).add(phrase.channel)
    assert all(len(channels) == 1 for channels in stretches.values()), stretches
    return [channels.pop() for _, channels in sorted(stretches.items())]


class TestCall:
    """One person a channel."""

    def test_each_channel_is_a_speaker(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        assert turns(heard(left, right)) == [1, 2, 1, 2, 1]

    @pytest.mark.parametrize("decibels", [12, 20])
    def test_what_leaks_over_is_nobodys_speech(
        self, left: NDArray[np.float32], right: NDArray[np.float32], decibels: float
    ) -> None:
        gain = 10 ** (-decibels / 20)
        leaking = together(left, gain * right), together(right, gain * left)

        assert turns(heard(*leaking)) == [1, 2, 1, 2, 1]
        assert turns(heard(*leaking, channels="split")) == [1, 2, 1, 2, 1]

    def test_an_echo_is_nobodys_speech(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        echoing = (
            together(left, 0.1 * delayed(right, 200)),
            together(right, 0.1 * delayed(left, 200)),
        )

        assert turns(heard(*echoing)) == [1, 2, 1, 2, 1]

    def test_a_microphone_on_each_in_one_room_is_two_speakers(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        near, far = room(0, 18), 0.18 * room(1, 3)

        one = together(echoed(left, near), echoed(right, far))
        other = together(echoed(right, near), echoed(left, far))

        assert turns(heard(one, other)) == [1, 2, 1, 2, 1]

    def test_one_who_is_fainter_is_heard(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        assert turns(heard(left, 0.05 * right)) == [1, 2, 1, 2, 1]

    def test_both_are_heard_where_they_speak_at_once(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        found = heard(together(left, at(23, 0.7 * spoken())), right)

        at_once = [phrase.channel for phrase in found if 22 < phrase.start < 29]
        assert set(at_once) == {1, 2}

    def test_who_never_speaks_has_no_phrase(self, left: NDArray[np.float32]) -> None:
        assert turns(heard(left, 0 * left)) == [1, 1, 1]
        assert turns(heard(0 * left, left)) == [2, 2, 2]

    def test_phrases_come_in_order_of_their_start(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        starts = [phrase.start for phrase in heard(left, together(right, at(15, spoken())))]

        assert starts == sorted(starts)

    def test_an_announcement_to_both_is_one_voice(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        announcement = together(spoken(), at(7, spoken()))

        found = heard(together(announcement, at(21, left)), together(announcement, at(21, right)))

        assert turns(found) == [1, 1, 1, 2, 1, 2, 1]

    def test_what_both_hear_later_is_one_voice_too(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        notice = at(42, together(spoken(), at(7, spoken())))

        found = heard(together(left, notice), together(right, notice), piece=7.0)

        assert turns(found) == [1, 2, 1, 2, 1, 1, 1]

    def test_little_is_held_back(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        ears, given = Split(2), []
        sound = np.stack([together(left, 0 * left), np.pad(right, (0, len(left) - len(right)))], 1)
        for first in range(0, len(sound), RATE):
            given += ears.feed(sound[first : first + RATE], first / RATE)
            assert all(one.start <= first / RATE + 1 - SETTLED_SECONDS for one in given)

        assert len(given) > 4


class TestOneRecording:
    """The same voices in both channels."""

    def test_identical_channels_are_one_speaker(self, left: NDArray[np.float32]) -> None:
        whole = heard(left)

        assert [(one.start, one.end) for one in heard(left, left)] == [
            (one.start, one.end) for one in whole
        ]
        assert turns(heard(left, left)) == [1, 1, 1]

    @pytest.mark.parametrize(("milliseconds", "gain"), [(0, 0.6), (5, 0.5), (20, 1.0), (40, 0.8)])
    def test_two_microphones_are_one_speaker(
        self,
        left: NDArray[np.float32],
        right: NDArray[np.float32],
        milliseconds: float,
        gain: float,
    ) -> None:
        both = together(left, right)

        assert turns(heard(both, gain * delayed(both, milliseconds))) == [1, 1, 1, 1, 1]

    def test_a_stereo_microphone_in_a_room_is_one_speaker(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        one = together(echoed(left, room(0, 3)), 0.8 * echoed(right, room(1, 3)))
        other = together(0.8 * echoed(left, room(2, 3)), echoed(right, room(3, 3)))

        assert turns(heard(one, other)) == [1, 1, 1, 1, 1]

    def test_a_voice_in_the_middle_of_wide_music_is_one_speaker(
        self, left: NDArray[np.float32]
    ) -> None:
        seconds = len(left) / RATE
        one = together(left, tone(seconds, 220, 0.02), tone(seconds, 330, 0.01))
        other = together(left, tone(seconds, 277, 0.02), tone(seconds, 415, 0.01))

        assert turns(heard(one, other)) == [1, 1, 1]

    def test_channels_are_mixed_where_that_is_asked_for(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> None:
        assert turns(heard(left, right, channels="mix")) == [1, 1, 1, 1, 1]

    def test_noise_without_speech_is_decided_too(self) -> None:
        noise = np.random.default_rng(1).normal(0, 0.01, (2, 3 * RATE)).astype(np.float32)

        assert heard(*noise) == []


class TestGate:
    def test_the_louder_channel_is_open_and_the_fainter_is_not(self) -> None:
        sound = np.stack([tone(1), 0.1 * tone(1)], 1)

        open_only = Gate(2).silenced(sound)

        assert np.array_equal(open_only[:, 0], sound[:, 0])
        assert not open_only[:, 1].any()

    def test_pieces_change_nothing(self) -> None:
        rng = np.random.default_rng(2)
        sound = rng.normal(0, 0.1, (16_000, 3)).astype(np.float32)
        sound *= np.repeat(rng.uniform(0, 1, (50, 3)), 320, 0).astype(np.float32)
        gate = Gate(3)

        pieces = [gate.silenced(sound[at : at + 3200]) for at in range(0, 16_000, 3200)]

        assert np.array_equal(np.concatenate(pieces), Gate(3).silenced(sound))
        assert (np.concatenate(pieces) == 0).any()

    def test_an_answer_opens_at_once_and_an_echo_does_not(self) -> None:
        talk = np.concatenate([tone(1), silence(1)])
        answer = np.concatenate([silence(1.1), 0.3 * tone(0.9)])
        echo = np.concatenate([silence(1.0), 0.1 * tone(0.2), silence(0.8)])

        open_only = Gate(2).silenced(np.stack([talk, together(answer, echo)], 1))[:, 1]

        assert not open_only[: round(1.1 * RATE)].any()
        assert open_only[round(1.14 * RATE) :].any()


class TestSame:
    def test_mono_stored_twice(self) -> None:
        assert are_same(np.stack([tone(1), tone(1)], 1))
        assert are_same(np.zeros((100, 2), np.float32))

    def test_what_differs(self) -> None:
        assert not are_same(np.stack([tone(1), 0.5 * tone(1)], 1))
        assert not are_same(np.stack([tone(1), -tone(1)], 1))
        assert not are_same(np.stack([tone(1)] * 3, 1))


def test_speech_at_the_same_time_is_counted_once() -> None:
    def phrase(channel: int, start: float, seconds: float) -> Phrase:
        return Phrase(start, np.zeros(round(seconds * RATE), np.float32), channel)

    phrases = [phrase(1, 0, 3), phrase(2, 1, 1), phrase(2, 2.5, 2), phrase(1, 6, 2)]

    assert shared_speech(phrases, np.inf) == pytest.approx((1.5, 6.5))
    assert shared_speech(phrases, 2.0) == pytest.approx((1.0, 2.0))
