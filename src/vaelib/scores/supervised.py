"""Networks that are trained with labels; the code of one is the supervised upper bound."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from vaelib.cache import Fit, cached
from vaelib.data.dataset import Dataset, as_float, load_split
from vaelib.errors import DivergedError
from vaelib.models.build import build_vae
from vaelib.spec import RunSpec
from vaelib.threads import torch_threads
from vaelib.training.memory import keep_large_blocks
from vaelib.versions import BASELINES

SEED = 0
CLASSES = 10
EPOCHS = 3
"""Of 11,000 images of 64 pixels, 40 s on one core for the article's encoder and 47 s for ours."""
LR = 2e-3
STEP = 32
"""Images a step."""
ON_ANGLE = 3.0
"""Weight of the angle's squared error beside the cross-entropy, which starts ten times as large."""
ON_SIZE = 0.02
"""Weight of |mu|², which keeps the code near the prior's unit. Without it classes drift apart along all
axes, and neighbours in the code tell half as much of the angle as its linear head does."""


class LabelledEncoder(nn.Module):
    """An encoder's mu (B, M), and one linear map of it to ten class logits and to (sin, cos) of the angle."""

    def __init__(self, encoder: nn.Module, latent_dim: int):
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Linear(latent_dim, CLASSES + 2)

    def mu(self, x: Tensor) -> Tensor:
        """Return the code (B, M) of images (B, 1, S, S): mu, as in a VAE; the half for logvar is unused."""
        return self.encoder(x).chunk(2, dim=1)[0]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mu (B, M), class logits (B, 10), and sine and cosine of the angle (B, 2)."""
        mu = self.mu(x)
        logits, waves = self.heads(mu).split([CLASSES, 2], dim=1)
        return mu, logits, waves


def train_network(
    network: nn.Module,
    images: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    title: str,
    epochs: int,
    progress: bool,
) -> None:
    """Train with Adam on uint8 images (N, 1, S, S), the learning rate falling from `LR` to zero by a cosine.

    `loss` takes images in [0, 1] and the rows that they came from. One thread and a fixed order: the same
    bytes every time. Leaves the network in eval mode. Raises `DivergedError` for a loss that is not finite.
    """
    keep_large_blocks()
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.Adam(network.parameters(), lr=LR, fused=True)
    batches = math.ceil(len(images) / STEP)
    network.train()
    with (
        torch_threads(1),
        tqdm(
            desc=title,
            total=epochs * batches,
            unit="step",
            mininterval=1.0,
            leave=False,
            disable=not progress,
        ) as bar,
    ):
        for _ in range(epochs):
            order = torch.randperm(len(images), generator=generator)
            for rows in order.tensor_split(batches):
                x = as_float(images[rows]).contiguous(memory_format=torch.channels_last)
                value = loss(x, rows)
                optimizer.zero_grad(set_to_none=True)
                value.backward()
                for group in optimizer.param_groups:
                    group["lr"] = LR * 0.5 * (1 + math.cos(math.pi * bar.n / bar.total))
                optimizer.step()
                bar.update()
            if not value.isfinite():
                raise DivergedError(f"{title} diverged: a loss is {value.item():.4g}; lower its rate {LR:g}.")
    network.eval()


def train_encoder(spec: RunSpec, train: Dataset, progress: bool = True) -> LabelledEncoder:
    """Train the encoder of `spec` to predict the digit and the angle of the images, through mu alone.

    Loss: cross-entropy of the digit + 3 (squared error of sin and cos) + 0.02 |mu|², nats; upright images
    have angle 0. Three epochs of batches of 32 from weights of He et al. 2015, whatever the spec's own
    training is: arch, activation, norm and latent_dim decide, its seed does not.
    """
    network = _init(spec)
    digit = torch.tensor(train.factors["digit"].to_numpy(copy=True))
    radians = np.deg2rad(train.factors["angle"].to_numpy())
    waves = torch.tensor(np.column_stack([np.sin(radians), np.cos(radians)]), dtype=torch.float32)

    def loss(x: Tensor, rows: Tensor) -> Tensor:
        mu, logits, predicted = network(x)
        of_angle = (predicted - waves[rows]).square().sum(1).mean()
        size = mu.square().sum(1).mean()
        return F.cross_entropy(logits, digit[rows]) + ON_ANGLE * of_angle + ON_SIZE * size

    train_network(network, train.images, loss, f"{spec.arch} with labels", EPOCHS, progress)
    return network


def labelled(spec: RunSpec, store: Path | str = "runs", progress: bool = True) -> LabelledEncoder:
    """Return the encoder of `spec` trained with labels, from the store where it is there already."""
    spec = _own(spec)

    def make() -> Fit:
        return Fit(train_encoder(spec, load_split(spec, "train"), progress).state_dict(), {})

    made_from = {"kind": "supervised", "version": BASELINES["supervised"], **spec.data, **spec.network}
    fit = cached(store, made_from, make)
    network = _init(spec)
    network.load_state_dict(fit.tensors)
    return network.eval()


def _own(spec: RunSpec) -> RunSpec:
    """Return the spec with weights and a seed of our own, which decide the upper bound's first step."""
    return replace(spec.plain, init="he", seed=SEED)


def _init(spec: RunSpec) -> LabelledEncoder:
    encoder = build_vae(_own(spec)).encoder
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = LabelledEncoder(encoder, spec.latent_dim)
    return network.to(memory_format=torch.channels_last)
