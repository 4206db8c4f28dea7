"""Convolutional networks with channel attention and attentive statistics; one has a recurrent layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """3 x 3 convolutions with squeeze and excitation over the whole clip (Hu et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(stride, ceil_mode=True), nn.Conv2d(inputs, outputs, 1, bias=False)
        )
        self.down = nn.Linear(outputs, outputs // 4)
        self.up = nn.Linear(outputs // 4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        gate = torch.sigmoid(self.up(torch.relu(self.down(y.mean((2, 3))))))
        return torch.relu(self.shortcut(x) + y * gate[:, :, None, None])


class VoiceNet(nn.Module):
    """Log-mel [n, frames, 64] to logits [n, 8]; frames >= 50.

    Args:
        widths: Channels after each of four blocks.
        course: Units of the recurrent layer in each direction, which follows how a phrase goes; with
            none, the network is convolutional throughout.
    """

    def __init__(self, widths: tuple[int, int, int, int], course: int) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(64))
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, 5, 2, 2, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)
        )
        self.blocks = nn.Sequential(
            Block(16, widths[0], (1, 2)),
            Block(widths[0], widths[1], (2, 2)),
            Block(widths[1], widths[2], (1, 2)),
            Block(widths[2], widths[3], (1, 2)),
        )
        self.context = nn.Sequential(
            nn.Conv1d(widths[3] * 2, 128, 5, 1, 2, bias=False),
            nn.BatchNorm1d(128),
            nn.ReLU(inplace=True),
        )
        self.course = nn.GRU(128, course, bidirectional=True, batch_first=True) if course else None
        size = 2 * course or 128
        self.attention = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, size))
        self.head = nn.Sequential(nn.BatchNorm1d(2 * size), nn.Dropout(0.3), nn.Linear(2 * size, 8))

    def forward(self, logmel: Tensor) -> Tensor:
        # The mean spectrum of a clip says more of the microphone and the room than of the emotion.
        x = (logmel - logmel.mean(1, keepdim=True)) / self.scale
        # Two frames of 10 ms make one of 20 ms: half the work, and prosody is slower than that.
        x = self.blocks(self.stem(nn.functional.avg_pool2d(x.unsqueeze(1), (2, 1))))
        x = self.context(x.permute(0, 1, 3, 2).flatten(1, 2)).transpose(1, 2)
        if self.course is not None:
            x, _ = self.course(x.float())
        weights = self.attention(x).softmax(1)
        mean = (weights * x).sum(1)
        spread = ((weights * x * x).sum(1) - mean * mean).clamp(min=1e-5).sqrt()
        return self.head(torch.cat([mean, spread], 1))


KINDS = {"recurrent": ((32, 64, 96, 128), 96), "convolutional": ((24, 32, 48, 72), 0)}
"""Two kinds of network, .8 and .3 million weights: what they get wrong differs, so a mean is better."""


class Committee(nn.Module):
    """The mean of what several networks say, before the softmax."""

    def __init__(self, members: Sequence[VoiceNet]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, logmel: Tensor) -> Tensor:
        return torch.stack([member(logmel).log_softmax(1) for member in self.members]).mean(0)
