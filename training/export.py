"""Networks as ONNX files, checked against torch, with their cards beside them."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tomli_w
import torch
from torch import Tensor, nn

from training.calibration import softmax


MOST_LOST = 0.03
"""How far a probability may move as weights become bytes."""


def to_onnx(
    model: nn.Module,
    path: Path,
    inputs: dict[str, Tensor],
    outputs: list[str],
    lengths: dict[str, dict[int, str]],
) -> None:
    """Write one self-contained file and compare it with torch on the example inputs.

    Args:
        model: In any mode; exported for inference.
        path: Of the file.
        inputs: Example of each input by name.
        outputs: Names of the outputs.
        lengths: Name of each axis of free length, by input or output.
    """
    model = model.eval().to(memory_format=torch.contiguous_format)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=outputs,
        dynamic_axes=lengths,
        opset_version=17,
        dynamo=False,
    )
    with torch.no_grad():
        wanted = model(*inputs.values())
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    found = _run(path, inputs)
    gap = max(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, wanted, strict=True))
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, largest gap to torch {gap:.1e}")
    if gap > 1e-3:
        raise SystemExit(f"{path.name} differs from torch by {gap}")


def _run(path: Path, inputs: dict[str, Tensor]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, {name: x.numpy() for name, x in inputs.items()})
    return found


def store_weights_in_bytes(path: Path, inputs: dict[str, Tensor]) -> None:
    """Store the matrices of a file as 8-bit integers, with a scale for each output channel.

    The network still computes in floats: the runtime multiplies the weights out once, as it loads
    them. The file takes about a quarter of the room. It is compared with what it was on examples.

    Args:
        path: Of a file of one output, logits [n, classes].
        inputs: Real examples by name: of noise the network is not sure, so nothing shows there.
    """
    model = onnx.load(path)
    (before,) = _run(path, inputs)
    graph = model.graph
    # A recurrent layer has [direction, output channel, input channel], and biases by direction.
    recurrent = {name for node in graph.node if node.op_type == "GRU" for name in node.input}
    for weight in list(graph.initializer):
        channels = 2 if weight.name in recurrent else 1
        if len(weight.dims) <= channels:
            continue
        values = onnx.numpy_helper.to_array(weight)
        within = tuple(range(channels, values.ndim))
        scale = np.abs(values).max(axis=within, keepdims=True) / 127
        scale = np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32)
        name = weight.name
        graph.initializer.remove(weight)
        graph.initializer.extend(
            [
                onnx.numpy_helper.from_array(
                    (values / scale).round().astype(np.int8), f"{name}.bytes"
                ),
                onnx.numpy_helper.from_array(scale, f"{name}.scale"),
            ]
        )
        for number, node in enumerate(
            [
                onnx.helper.make_node(
                    "Cast", [f"{name}.bytes"], [f"{name}.whole"], to=onnx.TensorProto.FLOAT
                ),
                onnx.helper.make_node("Mul", [f"{name}.whole", f"{name}.scale"], [name]),
            ]
        ):
            graph.node.insert(number, node)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    (after,) = _run(path, inputs)
    gap = float(np.abs(softmax(after) - softmax(before)).max())
    print(
        f"{path.name}: {path.stat().st_size / 1e6:.2f} MB with weights in bytes, "
        f"largest gap to floats {gap:.1e} in probability"
    )
    if gap > MOST_LOST:
        raise SystemExit(f"{path.name} differs by {gap} with weights in bytes")


def milliseconds(path: Path, inputs: dict[str, Any]) -> float:
    """Return the median time of one run on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    times = []
    for _ in range(60):
        began = time.perf_counter()
        session.run(None, inputs)
        times.append(time.perf_counter() - began)
    return float(np.median(times) * 1000)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Write the card; the digests of the files it names are filled in here."""
    card["model"]["sha256"] = digest(path.parent / card["model"]["file"])
    for one in card.get("files", []):
        one["sha256"] = digest(path.parent / one["file"])
    path.write_text(tomli_w.dumps(card, multiline_strings=False), encoding="utf-8")
    print(f"wrote {path.name}")
