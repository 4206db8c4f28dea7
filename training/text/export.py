"""The text model as one ONNX file of 8-bit weights, checked before anything is scored with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from training.text import graph
from training.text.model import HEADS, TextNet
from training.text.places import Weights
from training.text.prepare import Texts
from training.text.train import padded

LOOKED_AT = 400
"""Training texts from which the fixed scales of activations come."""

Outputs = tuple[NDArray[np.float32], NDArray[np.float32]]


def write_onnx(model: TextNet, places: Weights, ids: list[list[int]], path: Path) -> None:
    """Write the 8-bit file.

    Args:
        model: As trained.
        places: The head of valence, arousal and dominance.
        ids: Training texts; the first `LOOKED_AT` are looked at.
        path: Of the file.

    Raises:
        SystemExit: The graph in 32-bit floats differs from torch, or the scores of a text in the
            8-bit file depend on the texts beside it.
    """
    weights = {name: value.numpy() for name, value in model.state_dict().items()} | places
    example = ids[:8]
    with torch.no_grad():
        wanted = model.eval()(*padded(example))[0].numpy()
        levels = model.levels(*padded(example)).numpy()
    logits, vad = _run(_session(graph.float32(weights, HEADS).SerializeToString()), example)
    expected = np.clip(levels @ places["places.weight"].T + places["places.bias"], -1, 1)
    gap = max(float(np.abs(logits - wanted).max()), float(np.abs(vad - expected).max()))
    print(f"largest gap to torch {gap:.1e}")
    if gap > 1e-3:
        raise SystemExit(f"the graph differs from torch by {gap}")
    onnx.save(graph.int8(weights, HEADS, ids[:LOOKED_AT]), path)
    session = _session(str(path))
    together = np.concatenate(_run(session, ids[:32]), 1)
    alone = np.concatenate([np.concatenate(_run(session, [one]), 1) for one in ids[:32]])
    gap = float(np.abs(together - alone).max())
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, largest gap to a batch {gap:.1e}")
    if gap > 1e-3:
        raise SystemExit(f"the scores of a text depend on the others of its batch by {gap}")


def outputs_of(path: Path, texts: Texts) -> Outputs:
    """Run the file over texts: logits [n, 28] and vad [n, 3]."""
    session = _session(str(path))
    logits = np.zeros((len(texts.ids), 28), np.float32)
    vad = np.zeros((len(texts.ids), 3), np.float32)
    order = np.argsort([len(one) for one in texts.ids], kind="stable")
    for start in range(0, len(order), 32):
        index = order[start : start + 32]
        logits[index], vad[index] = _run(session, [texts.ids[i] for i in index])
    return logits, vad


def _session(model: str | bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # Threads that wait in a loop take time from whatever else runs on the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, rows: list[list[int]]) -> Outputs:
    ids, mask = padded(rows)
    logits, vad = session.run(
        ["logits", "vad"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
    )
    return logits, vad
