"""MiniLM as a plain module, with heads for 28 emotions and for valence, arousal, dominance."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

WIDTH, HEADS, LAYERS, VOCABULARY, POSITIONS = 384, 12, 6, 30522, 512
PUBLISHED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)."""


class Layer(nn.Module):
    """One post-norm transformer layer (Devlin et al. 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.output = nn.Linear(WIDTH, WIDTH)
        self.norm_attention = nn.LayerNorm(WIDTH, eps=1e-12)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)
        self.norm_output = nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        n, length, _ = x.shape
        shape = (n, length, HEADS, WIDTH // HEADS)
        query, key, value = (
            f(x).view(shape).transpose(1, 2) for f in (self.query, self.key, self.value)
        )
        weights = (query @ key.transpose(2, 3)) * (WIDTH // HEADS) ** -0.5 + bias
        mixed = (weights.softmax(-1) @ value).transpose(1, 2).reshape(n, length, WIDTH)
        x = self.norm_attention(x + self.dropout(self.output(mixed)))
        return self.norm_output(x + self.dropout(self.down(F.gelu(self.up(x)))))


class TextNet(nn.Module):
    """Token ids and mask int64 [n, length] to logits [n, 28] and vad [n, 3] in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH, padding_idx=0)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.types = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.dropout = nn.Dropout(0.1)
        self.emotions = nn.Linear(WIDTH, 28)
        self.dimensions = nn.Linear(WIDTH, 3)

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the mean-pooled embedding [n, 384]."""
        return self.levels(input_ids, attention_mask)[:, -WIDTH:]

    def levels(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the means over tokens of the embeddings and of each layer, [n, 7 x 384]."""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.words(input_ids) + self.positions(positions)[None] + self.types.weight[0]
        x = self.norm(x)
        mask = attention_mask.to(x.dtype)
        bias = (1.0 - mask)[:, None, None, :] * -1e4
        count = mask.sum(1, keepdim=True).clamp(min=1.0)
        means = [(x * mask[:, :, None]).sum(1) / count]
        for layer in self.layers:
            x = layer(x, bias)
            means.append((x * mask[:, :, None]).sum(1) / count)
        return torch.cat(means, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        x = self.dropout(self.encode(input_ids, attention_mask))
        return self.emotions(x), torch.tanh(self.dimensions(x))


_NAMES = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "output",
    "attention.output.LayerNorm": "norm_attention",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "norm_output",
}


def pretrained(folder: Path) -> TextNet:
    """Return the network with MiniLM's published weights and fresh heads."""
    path = folder / "model.safetensors"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != PUBLISHED_SHA256:
        raise SystemExit(f"{path.name} has SHA-256 {found}, published is {PUBLISHED_SHA256}")
    source = load_file(path)
    target: dict[str, Tensor] = {
        "words.weight": source["embeddings.word_embeddings.weight"],
        "positions.weight": source["embeddings.position_embeddings.weight"],
        "types.weight": source["embeddings.token_type_embeddings.weight"],
        "norm.weight": source["embeddings.LayerNorm.weight"],
        "norm.bias": source["embeddings.LayerNorm.bias"],
    }
    for index in range(LAYERS):
        for theirs, ours in _NAMES.items():
            for kind in ("weight", "bias"):
                target[f"layers.{index}.{ours}.{kind}"] = source[
                    f"encoder.layer.{index}.{theirs}.{kind}"
                ]
    model = TextNet()
    missing, unexpected = model.load_state_dict(target, strict=False)
    assert not unexpected and all(m.startswith(("emotions", "dimensions")) for m in missing), (
        missing
    )
    return model
