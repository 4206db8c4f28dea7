"""A convolutional network with channel attention and attentive statistics."""

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


WIDTHS = (24, 32, 48, 72)
"""Channels after each of four blocks: .3 million weights. A second network beside it, of nearly twice
as many channels and with a recurrent layer, helped by the sound alone more than beside manners, and
took two and a half times the work of this one."""


class VoiceNet(nn.Module):
    """Log-mel [n, frames, 64] to logits [n, 8]; frames >= 50."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(64))
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, 5, 2, 2, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)
        )
        self.blocks = nn.Sequential(
            Block(16, WIDTHS[0], (1, 2)),
            Block(WIDTHS[0], WIDTHS[1], (2, 2)),
            Block(WIDTHS[1], WIDTHS[2], (1, 2)),
            Block(WIDTHS[2], WIDTHS[3], (1, 2)),
        )
        self.context = nn.Sequential(
            nn.Conv1d(WIDTHS[3] * 2, 128, 5, 1, 2, bias=False),
            nn.BatchNorm1d(128),
            nn.ReLU(inplace=True),
        )
        self.attention = nn.Sequential(nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, 128))
        self.head = nn.Sequential(nn.BatchNorm1d(256), nn.Dropout(0.3), nn.Linear(256, 8))

    def forward(self, logmel: Tensor) -> Tensor:
        # The mean spectrum of a clip says more of the microphone and the room than of the emotion.
        x = (logmel - logmel.mean(1, keepdim=True)) / self.scale
        # Two frames of 10 ms make one of 20 ms: half the work, and prosody is slower than that.
        x = self.blocks(self.stem(nn.functional.avg_pool2d(x.unsqueeze(1), (2, 1))))
        x = self.context(x.permute(0, 1, 3, 2).flatten(1, 2)).transpose(1, 2)
        weights = self.attention(x).softmax(1)
        mean = (weights * x).sum(1)
        spread = ((weights * x * x).sum(1) - mean * mean).clamp(min=1e-5).sqrt()
        return self.head(torch.cat([mean, spread], 1))


class Committee(nn.Module):
    """The mean of what several networks say, before the softmax."""

    def __init__(self, members: Sequence[VoiceNet]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, logmel: Tensor) -> Tensor:
        return torch.stack([member(logmel).log_softmax(1) for member in self.members]).mean(0)
