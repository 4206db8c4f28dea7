"""Speech is found, transcribed and judged, with times; poor input is answered honestly."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.affect import MediaNoted, SegmentFound, Session, SessionBuilder, TrackOpened
from affectscope.errors import EmptyInput, UndecodableMedia, UnsupportedMedia
from affectscope.samples import sample
from affectscope.speech import SpeechAnalyzer, transcribe
from affectscope.speech.activity import Speech
from affectscope.speech.phrases import Phrases
from affectscope.speech.prosody import MEASURES
from affectscope.speech.signal_quality import MEASURES as QUALITY
from affectscope.telemetry import Timings
from tests.speech.signals import at, silence, spoken, tone, write_channels, write_wav


def analysed(path: Path, *, words: bool = False) -> Session:
    return SessionBuilder().extend(SpeechAnalyzer().stream(path, transcribe=words)).build()


class TestSample:
    def test_the_sample_gives_a_track_and_a_transcript(self) -> None:
        session = analysed(sample("speech"), words=True)

        (track,) = session.tracks
        assert (track.id, track.subject, track.modality) == ("voice-1", "speaker-1", "voice")
        assert len(track.segments) == len(session.transcript) >= 1
        assert {line.engine for line in session.transcript} == {"pocketsphinx"}
        assert "happy" in session.transcript[0].text
        assert session.duration == pytest.approx(5.62, abs=0.05)

    def test_the_sound_of_a_video_is_heard(self) -> None:
        assert analysed(sample("video")).tracks[0].segments

    def test_stages_are_timed(self) -> None:
        timings = Timings()
        with timings.activate():
            analysed(sample("speech"), words=True)

        assert set(timings.seconds) == {
            "decode",
            "detect",
            "transcribe",
            "prosody",
            "infer",
        }
        assert timings.media["audio"] == pytest.approx(5.62, abs=0.05)

    def test_without_words_there_is_no_transcript(self) -> None:
        session = analysed(sample("speech"))

        assert session.transcript == ()
        assert session.tracks[0].segments[0].text is None

    def test_every_segment_says_how_it_sounded(self) -> None:
        for segment in analysed(sample("speech")).tracks[0].segments:
            assert set(segment.measures) == {"level_dbfs", *MEASURES, *QUALITY}

    def test_the_first_record_comes_before_the_end(self) -> None:
        stream = SpeechAnalyzer().stream(sample("speech"))

        assert isinstance(next(stream), MediaNoted)
        assert isinstance(next(stream), TrackOpened)

    def test_transcribe_says_the_same_as_the_analyzer(self) -> None:
        assert transcribe(sample("speech")) == list(
            analysed(sample("speech"), words=True).transcript
        )


class TestSpeakers:
    """Two people in two channels."""

    def test_each_has_a_track_and_lines_of_the_transcript(self, tmp_path: Path) -> None:
        path = write_channels(tmp_path / "a.wav", spoken(), at(7, spoken()))

        session = analysed(path, words=True)

        assert [(track.id, track.subject) for track in session.tracks] == [
            ("voice-1", "speaker-1"),
            ("voice-2", "speaker-2"),
        ]
        assert [subject.id for subject in session.subjects] == ["speaker-1", "speaker-2"]
        assert all(s.end < 7 for s in session.tracks[0].segments)
        assert all(s.start > 6 for s in session.tracks[1].segments)
        assert {line.subject for line in session.transcript} == {"speaker-1", "speaker-2"}
        assert transcribe(path) == list(session.transcript)

    def test_they_are_one_where_channels_are_mixed(self, tmp_path: Path) -> None:
        path = write_channels(tmp_path / "a.wav", spoken(), at(7, spoken()))

        records = SpeechAnalyzer().stream(path, transcribe=False, channels="mix")

        assert [track.id for track in SessionBuilder().extend(records).build().tracks] == [
            "voice-1"
        ]

    def test_who_never_speaks_has_no_track(self, tmp_path: Path) -> None:
        session = analysed(write_channels(tmp_path / "a.wav", silence(1), spoken()))

        assert [track.id for track in session.tracks] == ["voice-2"]

    def test_where_nobody_speaks_there_is_one_empty_track(self, tmp_path: Path) -> None:
        session = analysed(write_channels(tmp_path / "a.wav", tone(1), tone(2)))

        assert [(track.id, track.segments) for track in session.tracks] == [("voice-1", ())]


class TestTurns:
    def test_who_speaks_when_is_told_at_the_end(self, tmp_path: Path) -> None:
        # The sample is silent for its last 0.4 s.
        call = write_channels(tmp_path / "a.wav", spoken(), at(7, spoken()))

        (summary,) = analysed(call).turn_taking

        assert [one.speaker for one in summary.speakers] == ["speaker-1", "speaker-2"]
        assert [one.turns for one in summary.speakers] == [1, 1]
        (transfer,) = summary.transfers
        assert (transfer.speaker, transfer.follows) == ("speaker-2", "speaker-1")
        assert transfer.gap_median == pytest.approx(7 - 5.19, abs=0.08)
        assert summary.duration == pytest.approx(12.62, abs=0.01)

    def test_of_one_speaker_it_is_told_how_much(self) -> None:
        (summary,) = analysed(sample("speech")).turn_taking

        assert summary.transfers == ()
        assert [one.phrases for one in summary.speakers] == [2]
        assert summary.speech_ratio == pytest.approx(5.0 / 5.62, abs=0.06)


class TestWindows:
    @staticmethod
    def long(tmp_path: Path) -> Path:
        voiced = spoken()[: int(2.8 * 16_000)]
        return write_wav(tmp_path / "a.wav", np.concatenate([voiced, voiced, voiced, silence(1)]))

    def test_a_long_phrase_shows_how_its_affect_goes(self, tmp_path: Path) -> None:
        (segment,) = analysed(self.long(tmp_path)).tracks[0].segments

        assert len(segment.windows) >= 3
        assert segment.windows[0].start == segment.start
        assert segment.windows[-1].end == pytest.approx(segment.end, abs=0.01)
        assert any(one.affect for one in segment.windows)
        assert all((one.affect is None) == (one.abstained is not None) for one in segment.windows)

    def test_a_faint_one_does_not(self, tmp_path: Path) -> None:
        with Phrases(self.long(tmp_path)) as phrases:
            (phrase,) = phrases
        faint = Speech(0.0, phrase.samples * np.float32(0.01))

        found = next(iter(SpeechAnalyzer().hearing(transcribe=False).hear(faint)))

        assert isinstance(found, SegmentFound)
        assert (found.segment.abstained, found.segment.windows) == ("quiet", ())

    def test_a_permissive_installation_has_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AFFECTSCOPE_LICENSE", "permissive")

        session = analysed(self.long(tmp_path))

        (segment,) = session.tracks[0].segments
        assert (segment.abstained, segment.windows) == ("model-not-permitted", ())
        assert session.turn_taking[0].speakers[0].phrases == 1


class TestPoorInput:
    @pytest.mark.parametrize(
        ("signal", "flag"),
        [
            (silence(2), "silent"),
            (tone(2), "no-speech"),
            (np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32), "no-speech"),
        ],
        ids=["silence", "tone", "noise"],
    )
    def test_no_speech_is_an_answer(
        self, tmp_path: Path, signal: NDArray[np.float32], flag: str
    ) -> None:
        session = analysed(write_wav(tmp_path / "a.wav", signal))

        assert session.tracks[0].segments == ()
        assert session.quality == {"voice": (flag,)}

    def test_a_short_word_is_not_judged(self, tmp_path: Path) -> None:
        signal = np.concatenate([silence(1), spoken()[: int(0.55 * 16_000)], silence(1)])

        (segment,) = analysed(write_wav(tmp_path / "a.wav", signal)).tracks[0].segments

        assert segment.abstained == "too-short"

    def test_a_faint_voice_is_not_judged(self, tmp_path: Path) -> None:
        session = analysed(write_wav(tmp_path / "a.wav", spoken() * 0.01))

        assert {s.abstained for s in session.tracks[0].segments} == {"quiet"}
        assert 150 < session.tracks[0].segments[0].measures["pitch_hz_median"] < 220

    def test_a_clipped_voice_is_flagged(self, tmp_path: Path) -> None:
        session = analysed(write_wav(tmp_path / "a.wav", spoken() * 30))

        assert "clipped" in session.tracks[0].segments[0].quality

    def test_a_file_cut_short_is_heard_as_far_as_it_goes(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.wav"
        path.write_bytes(sample("speech").read_bytes()[:100_000])

        session = analysed(path)

        assert session.quality == {"voice": ("truncated",)}
        assert session.tracks[0].segments

    def test_pictures_without_sound_are_refused(self, tmp_path: Path) -> None:
        from affectscope.service.documentation import ASSETS

        with pytest.raises(UnsupportedMedia, match="no sound"):
            analysed(ASSETS / "favicon.png")

    def test_samples_that_are_no_numbers_are_silence(self, tmp_path: Path) -> None:
        samples = spoken()
        samples[20_000:20_100] = np.nan
        samples[30_000] = np.inf
        data = samples.astype("<f4").tobytes()
        head = struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            *(b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 3, 1, 16_000, 64_000, 4, 32),
            *(b"data", len(data)),
        )
        (tmp_path / "a.wav").write_bytes(head + data)

        session = analysed(tmp_path / "a.wav")

        assert session.quality == {"voice": ("damaged",)}
        assert session.tracks[0].segments

    def test_what_is_no_sound_is_refused(self, tmp_path: Path) -> None:
        for name, data, kind in [
            ("empty.wav", b"", EmptyInput),
            ("zero.wav", write_wav(tmp_path / "z.wav", silence(0)).read_bytes(), EmptyInput),
            ("text.wav", b"hello there\n" * 100, (UnsupportedMedia, UndecodableMedia)),
        ]:
            (tmp_path / name).write_bytes(data)
            with pytest.raises(kind):
                analysed(tmp_path / name)


class TestLicence:
    def test_a_permissive_installation_hears_but_does_not_judge(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AFFECTSCOPE_LICENSE", "permissive")

        session = analysed(sample("speech"), words=True)

        assert {s.abstained for s in session.tracks[0].segments} == {"model-not-permitted"}
        assert session.transcript
        assert set(MEASURES) < set(session.tracks[0].segments[0].measures)
