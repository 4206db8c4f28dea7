"""Texts a second of the text model, beside RoBERTa-base and VADER.

RoBERTa-base has random weights here, which are as fast as trained ones, and no download. It runs in
the same runtime and the same precision as the shipped model, in 32-bit floats, and in
Transformers on PyTorch. All networks get the same batches of token ids, padded to the longest, on one
thread; they take turns in every round, so that a busy machine slows all of them, and a ratio is the
median over the rounds. VADER, a list of words with rules, gets the texts themselves, for scale.

    pip install -r benchmarks/chat_speed_requirements.txt     beside the project's own requirements
    python -m benchmarks.chat_speed                           a table
    python -m benchmarks.chat_speed --check                   and exit 1 where a bar is missed
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affectscope.chat import TextModel
from affectscope.chat.batching import padded
from benchmarks.chat_batch import conversation
from benchmarks.machine import facts, write_result

SAME_RUNTIME: Final = 6.0
"""Bar: times as many texts a second as RoBERTa-base in the same runtime and precision."""

TORCH: Final = 10.0
"""Bar: times as many texts a second as RoBERTa-base in Transformers."""

BATCHES: Final = (1, 32)
_WIDTH, _LAYERS, _HEADS, _UP, _WORDS, _PLACES = 768, 12, 12, 3072, 50265, 514
_LABELS, _DIMENSIONS = 28, 3

Ids = NDArray[np.int64]
Side = Callable[[Sequence[str], Ids, Ids], object]
"""Judges texts, given as such and as token ids with their mask [n, longest]."""


def roberta_weights() -> dict[str, NDArray[np.float32]]:
    """Return random weights of RoBERTa-base's sizes, named as `training.text.graph` has them."""
    random = np.random.default_rng(0)

    def matrix(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, np.float32) * np.float32(0.02)

    weights = {
        "words.weight": matrix(_WORDS, _WIDTH),
        "positions.weight": matrix(_PLACES, _WIDTH),
        "types.weight": matrix(1, _WIDTH),
        "emotions.weight": matrix(_LABELS, _WIDTH),
        "places.weight": matrix(_DIMENSIONS, (_LAYERS + 1) * _WIDTH),
    }
    sizes = {
        **dict.fromkeys(("query", "key", "value", "output"), (_WIDTH, _WIDTH)),
        "up": (_UP, _WIDTH),
        "down": (_WIDTH, _UP),
    }
    norms = ["norm"]
    for layer in range(_LAYERS):
        for name, shape in sizes.items():
            weights[f"layers.{layer}.{name}.weight"] = matrix(*shape)
            weights[f"layers.{layer}.{name}.bias"] = matrix(shape[0])
        norms += [f"layers.{layer}.norm_attention", f"layers.{layer}.norm_output"]
    for name in norms:
        weights[f"{name}.weight"] = np.ones(_WIDTH, np.float32)
        weights[f"{name}.bias"] = np.zeros(_WIDTH, np.float32)
    for name, size in (("emotions", _LABELS), ("places", _DIMENSIONS)):
        weights[f"{name}.bias"] = np.zeros(size, np.float32)
    return weights


def _in_runtime(model: Any) -> Side:
    """Run an ONNX model as the product does: one thread, no arena."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda _, ids, mask: session.run(
        ["logits", "vad"], {"input_ids": ids, "attention_mask": mask}
    )


def _in_transformers() -> Side:
    import torch
    from transformers import RobertaConfig, RobertaForSequenceClassification

    torch.set_num_threads(1)
    config = RobertaConfig(
        vocab_size=_WORDS, max_position_embeddings=_PLACES, type_vocab_size=1, num_labels=_LABELS
    )
    network = RobertaForSequenceClassification(config).eval()

    def run(_: Sequence[str], ids: Ids, mask: Ids) -> object:
        with torch.inference_mode():
            return network(
                input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)
            ).logits

    return run


def _vader() -> Side:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return lambda texts, _, __: [analyzer.polarity_scores(text) for text in texts]


def sides() -> dict[str, Side]:
    """Return what is compared, the shipped model first."""
    from training.text.graph import float32, int8

    shipped = TextModel().model
    weights = roberta_weights()
    some = [[0, *range(100 + 20 * i, 112 + 20 * i), 2] for i in range(4)]
    return {
        "shipped": lambda _, ids, mask: shipped.run(input_ids=ids, attention_mask=mask),
        "roberta-base, same runtime, 8 bits": _in_runtime(int8(weights, _HEADS, some)),
        "roberta-base, same runtime, 32 bits": _in_runtime(float32(weights, _HEADS)),
        "roberta-base, transformers, 32 bits": _in_transformers(),
        "vader": _vader(),
    }


def measure(found: Mapping[str, Side], rounds: int) -> dict[str, dict[int, list[float]]]:
    """Return seconds a text of each side and size of batch, one a round."""
    texts = [str(json.loads(line)["text"]) for line in conversation(max(BATCHES) * rounds)]
    rows = [reading.ids for reading in TextModel().read(texts)]
    taken: dict[str, dict[int, list[float]]] = {name: {n: [] for n in BATCHES} for name in found}
    for number in range(rounds):
        for size in BATCHES:
            # Every text of the round, in batches: single ones are as long as those together.
            start = number * max(BATCHES)
            some = range(start, start + (max(BATCHES) if size > 1 else 8), size)
            pieces = [(texts[i : i + size], *padded(rows[i : i + size])) for i in some]
            for name, side in found.items():
                began = time.perf_counter()
                for piece in pieces:
                    side(*piece)
                taken[name][size].append((time.perf_counter() - began) / (len(pieces) * size))
    # The first round warms up.
    return {name: {n: ones[1:] for n, ones in sizes.items()} for name, sizes in taken.items()}


def results(taken: Mapping[str, Mapping[int, Sequence[float]]]) -> dict[str, Any]:
    """Return texts a second, how many times as many the shipped model does, and what is met."""
    document: dict[str, Any] = {}
    for name, sizes in taken.items():
        bar = SAME_RUNTIME if "8 bits" in name else TORCH if "transformers" in name else None
        for size, seconds in sizes.items():
            ratios = [one / own for one, own in zip(seconds, taken["shipped"][size], strict=True)]
            times = statistics.median(ratios)
            document[f"{name}, batch {size}"] = {
                "texts_per_second": 1 / statistics.median(seconds),
                "shipped_is_times_as_fast": times,
                **({} if bar is None else {"bar": bar, "within": times >= bar}),
            }
    return document


def table(document: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the results as text."""
    lines = [f"{'':<48}{'texts/s':>10}{'shipped is':>12}{'bar':>6}"]
    for name, one in document.items():
        bar = f"{one['bar']:g}x" if "bar" in one else ""
        times = f"{one['shipped_is_times_as_fast']:.2f}x"
        lines.append(f"{name:<48}{one['texts_per_second']:>10.0f}{times:>12}{bar:>6}")
    return "\n".join(lines)


def main() -> int:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args()
    machine = facts()
    document = results(measure(sides(), options.rounds))
    print(table(document))
    print(f"stored in {write_result('chat-speed', {'machine': machine, 'sides': document})}")
    within = all(one.get("within", True) for one in document.values())
    return 1 if options.check and not within else 0


if __name__ == "__main__":
    sys.exit(main())
