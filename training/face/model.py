"""A squeeze-and-excite residual network for 48 x 48 grey faces (He et al. 2016, Hu et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Two 3 x 3 convolutions with channel attention and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.excite = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(outputs, outputs // 8, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs // 8, outputs, 1),
            nn.Sigmoid(),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        return torch.relu(self.shortcut(x) + y * self.excite(y))


class FaceNet(nn.Module):
    """Grey image [n, 1, 48, 48] in 0..255 to logits [n, 8]; 2.0 million parameters."""

    def __init__(self, widths: tuple[int, ...] = (64, 112, 208), dropout: float = 0.3) -> None:
        super().__init__()
        inputs = 24
        self.stem = nn.Sequential(
            nn.Conv2d(1, inputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
        )
        layers: list[nn.Module] = []
        for width in widths:
            layers += [Block(inputs, width, 2), Block(width, width, 1)]
            inputs = width
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(inputs, 8)
        )

    def forward(self, image: Tensor) -> Tensor:
        # Each face is standardised by itself, so that exposure and contrast do not matter.
        x = image - image.mean((2, 3), keepdim=True)
        x = x / (x.square().mean((2, 3), keepdim=True).sqrt() + 8.0)
        return self.head(self.layers(self.stem(x)))
