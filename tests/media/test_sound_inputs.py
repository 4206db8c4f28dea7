"""Every kind of file that holds sound is read as what it sounds like, whatever its name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from affectscope.errors import UnsupportedMedia
from affectscope.media import read_audio
from affectscope.samples import sample

RATE = 16_000
KINDS = [
    # name, encoder, rate, sample format, how alike it must sound (the correlation at its best delay)
    ("a.wav", "pcm_s16le", 16_000, "s16", 0.999),
    ("a.wav", "pcm_s24le", 48_000, "s32", 0.999),
    ("a.wav", "pcm_f32le", 44_100, "flt", 0.999),
    ("a.wav", "pcm_f64le", 16_000, "dbl", 0.999),
    ("a.wav", "pcm_u8", 16_000, "u8", 0.99),
    ("a.wav", "pcm_mulaw", 8_000, "s16", 0.9),
    ("a.wav", "pcm_alaw", 8_000, "s16", 0.9),
    ("a.flac", "flac", 44_100, "s16", 0.999),
    ("a.mp3", "libmp3lame", 44_100, "fltp", 0.95),
    ("a.m4a", "aac", 44_100, "fltp", 0.95),
    ("a.m4a", "alac", 44_100, "s16p", 0.999),
    ("a.aac", "aac", 44_100, "fltp", 0.95),
    ("a.ogg", "libopus", 48_000, "flt", 0.95),
    ("a.opus", "libopus", 48_000, "flt", 0.95),
    ("a.ogg", "vorbis", 44_100, "fltp", 0.8),
    ("a.webm", "libopus", 48_000, "flt", 0.95),
    ("a.mka", "libopus", 48_000, "flt", 0.95),
    ("a.amr", "libopencore_amrnb", 8_000, "s16", 0.7),
    ("a.3gp", "libopencore_amrnb", 8_000, "s16", 0.7),
    ("a.aiff", "pcm_s16be", 44_100, "s16", 0.999),
    ("a.caf", "pcm_s16le", 44_100, "s16", 0.999),
]
FILMS = [
    ("a.mp4", "aac", 44_100, "fltp"),
    ("a.mov", "pcm_s16le", 48_000, "s16"),
    ("a.mkv", "libopus", 48_000, "flt"),
    ("a.webm", "libopus", 48_000, "flt"),
    ("a.avi", "libmp3lame", 44_100, "fltp"),
]


@pytest.fixture(scope="module")
def sentence() -> np.ndarray:
    """Two seconds of the sample sentence."""
    return heard(sample("speech"))[: 2 * RATE]


def heard(path: Path) -> np.ndarray:
    with read_audio(path) as reader:
        return np.concatenate([chunk.samples for chunk in reader])


def encode(
    path: Path,
    samples: np.ndarray,
    codec: str,
    rate: int,
    form: str,
    *,
    pictures: bool = False,
) -> Path:
    """Write sound, with pictures beside it or without."""
    options = {"strict": "experimental"} if codec == "vorbis" else {}
    layout = "stereo" if codec == "vorbis" else "mono"
    with av.open(str(path), "w") as container:
        sound: Any = container.add_stream(codec, rate=rate, layout=layout, options=options)
        sound.format = form
        if codec == "libopencore_amrnb":
            sound.bit_rate = 12_200
        if pictures:
            film: Any = container.add_stream(
                "libvpx" if path.suffix == ".webm" else "mpeg4", rate=5
            )
            film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
            for number in range(10):
                grey = np.full((48, 64, 3), 100, np.uint8)
                frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 5)
                container.mux(film.encode(frame))
            container.mux(film.encode(None))
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(form, layout, rate, sound.codec_context.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return path


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Return the correlation at the delay, up to 0.1 s, at which it is highest."""
    size = 1 << 17
    product = np.fft.irfft(np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size)))
    near = np.concatenate([product[: RATE // 10], product[-RATE // 10 :]])
    return float(near.max() / np.sqrt((first**2).sum() * (second**2).sum()))


@pytest.mark.parametrize(("name", "codec", "rate", "form", "alike"), KINDS)
def test_a_file_of_sound(
    name: str,
    codec: str,
    rate: int,
    form: str,
    alike: float,
    sentence: np.ndarray,
    tmp_path: Path,
) -> None:
    found = heard(encode(tmp_path / name, sentence, codec, rate, form))

    assert len(found) / RATE == pytest.approx(2, abs=0.12)
    assert likeness(found, sentence) > alike


@pytest.mark.parametrize(("name", "codec", "rate", "form"), FILMS)
def test_the_sound_of_a_film(
    name: str, codec: str, rate: int, form: str, sentence: np.ndarray, tmp_path: Path
) -> None:
    found = heard(encode(tmp_path / name, sentence, codec, rate, form, pictures=True))

    assert likeness(found, sentence) > 0.95


class TestAmrWideband:
    """There is no encoder for it here, so frames are written as RFC 4867 describes them."""

    @staticmethod
    def frames(kind: int, size: int) -> bytes:
        data = np.random.default_rng(0).integers(0, 256, (50, size), np.uint8)
        return b"".join(bytes([kind << 3 | 4]) + row.tobytes() for row in data)

    def test_frames_of_the_lowest_rate(self, tmp_path: Path) -> None:
        path = tmp_path / "a.awb"
        path.write_bytes(b"#!AMR-WB\n" + self.frames(0, 17))

        found = heard(path)

        assert len(found) == RATE
        assert np.isfinite(found).all()
        assert np.abs(found).max() > 0


class TestNames:
    """The bytes say what a file is, and the name nothing."""

    @pytest.mark.parametrize(
        ("kind", "name"),
        [(KINDS[0], "call.mp3"), (KINDS[8], "call.wav"), (KINDS[18], "call.m4a")],
    )
    def test_a_name_of_another_kind(
        self, kind: Any, name: str, sentence: np.ndarray, tmp_path: Path
    ) -> None:
        own, codec, rate, form, alike = kind
        path = encode(tmp_path / own, sentence, codec, rate, form)
        shutil.move(path, tmp_path / name)

        assert likeness(heard(tmp_path / name), sentence) > alike

    @pytest.mark.parametrize(
        "write", [lambda path: path.write_text("Dear all,\n"), lambda path: path.write_text("{}")]
    )
    def test_text_is_refused_with_what_is_valid(
        self, write: Callable[[Path], object], tmp_path: Path
    ) -> None:
        path = tmp_path / "a.wav"
        write(path)

        with pytest.raises(UnsupportedMedia) as caught:
            read_audio(path)

        assert caught.value.status == 415
        assert "text" in caught.value.detail
        for kind in ("wav", "flac", "mp3", "m4a", "ogg", "webm", "amr"):
            assert kind in caught.value.detail
