"""Networks as ONNX files, checked against torch, with their cards beside them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tomli_w
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from training.calibration import softmax

LEAST_ALIKE = 0.95
"""Share of examples that have to keep their label as a file becomes smaller or faster."""


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
    _compare(path, before, inputs)


def compute_in_bytes(path: Path, inputs: dict[str, Tensor], *, floats: Sequence[str]) -> None:
    """Let the convolutions of a file compute in 8-bit integers, which takes less time.

    Weights have seven bits: without VNNI, processors add two products in 16 bits, which would not
    hold those of eight.

    Args:
        path: Of a file of one output, logits [n, classes].
        inputs: Some hundred real examples by name, whose activations say what the bytes mean.
        floats: Convolutions whose name has one of these in it stay as they are.
    """
    (before,) = _run(path, inputs)
    whole = path.with_suffix(".float.onnx")
    quant_pre_process(str(path), str(whole))
    nodes = [node.name for node in onnx.load(whole).graph.node if node.op_type == "Conv"]
    quantize_static(
        str(whole),
        str(path),
        _Examples(inputs),
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=[name for name in nodes if any(part in name for part in floats)],
        per_channel=True,
        # Signed weights by unsigned activations: the pair that x86 multiplies fastest.
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        reduce_range=True,
    )
    whole.unlink()
    _compare(path, before, inputs)


class _Examples(CalibrationDataReader):
    """Hands out examples in batches of 32."""

    def __init__(self, inputs: dict[str, Tensor]) -> None:
        batches = zip(*(x.split(32) for x in inputs.values()), strict=True)
        self._batches = iter([dict(zip(inputs, map(np.asarray, x), strict=True)) for x in batches])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


def _compare(path: Path, before: np.ndarray, inputs: dict[str, Tensor]) -> None:
    """Compare a file with the logits that it gave before it was changed."""
    (after,) = _run(path, inputs)
    gap = np.quantile(np.abs(softmax(after) - softmax(before)).max(1), 0.95)
    alike = float((after.argmax(1) == before.argmax(1)).mean())
    print(
        f"{path.name}: {path.stat().st_size / 1e6:.2f} MB with bytes, {alike:.1%} of labels as with "
        f"floats, probabilities of 95 % within {gap:.3f}"
    )
    if alike < LEAST_ALIKE:
        raise SystemExit(f"{path.name} differs too much from what it was")


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
