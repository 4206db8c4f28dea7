"""Anybody can score the shipped models on data of their own."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from affectscope.affect import vocabulary
from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, MissingField
from affectscope.evaluation import evaluate
from affectscope.evaluation.damage import CONDITIONS, damaged
from affectscope.media import read_frames
from affectscope.samples import SPOKEN, sample
from affectscope.video import crop_faces
from affectscope.video.detector import borrowed_detector
from affectscope.video.finder import search
from tests.speech.signals import spoken, write_wav


def table(path: Path, header: Sequence[str], *rows: Sequence[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def faces(path: Path, votes: list[list[int]]) -> Path:
    images = np.random.default_rng(0).integers(0, 255, (len(votes), 48, 48)).astype(np.uint8)
    np.savez(path, images=images, votes=np.array(votes, np.uint8))
    return path


class TestFace:
    def test_the_protocol_keeps_clear_majorities_of_expressions(self, tmp_path: Path) -> None:
        data = faces(
            tmp_path / "a.npz",
            [
                [8, 2, 0, 0, 0, 0, 0, 0, 0, 0],  # kept: neutral
                [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],  # no majority
                [0, 1, 0, 0, 0, 0, 0, 0, 9, 0],  # unknown
                [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],  # not a face
                [1, 1, 1, 1, 2, 1, 1, 1, 1, 0],  # kept: votes of one dropped, anger
                [4, 3, 0, 0, 3, 0, 0, 0, 0, 0],  # most, but not more than half
            ],
        )

        figures = evaluate("face", data)

        assert figures["n"] == 2
        assert set(figures["recall"]) == {"neutral", "anger"}  # type: ignore[call-overload]
        assert 0 <= figures["uar_present_labels"] <= 1  # type: ignore[operator]
        assert json.loads(json.dumps(figures)) == figures

    def test_with_all_labels_there_is_no_second_figure(self, tmp_path: Path) -> None:
        data = faces(tmp_path / "a.npz", (np.eye(10, dtype=int)[:8] * 10).tolist())

        assert "uar_present_labels" not in evaluate("face", data)

    def test_on_the_product_path_a_face_that_is_not_found_is_an_error(self, tmp_path: Path) -> None:
        with read_frames(sample("video"), 1.0) as reader, borrowed_detector() as detector:
            frame = next(reader).image
            [crop] = crop_faces(frame, search(detector, frame))
        nothing = np.random.default_rng(0).integers(90, 110, (48, 48)).astype(np.uint8)
        happy = [0, 10, 0, 0, 0, 0, 0, 0, 0, 0]
        both, none = tmp_path / "both.npz", tmp_path / "none.npz"
        np.savez(both, images=np.stack([crop, nothing]), votes=np.array([happy, happy], np.uint8))
        np.savez(none, images=nothing[None], votes=np.array([happy], np.uint8))

        figures = evaluate("face", both, product_path=True)

        assert (figures["n"], figures["missed"]) == (2, 1)
        assert (figures["accuracy"], figures["accuracy_of_found"]) == (0.5, 1.0)
        assert evaluate("face", none, product_path=True)["accuracy"] == 0.0

    def test_there_is_no_product_path_of_text(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValue, match="valid: face"):
            evaluate("text", tmp_path, product_path=True)

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_a_condition_changes_what_the_model_sees(self, condition: str) -> None:
        images = np.random.default_rng(1).integers(0, 256, (3, 48, 48)).astype(np.uint8)

        seen = damaged(images, condition)

        assert seen.shape == images.shape
        assert seen.dtype == np.uint8
        assert (seen != images).mean() > 0.5
        assert (seen == damaged(images, condition)).all()

    def test_faces_are_scored_under_a_condition(self, tmp_path: Path) -> None:
        data = faces(tmp_path / "a.npz", (np.eye(10, dtype=int)[:8] * 10).tolist())

        clean, dim = evaluate("face", data), evaluate("face", data, condition="dark")

        assert dim["n"] == clean["n"] == 8
        assert dim["ece"] != clean["ece"]

    def test_an_unknown_condition_is_named(self, tmp_path: Path) -> None:
        data = faces(tmp_path / "a.npz", [[8, 2, 0, 0, 0, 0, 0, 0, 0, 0]])

        with pytest.raises(InvalidValue, match=r"'fog'; valid: blur, jpeg_30, 24_pixels, dark"):
            evaluate("face", data, condition="fog")
        with pytest.raises(InvalidValue, match="valid: face"):
            evaluate("text", data, condition="dark")

    def test_bad_files_are_named(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=np.zeros((1, 48, 48), np.uint8))
        np.savez(tmp_path / "b.npz", images=np.zeros(3), votes=np.zeros((3, 10)))
        (tmp_path / "c.npz").write_text("hello")

        with pytest.raises(MissingField, match="votes"):
            evaluate("face", tmp_path / "a.npz")
        with pytest.raises(InvalidValue, match=r"\[n, 10\]"):
            evaluate("face", tmp_path / "b.npz")
        with pytest.raises(MalformedRequest):
            evaluate("face", tmp_path / "c.npz")
        with pytest.raises(EmptyInput):
            evaluate("face", faces(tmp_path / "d.npz", [[5, 5, 0, 0, 0, 0, 0, 0, 0, 0]]))


class TestText:
    def test_clear_texts_score_well(self, tmp_path: Path) -> None:
        labels = vocabulary("goemotions-28").labels
        lines = [
            ("Thank you so much!", "gratitude"),
            ("I love you", "love"),
            ('He said "what" and left', "neutral"),
            ("I am so sorry for what I did", "remorse"),
        ]
        data = tmp_path / "dev.tsv"
        data.write_text(
            "".join(
                f"{text}\t{labels.index(label)}\tid{i}\n" for i, (text, label) in enumerate(lines)
            ),
            encoding="utf-8",
        )
        told: list[tuple[int, int]] = []

        figures = evaluate("text", data, lambda done, total: told.append((done, total)))

        assert set(figures) == {"n", "accuracy", "macro_f1", "micro_f1", "macro_f1_at_0_5", "ece"}
        assert figures["accuracy"] >= 0.75  # type: ignore[operator]
        assert told == [(4, 4)]

    @pytest.mark.parametrize("line", ["no tab", "text\tjoy\tid", "text\t28\tid", "text\t\tid"])
    def test_a_bad_line_is_named(self, tmp_path: Path, line: str) -> None:
        data = tmp_path / "dev.tsv"
        data.write_text(f"fine\t3\tid\n{line}\n")

        with pytest.raises(MalformedRequest, match="line 2"):
            evaluate("text", data)

    def test_no_line_is_empty(self, tmp_path: Path) -> None:
        (tmp_path / "dev.tsv").touch()

        with pytest.raises(EmptyInput):
            evaluate("text", tmp_path / "dev.tsv")


class TestVoice:
    def test_paths_are_relative_to_the_manifest(self, tmp_path: Path) -> None:
        (tmp_path / "clips").mkdir()
        (tmp_path / "clips" / "a.wav").write_bytes(sample("speech").read_bytes())
        data = table(
            tmp_path / "m.csv",
            ("path", "label", "speaker"),
            ("clips/a.wav", "happy", "s1"),
            ("clips/a.wav", "sad", "s2"),
        )

        figures = evaluate("voice", data)

        assert figures["n"] == figures["speakers"] == 2
        assert figures["accuracy_present_labels"] == 0.5
        assert figures["rtf"] > 0  # type: ignore[operator]

    def test_clips_of_a_speaker_are_heard_in_turn(self, tmp_path: Path) -> None:
        paths = [f"{number}.wav" for number in range(4)]
        for path, part in zip(paths, np.array_split(spoken(), 4), strict=True):
            write_wav(tmp_path / path, part)
        labels = ("happy", "sad", "angry", "happy")

        def scored(*speakers: str) -> dict[str, object]:
            rows = zip(paths, labels, speakers, strict=True)
            return evaluate("voice", table(tmp_path / "m.csv", ("path", "label", "speaker"), *rows))

        one, four, unnamed = scored(*"aaaa"), scored(*"abcd"), scored("", "", "", "")

        assert one["alone"] == four["alone"] == unnamed["alone"]
        alone = pytest.approx(four["alone"]["ece"], abs=1e-5)  # type: ignore[index]
        assert four["ece"] == alone
        assert unnamed["ece"] == alone
        assert one["ece"] != alone

    def test_bad_manifests_are_named(self, tmp_path: Path) -> None:
        header = ("path", "label", "speaker")
        path = str(sample("speech"))
        with pytest.raises(MissingField, match="label, speaker"):
            evaluate("voice", table(tmp_path / "a.csv", ("path",), (path,)))
        with pytest.raises(InvalidValue, match="'joyful'; valid: neutral, calm"):
            evaluate("voice", table(tmp_path / "b.csv", header, (path, "joyful", "s")))
        with pytest.raises(InvalidValue, match=r"row 1: no such file 'gone\.wav'"):
            evaluate("voice", table(tmp_path / "c.csv", header, ("gone.wav", "sad", "s")))
        with pytest.raises(EmptyInput):
            evaluate("voice", table(tmp_path / "d.csv", header))


class TestTranscript:
    def test_case_and_punctuation_do_not_count(self, tmp_path: Path) -> None:
        data = table(
            tmp_path / "m.csv", ("path", "transcript"), (str(sample("speech")), SPOKEN.upper())
        )

        figures = evaluate("transcript", data)

        assert figures["n"] == 1
        assert figures["wer"] < 0.5  # type: ignore[operator]
        assert figures["rtf"] > 0  # type: ignore[operator]


def test_an_unknown_task_or_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="'mood'; valid: face, text, voice, transcript"):
        evaluate("mood", tmp_path)
    with pytest.raises(InvalidValue, match="no such file"):
        evaluate("face", tmp_path / "gone.npz")
