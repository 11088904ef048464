"""Which factors one network captured: the measurements of its latents on the test images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from vaelib.data.dataset import Dataset, as_float, evenly
from vaelib.metrics import probes
from vaelib.metrics.dependence import active_units
from vaelib.metrics.inputs import latent_index
from vaelib.metrics.probes import Estimate
from vaelib.models.inference import Codes, decode_logits, encode
from vaelib.models.vae import VAE

VISIBLE = 0.05
"""Traversal energy above which a latent counts as visible."""


@dataclass(frozen=True, eq=False)
class LatentProfile:
    """What the latents of one network hold and do.

    `per_dim` has a row a latent, numbered from 1: kl (nats), active, energy (`probes.traversal_energy`),
    agreement (of the changes of the pixel logits), angle_r2 (line, rotated images), digit_share.
    """

    codes: Codes
    per_dim: pd.DataFrame
    change_maps: np.ndarray  # (M, S, S), in pixel probability
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


def profile_latents(model: VAE, test: Dataset, n_moved: int = 200) -> LatentProfile:
    """Measure a network on test images of both halves; `n_moved` of them are decoded with latents moved.

    Angles are predicted on rotated images only: half of all images lie at 0° exactly, and a
    regression would mostly learn to separate the halves. Probes fit on the source digits of even index
    and score on the others.
    """
    codes = encode(model, test.images)
    factors = test.factors
    fit = probes.halves(factors["index"].to_numpy())
    rotated = factors["rotated"].to_numpy()
    angle, digit = factors["angle"].to_numpy(), factors["digit"].to_numpy()

    mu, turned, fitted = codes.mu[rotated], angle[rotated], fit[rotated]
    best, of_line, of_all = probes.angle_read(mu, turned, fitted)
    right = probes.knn_classes(codes.mu, digit, fit) == digit[~fit]
    energy, agreement, maps = _moved(model, test, codes.mu, n_moved)
    return LatentProfile(
        codes=codes,
        per_dim=pd.DataFrame(
            {
                "kl": codes.kl_per_dim,
                "active": active_units(codes.mu),
                "energy": energy,
                "agreement": agreement,
                "angle_r2": probes.line_r2(mu, turned, fitted),
                "digit_share": probes.eta_squared(codes.mu, digit),
            },
            index=latent_index(codes.mu.shape[1]),
        ),
        change_maps=maps,
        best_dim=best + 1,
        angle_best_dim=of_line,
        angle_all_dims=of_all,
        digit_accuracy_upright=float(right[~rotated[~fit]].mean()),
        digit_accuracy_rotated=float(right[rotated[~fit]].mean()),
        correlation=probes.mean_abs_correlation(codes.mu),
    )


def _moved(model: VAE, test: Dataset, mu: np.ndarray, n: int) -> tuple[list[float], list[float], np.ndarray]:
    """Return energy, agreement and change map of each latent, moved from its 5 % to its 95 % quantile."""
    chosen = evenly(len(test), n)
    images = as_float(test.images[chosen])[:, 0].numpy()
    energy, agreement, maps = [], [], []
    for logits in traversal_ends(lambda z: decode_logits(model, z).astype(float), mu, chosen):
        low, high = map(expit, logits)
        energy.append(probes.traversal_energy(low, high, images))
        agreement.append(probes.agreement(logits[1] - logits[0]))
        maps.append(probes.change_map(low, high))
    return energy, agreement, np.stack(maps)


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


def traversal_ranges(mu: np.ndarray, steps: int) -> np.ndarray:
    """Return the values (M, steps) of each latent's traversal: regular steps over its own 1 to 99 % range."""
    low, high = np.quantile(mu, [0.01, 0.99], axis=0)
    return np.linspace(low, high, steps, axis=1)
