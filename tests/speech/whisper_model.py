"""A Whisper model of a few kilobytes that says what it is told to, whatever it hears.

It is a real one: written by CTranslate2's own description of Whisper, read by its runtime, and driven
by faster-whisper with a tokenizer of its own. Its layers add nothing, so that each place in the
decoder has a fixed token of the highest probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEADS = 64, 1
PLACES = 448
FRAMES = 10
"""Steps of 20 ms that a place of the decoder listens to."""

MULTILINGUAL = ""
"""A token that CTranslate2 knows a model of many languages by: only their vocabulary has it."""

SURE, UNSURE = 40.0, 2.0
"""How much the wanted token stands out; the first is a probability of nearly 1."""

_LANGUAGES = ("en", "de", "fr")


def write_model(
    folder: Path,
    said: Sequence[str],
    *,
    sure: float = SURE,
    no_speech: bool = False,
    language: str | None = None,
) -> Path:
    """Write the model.

    Args:
        folder: Where to; made where it is not there.
        said: Its words, with their punctuation.
        sure: How much each token stands out.
        no_speech: Whether it also takes everything for no speech.
        language: Which one it hears; where absent, it knows English alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = sorted({f"Ġ{word}" for word in said})
    specials = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{one}|>" for one in _LANGUAGES)]
    specials += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]
    specials += ["<|nospeech|>", "<|notimestamps|>"]
    specials += [f"<|{place * 0.02:.2f}|>" for place in range(1501)]
    letters = _letters()
    tokens = letters + [word for word in words if word not in letters]
    if language is not None:
        tokens.append(MULTILINGUAL)
    tokens += specials
    ids = {token: number for number, token in enumerate(tokens)}
    _write_tokenizer(folder, ids, specials)
    # The prompt takes the first places, and each place tells the token behind it.
    prompt = 1 if language is None else 3
    sentence = ["<|0.00|>", *(f"Ġ{word}" for word in said), "<|1.00|>", "<|endoftext|>"]
    _write_network(
        folder,
        tokens,
        {prompt - 1 + place: ids[token] for place, token in enumerate(sentence)},
        ids,
        sure=sure,
        no_speech=no_speech,
        language=language,
    )
    return folder


def _letters() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def _write_tokenizer(folder: Path, ids: dict[str, int], specials: Sequence[str]) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    plain = {token: number for token, number in ids.items() if token not in set(specials)}
    tokenizer = Tokenizer(models.BPE(vocab=plain, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(one, special=True) for one in specials])
    assert tokenizer.token_to_id("<|1.00|>") == ids["<|1.00|>"]
    tokenizer.save(str(folder / "tokenizer.json"))


def _write_network(
    folder: Path,
    tokens: list[str],
    answers: dict[int, int],
    ids: dict[str, int],
    *,
    sure: float,
    no_speech: bool,
    language: str | None,
) -> None:
    from ctranslate2.specs import WhisperSpec

    spec = WhisperSpec(1, HEADS, 1, HEADS)
    places = np.zeros((PLACES, WIDTH), np.float32)
    projection = np.zeros((len(tokens), WIDTH), np.float32)
    # Layer normalisation makes the one component that stands out sqrt(width) large.
    gain = sure / np.sqrt(WIDTH)
    for place, token in answers.items():
        places[place, place] = 1.0
        projection[token, place] += gain
    if no_speech:
        projection[ids["<|nospeech|>"], 0] += gain + 1.0
    if language is not None:
        places[0, 0] = 1.0
        projection[ids[f"<|{language}|>"], 0] += gain
    for part in (spec.encoder, spec.decoder):
        part._visit(_fill)
    # Each place of the decoder looks at its own fifth of a second of sound, and takes nothing of it.
    times = np.zeros((1500, WIDTH), np.float32)
    times[np.arange(FRAMES * WIDTH), np.arange(FRAMES * WIDTH) // FRAMES] = 1.0
    looking = spec.decoder.layer[0].attention
    looking.linear[0].weight = np.eye(WIDTH, dtype=np.float32)
    looking.linear[1].weight[:WIDTH] = np.eye(WIDTH, dtype=np.float32)
    spec.encoder.conv1.weight = np.zeros((WIDTH, 80, 3), np.float32)
    spec.encoder.conv2.weight = np.zeros((WIDTH, WIDTH, 3), np.float32)
    spec.encoder.position_encodings.encodings = times
    spec.decoder.embeddings.weight = np.zeros((len(tokens), WIDTH), np.float32)
    spec.decoder.position_encodings.encodings = places
    spec.decoder.projection.weight = projection
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [ids[f"<|{one}|>"] for one in _LANGUAGES]
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.save(str(folder))


def _fill(owner: Any, name: str, value: object) -> None:
    """Give a layer weights that add nothing, and a normalisation that does nothing else."""
    kind = name.rsplit("/", 1)[-1]
    if kind == "gamma":
        owner.gamma = np.ones(WIDTH, np.float32)
    elif kind == "beta":
        owner.beta = np.zeros(WIDTH, np.float32)
    elif kind == "bias" and "conv" in name:
        owner.bias = np.zeros(WIDTH, np.float32)
    elif kind == "weight" and "linear" in name:
        # The first of self-attention makes queries, keys and values; the second of the other, two.
        times = 1
        if "self_attention/linear_0" in name:
            times = 3
        elif "/attention/linear_1" in name:
            times = 2
        owner.weight = np.zeros((times * WIDTH, WIDTH), np.float32)
        owner.bias = np.zeros(times * WIDTH, np.float32)
