"""Live sound: cut anywhere it is the same signal, and what is none is refused in words."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from affectscope.errors import (
    EmptyInput,
    InvalidValue,
    MalformedRequest,
    RequestError,
    UndecodableMedia,
    UnsupportedMedia,
)
from affectscope.media import Limits, read_audio
from affectscope.media.live_sound import LIVE_LIMITS, PackedSound, PlainSound
from affectscope.samples import sample
from tests.media.growing import cut, growing
from tests.media.test_process import gone


def sentence() -> NDArray[np.float32]:
    with read_audio(sample("speech")) as reader:
        return np.concatenate([chunk.samples for chunk in reader])


@pytest.fixture(scope="module")
def spoken() -> NDArray[np.float32]:
    return sentence()


def heard(sound: PlainSound | PackedSound, pieces: list[bytes]) -> NDArray[np.float32]:
    try:
        found = [part for piece in pieces for part in sound.feed(piece)]
        found += list(sound.finish())
    finally:
        sound.close()
    return np.concatenate([np.zeros(0, np.float32), *found])


class TestPlain:
    """Bare samples."""

    @pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000])
    def test_where_it_is_cut_makes_no_difference(self, rate: int) -> None:
        noise = np.random.default_rng(3).normal(0, 3000, rate).astype("<i2").tobytes()
        whole = heard(PlainSound(rate), [noise])

        assert len(whole) == 16_000
        assert whole.dtype == np.float32
        for size in (2, 334, 30_000):
            assert np.array_equal(heard(PlainSound(rate), list(cut(noise, size))), whole)

    def test_a_tone_keeps_pitch_and_level(self) -> None:
        tone = 16_384 * np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100)
        found = heard(PlainSound(44_100), [tone.astype("<i2").tobytes()])[2000:14_000]

        assert np.abs(np.fft.rfft(found)).argmax() == round(1000 * len(found) / 16_000)
        assert float(found.max()) == pytest.approx(0.5, abs=0.005)

    def test_full_scale(self) -> None:
        extremes = np.array([-32768, 32767, 0], "<i2").tobytes()

        assert heard(PlainSound(16_000), [extremes]).tolist() == [-1.0, 32767 / 32768, 0.0]

    @pytest.mark.parametrize("rate", [0, 7999, 48_001])
    def test_rates_that_no_microphone_has(self, rate: int) -> None:
        with pytest.raises(InvalidValue, match=f"rate is {rate}; valid: 8000 to 48000"):
            PlainSound(rate)

    def test_half_a_sample(self) -> None:
        PlainSound.check(b"1234")
        with pytest.raises(MalformedRequest, match="3 bytes; valid: an even number"):
            PlainSound.check(b"123")


class TestPacked:
    """A WebM or Ogg file that grows."""

    @pytest.mark.parametrize("form", ["webm", "ogg"])
    def test_where_it_is_cut_makes_no_difference(
        self, form: str, spoken: NDArray[np.float32]
    ) -> None:
        spoken = spoken[:32_000]
        data = growing(spoken, form)
        whole = heard(PackedSound(), [data])

        assert len(whole) == pytest.approx(len(spoken), abs=400)
        assert np.corrcoef(whole[:30_000], spoken[:30_000])[0, 1] > 0.95
        for size in (61, 999, 20_000):
            assert np.array_equal(heard(PackedSound(), list(cut(data, size))), whole)

    def test_nothing_is_held_back(self, spoken: NDArray[np.float32]) -> None:
        data, sound = growing(spoken), PackedSound()
        came = 0
        for end in range(12_000, 48_000, 12_000):
            came += sum(len(part) for part in sound.feed(data[end - 12_000 : end]))
            whole = heard(PackedSound(), [data[:end]])
            assert len(whole) - came < 400
        sound.close()

    def test_what_is_no_number_becomes_silence(self, tmp_path: Path) -> None:
        path = tmp_path / "x.mkv"
        values = np.full(16_000, 0.25, np.float32)
        values[4000:6000] = np.nan
        values[7000:7100] = np.inf
        with av.open(path, "w") as target:
            stream = target.add_stream("pcm_f32le", rate=16_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(values[None], "flt", "mono")
            frame.sample_rate = 16_000
            target.mux((*stream.encode(frame), *stream.encode(None)))
        found = heard(PackedSound(), [path.read_bytes()])

        assert len(found) == 16_000
        assert np.isfinite(found).all()
        assert found[4000:6000].max() == 0.0

    def test_one_that_breaks_off(self, spoken: NDArray[np.float32]) -> None:
        data = growing(spoken)
        assert len(heard(PackedSound(), [data[: len(data) // 2]])) > 30_000

    def test_the_process_ends_with_the_stream(self, spoken: NDArray[np.float32]) -> None:
        for finish in (True, False):
            sound = PackedSound()
            list(sound.feed(growing(spoken)))
            assert sound._decoder is not None
            pid = sound._decoder.pid
            if finish:
                list(sound.finish())
            else:
                sound.close()
            sound.close()
            assert gone(pid)


class TestHostile:
    """Whatever comes is a refusal in words or sound; never a wait, nor a crash of ours."""

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"\x89PNG\r\n\x1a\n" + bytes(99), "the stream holds png; valid: webm, mkv, ogg"),
            (b"RIFF\0\0\0\0WAVE" + bytes(99), "the stream holds wav; valid"),
            (b"#EXTM3U\nfile:///etc/passwd\n" + bytes(99), "bytes of another kind (23 45 58"),
            (b"{}", "bytes of another kind (7b 7d"),
            (bytes(64), "bytes of another kind (00 00"),
        ],
    )
    def test_other_things(self, data: bytes, words: str) -> None:
        with pytest.raises(UnsupportedMedia) as error:
            heard(PackedSound(), list(cut(data, 10)))

        assert words in str(error.value)

    def test_nothing(self) -> None:
        with pytest.raises(EmptyInput, match="no bytes"):
            heard(PackedSound(), [b""])

    def test_a_signature_and_no_more(self) -> None:
        for data in (b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3" + bytes(9000), b"OggS" + bytes(9000)):
            with pytest.raises(UndecodableMedia):
                heard(PackedSound(), [data])

    def test_an_element_of_a_terabyte(self) -> None:
        # EBML, and within it a void element that claims 2**40 bytes.
        data = growing(np.zeros(16_000, np.float32))
        at = data.index(b"\x1f\x43\xb6\x75")
        bad = data[:at] + b"\xec\x01" + (2**40).to_bytes(7, "big") + data[at:]
        # FFmpeg does not believe it, and looks for what may come behind.
        assert len(heard(PackedSound(), list(cut(bad, 5000)))) < 20_000

    def test_noise_behind_the_sound(self, spoken: NDArray[np.float32]) -> None:
        data, sound = growing(spoken[:16_000], "ogg"), PackedSound()
        noise = np.random.default_rng(5).bytes(200_000)
        pieces = [part for piece in cut(data, 5000) for part in sound.feed(piece)]
        assert sum(map(len, pieces)) > 12_000
        with pytest.raises(UndecodableMedia, match="the stream ends within the first"):
            list(chain.from_iterable(sound.feed(piece) for piece in cut(noise, 5000)))
        sound.close()

    def test_streams_in_a_row(self, spoken: NDArray[np.float32]) -> None:
        for form in ("webm", "ogg"):
            twice = growing(spoken[:16_000], form) * 2
            assert len(heard(PackedSound(), list(cut(twice, 3000)))) > 30_000

    def test_processor_time_is_limited(self, spoken: NDArray[np.float32]) -> None:
        limits = Limits(cpu_seconds=0, memory_bytes=LIVE_LIMITS.memory_bytes)
        with pytest.raises(UndecodableMedia, match="more than 0 seconds of processor time"):
            heard(PackedSound(limits=limits), list(cut(growing(np.tile(spoken, 5)), 5000)))

    def test_a_decoder_that_dies(self, spoken: NDArray[np.float32]) -> None:
        data, sound = growing(spoken), PackedSound()
        list(sound.feed(data[:20_000]))
        assert sound._decoder is not None
        os.kill(sound._decoder.pid, signal.SIGKILL)
        with pytest.raises(UndecodableMedia, match="SIGKILL"):
            list(sound.feed(data[20_000:]))

    def test_a_decoder_that_stands_still(self, spoken: NDArray[np.float32]) -> None:
        data, sound = growing(spoken), PackedSound(limits=Limits(stall_seconds=3.0))
        list(sound.feed(data[:20_000]))
        assert sound._decoder is not None
        os.kill(sound._decoder.pid, signal.SIGSTOP)
        with pytest.raises(UndecodableMedia, match="stood still"):
            list(sound.feed(data[20_000:]))
        assert gone(sound._decoder.pid)

    @settings(max_examples=6, deadline=None)
    @given(st.randoms(use_true_random=False))
    def test_damage_anywhere(self, random: random.Random) -> None:
        data = bytearray(DAMAGED)
        for _ in range(random.randint(1, 40)):
            at = random.randrange(len(data))
            data[at : at + random.randint(1, 8)] = random.randbytes(random.randint(0, 12))
        sound = PackedSound(limits=Limits(stall_seconds=20.0))
        try:
            found = heard(sound, list(cut(bytes(data), random.randint(500, 9000))))
        except RequestError:
            return
        assert np.isfinite(found).all()
        assert len(found) < 16_000 * 30

    def test_memory_is_flat(self, spoken: NDArray[np.float32]) -> None:
        data, sound, seen = growing(np.tile(spoken, 8)), PackedSound(), []
        own = psutil.Process()
        for number, piece in enumerate(cut(data, 4000)):
            for _ in sound.feed(piece):
                pass
            assert sound._decoder is not None
            if number % 15 == 10:
                seen.append(
                    own.memory_info().rss + psutil.Process(sound._decoder.pid).memory_info().rss
                )
        sound.close()

        assert len(seen) > 5
        assert seen[-1] - seen[1] < 8 * 2**20


DAMAGED = growing(sentence()[:48_000])
"""Three seconds, of which each test damages a copy."""


def test_a_file_and_a_stream_of_it_are_the_same(wav: Callable[..., Path]) -> None:
    samples = sentence()
    with read_audio(wav(samples[None])) as reader:
        file = np.concatenate([chunk.samples for chunk in reader])
    stream = heard(PlainSound(16_000), [(samples * 32767).astype("<i2").tobytes()])

    assert np.array_equal(file, stream)
