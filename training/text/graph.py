"""BERT encoders as ONNX graphs, in 32-bit floats and in 8 bits, from plain arrays.

The 8-bit form is made so that the scores of a text do not depend on the texts beside it. Dynamic
quantisation as ONNX Runtime offers it has one scale for the activations of a whole run: three in a
hundred texts got another top label in another batch. Here

- what a LayerNorm gives has a fixed scale, found on training texts, after each channel was divided
  by a factor that moves the outliers into the weights (SmoothQuant, Xiao et al. 2023);
- what attention and GELU give has a scale of each token's own, found as it runs.

Weights have one scale a column, embeddings one a row. Graphs are made with one fused product for
query, key and value. ONNX Runtime is needed for its operators of the domain ``com.microsoft``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]
Weights = Mapping[str, Array]
"""Arrays by name as `TextNet` has them: ``words.weight``, ``layers.0.query.weight`` and so on; and
``places.weight`` [3, 7 x width], ``places.bias`` as `places.fitted` gives them."""

_DOMAIN = "com.microsoft"
_SMOOTHING = 0.7
"""How much of a channel's outliers moves into the weights; the best of .5 and .7 on dev."""

_MARGIN = 1.05
"""How far beyond what the training texts showed a fixed scale still reaches."""

_EPSILON = 1e-12


@dataclass
class Graph:
    """A graph as it grows."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, value: Array | np.generic) -> str:
        """Add a constant; returns its name."""
        name = f"constant_{len(self.constants)}"
        array = np.asarray(value)
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def whole(self, *values: int) -> str:
        """Add a constant of whole numbers, such as axes."""
        return self.constant(np.array(values, np.int64))

    def add(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **named: Any) -> str:
        """Add an operator of one output; returns the output's name."""
        return self.split(kind, *inputs, outputs=outputs, domain=domain, **named)[0]

    def split(
        self, kind: str, *inputs: str, outputs: int, domain: str = "", **named: Any
    ) -> list[str]:
        """Add an operator of several outputs; returns their names."""
        stem = f"{kind}_{len(self.nodes)}"
        names = [f"{stem}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=stem, domain=domain, **named))
        return names


@dataclass(frozen=True)
class Seen:
    """The range of each channel that goes into a product, by the product's name."""

    lowest: dict[str, Array]
    highest: dict[str, Array]


def float32(weights: Weights, heads: int) -> onnx.ModelProto:
    """Return the graph in 32-bit floats.

    Args:
        weights: Of the encoder and its two heads.
        heads: Attention heads.

    Returns:
        A model: ``input_ids``, ``attention_mask`` int64 [n, length] to ``logits`` [n, 28], ``vad``
        [n, 3].
    """
    return _Encoder(weights, heads).model()


def int8(weights: Weights, heads: int, ids: Iterable[list[int]]) -> onnx.ModelProto:
    """Return the graph with 8-bit products; inputs and outputs as `float32` says.

    Args:
        weights: Of the encoder and its two heads.
        heads: Attention heads.
        ids: Token ids of some hundred training texts, from which the fixed scales come.
    """
    return _Quantised(weights, heads, _look(weights, heads, ids)).model()


def _look(weights: Weights, heads: int, ids: Iterable[list[int]]) -> Seen:
    """Run texts in 32-bit floats and note the range of every channel."""
    import onnxruntime

    encoder = _Encoder(weights, heads)
    model = encoder.model(watched=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    lowest: dict[str, Array] = {}
    highest: dict[str, Array] = {}
    for one in ids:
        tokens = np.array([one], np.int64)
        found = session.run(
            list(encoder.inputs.values()),
            {"input_ids": tokens, "attention_mask": np.ones_like(tokens)},
        )
        for name, value in zip(encoder.inputs, found, strict=True):
            low, high = value.min(0), value.max(0)
            lowest[name] = np.minimum(lowest.get(name, low), low)
            highest[name] = np.maximum(highest.get(name, high), high)
    return Seen(lowest, highest)


class _Encoder:
    """An encoder in 32-bit floats.

    Attributes:
        inputs: What goes into each product, by the product's name.
    """

    def __init__(self, weights: Weights, heads: int) -> None:
        self.graph = Graph()
        self.inputs: dict[str, str] = {}
        self._weights = weights
        self._heads = heads
        self._width = int(weights["norm.weight"].shape[0])
        self._layers = len({n.split(".")[1] for n in weights if n.startswith("layers.")})

    def model(self, watched: bool = False) -> onnx.ModelProto:
        """Build it; where watched, what goes into the products are outputs too."""
        graph, weights = self.graph, self._weights
        shape = graph.add("Shape", "input_ids")
        length = graph.add("Gather", shape, graph.whole(1))
        mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
        # Far below any score and yet finite: a text of nothing but padding stays finite too.
        absent = graph.add(
            "Mul",
            graph.add("Sub", graph.constant(np.float32(1)), mask),
            graph.constant(np.float32(-1e4)),
        )
        bias = graph.add(
            "Expand",
            graph.add("Unsqueeze", absent, graph.whole(1, 2)),
            graph.add("Concat", graph.whole(1, 1), length, graph.whole(1), axis=0),
        )
        places = weights["positions.weight"] + weights["types.weight"][0]
        positions = graph.add(
            "Slice", graph.constant(places), graph.whole(0), length, graph.whole(0)
        )
        x = self._norm(graph.add("Add", self._words(), positions), "norm")
        folded = graph.add("Concat", shape, graph.whole(self._width), axis=0)
        levels = [graph.add("Reshape", x, graph.whole(-1, self._width))]
        for layer in range(self._layers):
            levels.append(self._layer(levels[-1], f"layers.{layer}.", folded, bias))
        pooled = self._means(levels, mask, shape)
        last = graph.add(
            "Slice", pooled, graph.whole(-self._width), graph.whole(2**31), graph.whole(1)
        )
        graph.add("Identity", self._head(last, "emotions"))
        graph.nodes[-1].output[0] = "logits"
        places = self._head(pooled, "places")
        limits = (graph.constant(np.float32(-1)), graph.constant(np.float32(1)))
        graph.add("Clip", places, *limits)
        graph.nodes[-1].output[0] = "vad"
        return self._finished(list(self.inputs.values()) if watched else [])

    def _means(self, levels: list[str], mask: str, shape: str) -> str:
        """Return the mean over tokens of each level side by side, [n, levels x width]."""
        graph, width = self.graph, len(levels) * self._width
        wide = graph.add("Concat", shape, graph.whole(width), axis=0)
        x = graph.add("Reshape", graph.add("Concat", *levels, axis=1), wide)
        count = graph.add("ReduceSum", mask, graph.whole(1), keepdims=1)
        share = graph.add("Div", mask, graph.add("Max", count, graph.constant(np.float32(1))))
        mixed = graph.add("MatMul", graph.add("Unsqueeze", share, graph.whole(1)), x)
        return graph.add("Squeeze", mixed, graph.whole(1))

    def _finished(self, watched: list[str]) -> onnx.ModelProto:
        value = helper.make_tensor_value_info
        labels = self._weights["emotions.weight"].shape[0]
        model = helper.make_model(
            helper.make_graph(
                self.graph.nodes,
                "text",
                [
                    value(name, TensorProto.INT64, ["n", "length"])
                    for name in ("input_ids", "attention_mask")
                ],
                [
                    value("logits", TensorProto.FLOAT, ["n", labels]),
                    value("vad", TensorProto.FLOAT, ["n", 3]),
                    *(value(name, TensorProto.FLOAT, ["tokens", None]) for name in watched),
                ],
                self.graph.constants,
            ),
            opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(_DOMAIN, 1)],
        )
        model.ir_version = 9
        return model

    def _layer(self, x: str, prefix: str, folded: str, bias: str) -> str:
        """One post-norm transformer layer over [tokens, width]."""
        graph, width = self.graph, self._width
        weight, offset = self._attended(prefix)
        three = self._product(x, weight, offset, f"{prefix}query")
        parts = graph.split("Split", three, graph.whole(width, width, width), outputs=3, axis=-1)
        mixed = graph.add(
            "MultiHeadAttention",
            *(graph.add("Reshape", part, folded) for part in parts),
            *("", "", bias),
            domain=_DOMAIN,
            num_heads=self._heads,
        )
        mixed = graph.add("Reshape", mixed, graph.whole(-1, width))
        named = self._weights
        seen = self._product(
            mixed,
            named[f"{prefix}output.weight"].T,
            named[f"{prefix}output.bias"],
            f"{prefix}output",
        )
        x = self._norm(graph.add("Add", seen, x), f"{prefix}norm_attention")
        up = self._product(
            x, named[f"{prefix}up.weight"].T, named[f"{prefix}up.bias"], f"{prefix}up"
        )
        down = self._product(
            graph.add("Gelu", up),
            named[f"{prefix}down.weight"].T,
            named[f"{prefix}down.bias"],
            f"{prefix}down",
        )
        return self._norm(graph.add("Add", down, x), f"{prefix}norm_output")

    def _attended(self, prefix: str) -> tuple[Array, Array]:
        """Return query, key and value as one weight [width, 3 width], and their bias."""
        names = ("query", "key", "value")
        weights = [self._weights[f"{prefix}{name}.weight"].T for name in names]
        biases = [self._weights[f"{prefix}{name}.bias"] for name in names]
        return np.concatenate(weights, 1), np.concatenate(biases)

    def _norm(self, x: str, name: str) -> str:
        constants = (self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])
        return self.graph.add(
            "LayerNormalization", x, *map(self.graph.constant, constants), epsilon=_EPSILON
        )

    def _head(self, pooled: str, name: str) -> str:
        # The heads stay exact: they are small, and thresholds sit on their output.
        constants = (self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])
        return self.graph.add("Gemm", pooled, *map(self.graph.constant, constants), transB=1)

    def _words(self) -> str:
        words = self.graph.constant(self._weights["words.weight"])
        return self.graph.add("Gather", words, "input_ids")

    def _product(self, x: str, weight: Array, bias: Array, name: str) -> str:
        """Multiply [tokens, k] with a weight [k, n] and add a bias [n]."""
        graph = self.graph
        self.inputs[name] = x
        product = graph.add("MatMul", x, graph.constant(weight))
        return graph.add("Add", product, graph.constant(bias))


class _Quantised(_Encoder):
    """An encoder with 8-bit products."""

    def __init__(self, weights: Weights, heads: int, seen: Seen) -> None:
        super().__init__(weights, heads)
        self._seen = seen

    def _words(self) -> str:
        graph = self.graph
        values, scales = _rounded(self._weights["words.weight"], axis=1)
        rows = graph.add("Gather", graph.constant(values), "input_ids")
        return graph.add(
            "Mul",
            graph.add("Cast", rows, to=TensorProto.FLOAT),
            graph.add("Gather", graph.constant(scales), "input_ids"),
        )

    def _product(self, x: str, weight: Array, bias: Array, name: str) -> str:
        if name.endswith((".query", ".up")):
            return self._fixed(x, weight, bias, name)
        return self._by_token(x, weight, bias)

    def _fixed(self, x: str, weight: Array, bias: Array, name: str) -> str:
        """Multiply what a LayerNorm gave, on the scale that training texts showed."""
        graph = self.graph
        low, high = self._seen.lowest[name] * _MARGIN, self._seen.highest[name] * _MARGIN
        reach = np.maximum(np.maximum(np.abs(low), np.abs(high)), 1e-6)
        heft = np.maximum(np.abs(weight).max(1), 1e-6)
        factor = reach**_SMOOTHING / heft ** (1 - _SMOOTHING)
        factor = (factor / np.median(factor)).astype(np.float32)
        lowest = min(float((low / factor).min()), 0.0)
        highest = max(float((high / factor).max()), 0.0)
        scale = np.float32((highest - lowest) / 255)
        zero = graph.constant(np.uint8(round(-lowest / float(scale))))
        named = graph.constant(scale)
        smooth = graph.add("Mul", x, graph.constant(1 / factor))
        values, scales = _rounded(weight * factor[:, None], axis=0)
        return graph.add(
            "MatMulIntegerToFloat",
            graph.add("QuantizeLinear", smooth, named, zero),
            graph.constant(values),
            *(named, graph.constant(scales[0]), zero, "", graph.constant(bias)),
            domain=_DOMAIN,
        )

    def _by_token(self, x: str, weight: Array, bias: Array) -> str:
        """Multiply on a scale of each token's own."""
        graph = self.graph
        reach = graph.add("ReduceMax", graph.add("Abs", x), graph.whole(-1), keepdims=1)
        scale = graph.add(
            "Max",
            graph.add("Mul", reach, graph.constant(np.float32(1 / 127))),
            graph.constant(np.float32(1e-10)),
        )
        flat = graph.add("Squeeze", scale, graph.whole(1))
        zero = graph.constant(np.uint8(128))
        zeros = graph.add("Expand", zero, graph.add("Shape", flat))
        values, scales = _rounded(weight, axis=0)
        product = graph.add(
            "MatMulIntegerToFloat",
            graph.add("QuantizeLinear", x, flat, zeros, axis=0),
            graph.constant(values),
            *(graph.constant(np.float32(1)), graph.constant(scales[0]), zero),
            domain=_DOMAIN,
        )
        # The token's scale goes on here: the operator knows one scale for all tokens only.
        return graph.add("Add", graph.add("Mul", product, scale), graph.constant(bias))


def _rounded(weight: Array, axis: int) -> tuple[Array, Array]:
    """Return a matrix as int8 and its scales, one for each line along an axis."""
    scale = np.abs(weight).max(axis, keepdims=True) / 127
    scale = np.where(scale == 0, 1, scale).astype(np.float32)
    return np.clip(np.round(weight / scale), -127, 127).astype(np.int8), scale
