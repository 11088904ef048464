"""Which factors one network captured: the measurements of its latents on the test images."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import expit

from vaelib.cache import Fit
from vaelib.data.dataset import Dataset, as_float, evenly, load_split
from vaelib.metrics import probes
from vaelib.metrics.arithmetic import mean
from vaelib.metrics.dependence import active_units
from vaelib.metrics.inputs import latent_index
from vaelib.metrics.probes import Estimate
from vaelib.models.inference import decode_logits, encode
from vaelib.models.vae import VAE
from vaelib.spec import RunSpec
from vaelib.training.run import Run

VISIBLE = 0.05
"""Traversal energy above which a latent counts as visible."""
PER_DIM = ("kl", "active", "energy", "agreement", "angle_r2", "digit_share")
ESTIMATES = ("angle_best_dim", "angle_all_dims")
NUMBERS = ("best_dim", "digit_accuracy_upright", "digit_accuracy_rotated", "correlation")
"""The columns and numbers of a profile."""


@dataclass(frozen=True, eq=False)
class LatentProfile:
    """What the latents of one network hold and do.

    `per_dim` has a row a latent, numbered from 1: kl (nats), active, energy (`probes.traversal_energy`),
    agreement (of the changes of the pixel logits), angle_r2 (line, rotated images), digit_share.
    """

    per_dim: pd.DataFrame
    best_dim: int  # numbered from 1
    angle_best_dim: Estimate
    angle_all_dims: Estimate
    digit_accuracy_upright: float
    digit_accuracy_rotated: float
    correlation: float  # mean |r| of two latents

    @property
    def active(self) -> int:
        return int(self.per_dim["active"].sum())

    @property
    def visible(self) -> int:
        return int((self.per_dim["energy"] > VISIBLE).sum())


def profiles_of(runs: Sequence[Run], data: RunSpec, n_moved: int = 200) -> list[LatentProfile]:
    """Return the profile of each run on the test images of `data`, cached beside the runs."""
    test = cache(lambda: load_split(data, "test"))
    of = {"images": data.data, "moved": n_moved}

    def make(run: Run) -> Fit:
        return _as_fit(profile_latents(run.model, test(), n_moved))

    return [_from_fit(run.measured("latents", of, partial(make, run))) for run in runs]


def _as_fit(found: LatentProfile) -> Fit:
    """Return a profile as tensors, which keep every bit of a number, and what is undefined."""
    columns = {f"per_dim.{name}": found.per_dim[name].to_numpy() for name in PER_DIM}
    estimates = {name: np.array(astuple(getattr(found, name))) for name in ESTIMATES}
    numbers = {name: np.array(getattr(found, name)) for name in NUMBERS}
    return Fit({name: torch.tensor(v) for name, v in (columns | estimates | numbers).items()}, {})


def _from_fit(fit: Fit) -> LatentProfile:
    columns = {name: fit.tensors[f"per_dim.{name}"].numpy() for name in PER_DIM}
    per_dim = pd.DataFrame(columns, index=latent_index(len(columns["kl"])))
    others: dict[str, Any] = {name: Estimate(*fit.tensors[name].tolist()) for name in ESTIMATES}
    others |= {name: fit.tensors[name].item() for name in NUMBERS}
    return LatentProfile(per_dim, **others)


def profile_latents(model: VAE, test: Dataset, n_moved: int = 200) -> LatentProfile:
    """Measure a network on test images of both halves; `n_moved` of them are decoded with latents moved.

    The angle and the digit are read as the scores read them; what the scores do not have is measured here.
    """
    codes = encode(model, test.images)
    rotated = of_rotated(codes.mu, test.factors)
    best, of_line, of_all = probes.angle_read(*rotated)
    upright_read, rotated_read = digit_accuracies(codes.mu, test.factors)
    energy, agreement = _moved(model, test, codes.mu, n_moved)
    return LatentProfile(
        per_dim=pd.DataFrame(
            {
                "kl": codes.kl_per_dim,
                "active": active_units(codes.mu),
                "energy": energy,
                "agreement": agreement,
                "angle_r2": probes.line_r2(*rotated),
                "digit_share": probes.eta_squared(codes.mu, test.factors["digit"].to_numpy()),
            },
            index=latent_index(codes.mu.shape[1]),
        ),
        best_dim=best + 1,
        angle_best_dim=of_line,
        angle_all_dims=of_all,
        digit_accuracy_upright=upright_read,
        digit_accuracy_rotated=rotated_read,
        correlation=probes.mean_abs_correlation(codes.mu),
    )


def of_rotated(mu: np.ndarray, factors: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return codes (R, M), angles (R,), degrees, and the half to fit on, bool (R,), of the rotated images.

    The angle is asked of these alone: half of all images lie at 0° exactly, and a regression would mostly
    learn to separate the halves. Probes fit on the source digits of even index and score on the others.
    """
    rotated = factors["rotated"].to_numpy()
    fit = probes.halves(factors["index"].to_numpy())
    return mu[rotated], factors["angle"].to_numpy()[rotated], fit[rotated]


def digit_accuracies(mu: np.ndarray, factors: pd.DataFrame) -> tuple[float, float]:
    """Return how often the nearest codes name the digit, of upright and of rotated images not fitted on."""
    fit, rotated = probes.halves(factors["index"].to_numpy()), factors["rotated"].to_numpy()
    digit = factors["digit"].to_numpy()
    right = probes.knn_classes(mu, digit, fit) == digit[~fit]
    return mean(right[~rotated[~fit]]), mean(right[rotated[~fit]])


def _moved(model: VAE, test: Dataset, mu: np.ndarray, n: int) -> tuple[list[float], list[float]]:
    """Return energy and agreement of each latent, moved from its 5 % to its 95 % quantile."""
    images = as_float(test.images[evenly(len(test), n)])[:, 0].numpy()
    energy, agreement = [], []
    for low, high in _ends(model, mu, n):
        energy.append(probes.traversal_energy(expit(low), expit(high), images))
        agreement.append(probes.agreement(high - low))
    return energy, agreement


def moved_maps(model: VAE, mu: np.ndarray, n_moved: int) -> np.ndarray:
    """Return where moving each latent from its 5 % to its 95 % quantile changes the image, (M, S, S).

    The root mean square change of a pixel, in probability, over `n_moved` of the codes mu (N, M).
    """
    return np.stack([probes.change_map(expit(low), expit(high)) for low, high in _ends(model, mu, n_moved)])


def _ends(model: VAE, mu: np.ndarray, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the logits of n images with a latent at its two ends, latent by latent."""
    return traversal_ends(lambda z: decode_logits(model, z).astype(float), mu, evenly(len(mu), n))


def traversal_ends(
    decode: Callable[[np.ndarray], np.ndarray], mu: np.ndarray, rows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, latent by latent, what codes mu[rows] decode to with it at its 5 % and at its 95 % quantile.

    Quantiles are over all codes mu (N, M); the other latents stay.
    """
    for dim, ends in enumerate(np.quantile(mu, [0.05, 0.95], axis=0).T):
        low, high = mu[rows], mu[rows]
        low[:, dim], high[:, dim] = ends
        yield decode(low), decode(high)
