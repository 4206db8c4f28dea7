"""Measure any shipped model on anybody's labelled data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from affectscope.errors import InvalidValue

__all__ = ["TASKS", "Figures", "Progress", "evaluate"]

TASKS = ("face", "text", "voice", "transcript", "valence-arousal")

Figures = dict[str, object]
"""Name of a figure to its value, of JSON types."""

Progress = Callable[[int, int], None]
"""Called with (done, total) as the samples are scored."""


def evaluate(
    task: str,
    data: str | Path,
    progress: Progress = lambda done, total: None,
    *,
    product_path: bool = False,
    condition: str | None = None,
) -> Figures:
    """Score a model on data.

    Args:
        task: One of `TASKS`.
        data: The labelled data in the form that the task's function documents.
        progress: Called with (done, total).
        product_path: For ``face`` alone: the images are set into pictures of 640x480 and go through
            detection and alignment first; one that is not found counts as wrong.
        condition: For ``face`` alone: the images are damaged first, by one of
            `affectscope.evaluation.damage.CONDITIONS`.

    Returns:
        Figures by name, of JSON types: ``n`` and, as they apply, ``accuracy``, ``macro_f1``,
        ``micro_f1``, ``macro_f1_at_0_5``, ``uar``, ``ece``, ``wer``, ``rtf``, ``valence_r``,
        ``valence_ccc`` and their like. Where the data has
        only some of the labels, ``..._present_labels`` repeat them with the choice limited to those.

    Raises:
        InvalidValue: Unknown task, no such file, an unknown label or condition, or a product path or a
            condition of another task.
        MalformedRequest: The data cannot be read in the task's form.
    """
    if task not in TASKS:
        raise InvalidValue(f"unknown task {task!r}; valid: {', '.join(TASKS)}")
    if product_path and task != "face":
        raise InvalidValue(f"there is no product path of {task!r}; valid: face")
    if condition is not None and task != "face":
        raise InvalidValue(f"there are no conditions of {task!r}; valid: face")
    path = Path(data)
    if not path.is_file():
        raise InvalidValue(f"no such file: {str(path)!r}")
    # The analyzers and their models load here, so that the figures alone stay light to import.
    from affectscope.evaluation import tasks
    from affectscope.evaluation.valence_arousal import evaluate_valence_arousal

    scores: dict[str, Callable[[Path, Progress], Figures]] = {
        "face": partial(tasks.evaluate_face, product_path=product_path, condition=condition),
        "text": tasks.evaluate_text,
        "voice": tasks.evaluate_voice,
        "transcript": tasks.evaluate_transcript,
        "valence-arousal": evaluate_valence_arousal,
    }
    return scores[task](path, progress)
