"""Jobs of the decoder, done in this process so that every step can be seen."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from affectscope.media import Limits, decoder
from affectscope.media.pictures import FRAME_HEADER
from affectscope.media.sound import AUDIO_HEADER
from affectscope.samples import sample

Decode = Callable[..., list[tuple[bytes, bytes]]]


class TestJobs:
    """The messages of each task."""

    def test_frames(self, decode_here: Decode) -> None:
        messages = decode_here("frames", sample("video"), fps=2.0)

        assert b"".join(kind for kind, _ in messages) == b"I" + b"F" * 12 + b"E"
        time, end, width, height, row, turn = FRAME_HEADER.unpack_from(messages[2][1])
        assert (time, end, width, height, turn) == (0.52, 1.0, 480, 360, 0)
        assert len(messages[2][1]) == FRAME_HEADER.size + row * height

    def test_audio(self, decode_here: Decode) -> None:
        messages = decode_here("audio", sample("speech"), chunk_seconds=2.0)

        assert b"".join(kind for kind, _ in messages) == b"IAAAE"
        starts = [AUDIO_HEADER.unpack_from(body)[0] for kind, body in messages if kind == b"A"]
        assert starts == [0.0, 2.0, 4.0]

    def test_probe(self, decode_here: Decode) -> None:
        messages = decode_here("probe", sample("video"))

        info = json.loads(messages[0][1])
        assert [kind for kind, _ in messages] == [b"I", b"E"]
        assert info["video"]["width"] == 480
        assert info["audio"] == {"rate": 16_000, "channels": 1}

    @pytest.mark.parametrize("task", ["frames", "audio", "probe"])
    def test_refusal(self, decode_here: Decode, task: str, tmp_path: Path) -> None:
        path = tmp_path / "x.mp4"
        path.write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isomiso2")

        [(kind, body)] = decode_here(task, path)

        assert kind == b"X"
        assert json.loads(body)["kind"] == "undecodable"

    def test_wrong_kind(self, decode_here: Decode, film: Callable[..., Path]) -> None:
        [(_, sound)] = decode_here("audio", film())
        [(_, pictures)] = decode_here("frames", sample("speech"))

        assert "no sound" in json.loads(sound)["detail"]
        assert "only sound" in json.loads(pictures)["detail"]

    def test_limits(self, decode_here: Decode, film: Callable[..., Path]) -> None:
        path = film(times=range(0, 3000, 100))
        for limits in (Limits(pixels=100), Limits(streams=0), Limits(seconds=1.0)):
            [(kind, body)] = decode_here("frames", path, limits)
            assert kind == b"X"
            assert json.loads(body)["kind"] == "undecodable"

    def test_a_cut_file(
        self, decode_here: Decode, film: Callable[..., Path], tmp_path: Path
    ) -> None:
        whole = film(times=range(0, 8000, 40), container={"movflags": "+faststart"})
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])

        ending = json.loads(decode_here("frames", cut)[-1][1])

        assert ending["truncated"]

    @pytest.mark.parametrize("share", [1.0, 0.5])
    def test_a_photograph(self, decode_here: Decode, tmp_path: Path, share: float) -> None:
        noise = np.random.default_rng(2).integers(0, 256, (60, 80, 3)).astype(np.uint8)
        data = cv2.imencode(".jpg", noise)[1].tobytes()
        tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
        body = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
        path = tmp_path / "photo.jpg"
        path.write_bytes(data[:2] + body + data[2 : int(len(data) * share)])

        messages = decode_here("frames", path)

        assert json.loads(messages[0][1])["video"]["rotation"] == 90
        assert json.loads(messages[-1][1])["truncated"] is (share < 1)

    def test_damage_is_counted(
        self, decode_here: Decode, film: Callable[..., Path], tmp_path: Path
    ) -> None:
        data = bytearray(film("whole.mkv", range(0, 8000, 40)).read_bytes())
        for at in np.random.default_rng(4).integers(len(data) // 3, len(data), 120):
            data[at] ^= 0xFF
        path = tmp_path / "broken.mkv"
        path.write_bytes(data)

        messages = decode_here("frames", path)

        ending = json.loads(messages[-1][1])
        assert len(messages) > 10
        assert ending["damaged"] or ending["truncated"]

    def test_a_turned_film(self, decode_here: Decode, film: Callable[..., Path]) -> None:
        info = json.loads(decode_here("frames", film(size=(96, 48), rotation=90))[0][1])

        assert (info["video"]["rotation"], info["video"]["width"]) == (270, 48)

    @pytest.mark.parametrize(
        ("error", "said"), [(MemoryError(), "memory"), (KeyError("x"), "KeyError")]
    )
    def test_a_defect_is_reported(
        self, decode_here: Decode, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
    ) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setitem(decoder._TASKS, "probe", fail)

        [(kind, body)] = decode_here("probe", sample("video"))

        assert kind == b"X"
        assert said in json.loads(body)["detail"]


class TestGaps:
    """Time stamps of sound that leave gaps, overlap or start anew."""

    @staticmethod
    def signal(messages: list[tuple[bytes, bytes]]) -> np.ndarray:
        return np.concatenate(
            [
                np.frombuffer(body, np.float32, offset=AUDIO_HEADER.size)
                for kind, body in messages
                if kind == b"A"
            ]
        )

    def test_gap(self, decode_here: Decode, pcm: Callable[..., Path]) -> None:
        signal = self.signal(decode_here("audio", pcm([(0, 1.0), (2500, 1.0)])))

        assert len(signal) / 16_000 == pytest.approx(3.5, abs=0.01)
        assert not signal[17_000:39_000].any()

    def test_gap_between_channels_that_are_kept_apart(
        self, decode_here: Decode, pcm: Callable[..., Path]
    ) -> None:
        path = pcm([(0, 1.0), (2500, 1.0)], layout="stereo")

        messages = decode_here("audio", path, most_channels=2, chunk_seconds=0.7)
        signal = self.signal(messages).reshape(-1, 2)

        heads = [AUDIO_HEADER.unpack_from(body) for kind, body in messages if kind == b"A"]
        assert [(round(start, 4), channels) for start, channels in heads[:3]] == [
            (0.0, 2),
            (0.7, 2),
            (1.4, 2),
        ]
        assert len(signal) / 16_000 == pytest.approx(3.5, abs=0.01)
        assert not signal[17_000:39_000].any()
        assert np.abs(signal).max(0) == pytest.approx([0.5, 0.125], abs=0.001)

    def test_channels_that_become_more_are_brought_to_those_before(
        self, decode_here: Decode, tmp_path: Path
    ) -> None:
        path = tmp_path / "two.ts"
        path.write_bytes(_transport(tmp_path, "mono") + _transport(tmp_path, "stereo"))

        signal = self.signal(decode_here("audio", path, most_channels=2))

        assert len(signal) / 16_000 == pytest.approx(2.0, abs=0.2)
        assert np.abs(signal[28_000:30_000]).max() == pytest.approx(0.25, abs=0.05)

    def test_time_that_starts_anew_goes_on(
        self, decode_here: Decode, film: Callable[..., Path], tmp_path: Path
    ) -> None:
        part = film("part.ts", range(0, 2000, 40), tones=[(0, 2.0)]).read_bytes()
        twice = tmp_path / "twice.ts"
        twice.write_bytes(part + part)

        signal = self.signal(decode_here("audio", twice))
        frames = [body for kind, body in decode_here("frames", twice) if kind == b"F"]

        assert len(signal) / 16_000 == pytest.approx(4.1, abs=0.2)
        assert FRAME_HEADER.unpack_from(frames[-1])[0] == pytest.approx(4.0, abs=0.2)

    def test_a_long_gap_beyond_the_limit(
        self, decode_here: Decode, pcm: Callable[..., Path]
    ) -> None:
        path = pcm([(0, 1.0), (60_000, 1.0)])

        messages = decode_here("audio", path, Limits(seconds=30.0))

        assert messages[-1][0] == b"X"


def _transport(folder: Path, layout: str) -> bytes:
    """Write a second of AAC; only the first channel sounds."""
    path = folder / f"{layout}.ts"
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype(np.float32)
    with av.open(path, "w") as target:
        stream = target.add_stream("aac", rate=16_000, layout=layout)
        planes = tone[None] if layout == "mono" else np.stack([tone, 0 * tone])
        for at in range(0, 16_000, 1024):
            piece = np.ascontiguousarray(planes[:, at : at + 1024])
            frame = av.AudioFrame.from_ndarray(piece, "fltp", layout)
            frame.sample_rate, frame.pts = 16_000, at
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path.read_bytes()


class TestProcess:
    """What the process does around its job."""

    def test_silence_is_broken(
        self, decode_here: Decode, film: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(decoder, "BEAT", 0.0)

        kinds = [kind for kind, _ in decode_here("frames", film(times=range(0, 4000, 40)), fps=0.5)]

        assert kinds.count(b"P") > 20
