"""How well an image would stand if it were turned back: a network that is equivariant on the circle."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaelib.models.losses import blur_matrix

BINS = 72
WIDTH = 360 / BINS
"""Degrees to a bin of angles."""

RINGS, HIDDEN, DILATIONS = 12, 48, (1, 3, 9, 27)
"""Energy network: radii, channels, and steps between taps, which together see the whole circle."""
BLUR = 1.0
"""SD in pixels of the blur before rings are sampled. Without it bilinear sampling leaves traces of the pixel
grid, from which a network can read how far an image is from the grid's axes, and is not equivariant."""


class RingNetwork(nn.Module):
    """How well an image would stand if it were turned back, for each of `BINS` angles.

    In polar coordinates a turn is a shift, so a network of circular convolutions over the angle is
    equivariant: turning the image by a bin shifts the energies by one. All candidate angles are scored
    in one pass, where turning the image back by each of them would take one a candidate.
    """

    grid: Tensor

    def __init__(self) -> None:
        super().__init__()
        inputs = (5 * RINGS, *[3 * HIDDEN] * len(DILATIONS))
        gains = (2.0, *[0.5] * len(DILATIONS))  # most of a polar map is black; later layers add to a sum
        self.weights = nn.ParameterList(
            nn.Parameter(gain * math.sqrt(2 / n) * torch.randn(n, HIDDEN))
            for n, gain in zip(inputs, gains, strict=True)
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(HIDDEN)) for _ in inputs)
        self.out = nn.Parameter(0.1 / math.sqrt(HIDDEN) * torch.randn(HIDDEN, 1))
        radius, angle = (torch.arange(RINGS) + 0.5) / RINGS, torch.deg2rad(centres())[:, None]
        grid = torch.stack([radius * angle.cos(), -radius * angle.sin()], dim=-1)  # y down the page
        self.register_buffer("grid", grid[None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return energies (B, BINS) of images (B, 1, S, S); the higher, the better it would stand."""
        x = F.avg_pool2d(x, max(1, x.shape[-1] // 32))
        blur = blur_matrix(x.shape[-1], BLUR).to(x)
        x = blur @ x @ blur.T
        rings = F.grid_sample(x, self.grid.expand(x.shape[0], -1, -1, -1), align_corners=False)[:, 0]
        h = F.relu(self._layer(0, rings, range(-2, 3)))
        for i, step in enumerate(DILATIONS, start=1):
            h = h + F.relu(self._layer(i, h, (-step, 0, step)))
        return (h @ self.out)[..., 0]

    def _layer(self, i: int, h: Tensor, taps: Iterable[int]) -> Tensor:
        """Return a circular convolution of h (B, BINS, C), as one product of matrices: half the time."""
        return torch.cat([h.roll(tap, 1) for tap in taps], 2) @ self.weights[i] + self.biases[i]


def centres() -> Tensor:
    """Return the middle of each bin, degrees, from −180 up (BINS,)."""
    return (torch.arange(BINS) - BINS // 2) * WIDTH


def quantile(q: Tensor, u: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    """Return bin and angle (B,) below which a share u (B,) lies of the density with q (B, BINS) in bins."""
    reached = q.cumsum(1)
    u = u * reached[:, -1]  # rounding leaves the sum beside 1
    bins = torch.searchsorted(reached, u[:, None])[:, 0].clamp(max=BINS - 1)
    inside = q.gather(1, bins[:, None])[:, 0]
    beyond = reached.gather(1, bins[:, None])[:, 0] - u
    share = 1 - (beyond / inside.clamp(min=1e-12)).clamp(0, 1)
    return bins, angles[bins] + WIDTH * (share - 0.5)
