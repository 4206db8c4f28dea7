"""Valence and arousal are scored as the chat service would answer them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, MissingField
from affectscope.evaluation import evaluate

ROWS = [
    ("4.6", "4.2", "3.4", "I am so happy, this is the best day of my life!"),
    ("4.2", "3.6", "3.2", "Thank you, what a wonderful surprise."),
    ("3.0", "2.6", "3.0", "The meeting is in room four."),
    ("1.4", "3.8", "2.4", "He was killed, and everybody cried in horror."),
    ("1.6", "4.0", "2.8", "I hate you, this is disgusting and cruel!"),
    ("3.0", "2.4", "3.0", "..."),
]


def emobank(path: Path, header: str = "id,split,V,A,D,text") -> Path:
    lines = [f'a{i},dev,{v},{a},{d},"{text}"' for i, (v, a, d, text) in enumerate(ROWS)]
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    return path


def test_clear_texts_score_well(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    figures = evaluate(
        "valence-arousal",
        emobank(tmp_path / "dev.csv"),
        lambda done, total: told.append((done, total)),
    )

    assert figures["n"] == 6
    assert figures["abstained"] == 1
    assert figures["valence_r"] > 0.8  # type: ignore[operator]
    assert figures["valence_ccc"] > 0.5  # type: ignore[operator]
    for name in ("valence", "arousal", "dominance"):
        for short in ("r", "ccc"):
            low, high = figures[f"{name}_{short}_interval"]  # type: ignore[misc]
            assert -1 <= low <= figures[f"{name}_{short}"] <= high <= 1  # type: ignore[operator]
    assert told == [(6, 6)]
    assert json.loads(json.dumps(figures))["n"] == 6


def test_dominance_may_be_absent(tmp_path: Path) -> None:
    data = emobank(tmp_path / "dev.csv", header="id,split,V,A,X,text")

    assert not any(name.startswith("dominance") for name in evaluate("valence-arousal", data))


def test_one_text_has_no_correlation(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("V,A,text\n4,4,I am happy\n")

    figures = evaluate("valence-arousal", tmp_path / "a.csv")

    assert figures["valence_r"] is None
    assert figures["valence_r_interval"] is None


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"V,text\n3,a\n", MissingField, "lacks the columns A; needs V, A, text"),
        (b"", MissingField, "lacks the columns V, A, text"),
        (b"V,A,text\n", EmptyInput, "holds no text"),
        (b"V,A,text\n3,3,a\n3,6,b\n", InvalidValue, "line 3: '6' is no rating; valid: 1 to 5"),
        (b"V,A,text\n3,,a\n", InvalidValue, "line 2: '' is no rating"),
        (b"V,A,text\n3\n", InvalidValue, "line 2: None is no rating"),
        (b"V,A,text\nnan,3,a\n", InvalidValue, "'nan'"),
        (b"V,A,text\n3,3,\xff\n", MalformedRequest, "no CSV of UTF-8"),
        (b"V,A,text\n3,3," + b"x" * 200_000, MalformedRequest, "field larger"),
    ],
)
def test_bad_files_are_named(
    tmp_path: Path, content: bytes, kind: type[Exception], said: str
) -> None:
    (tmp_path / "a.csv").write_bytes(content)

    with pytest.raises(kind, match=said):
        evaluate("valence-arousal", tmp_path / "a.csv")
