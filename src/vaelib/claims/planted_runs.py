"""Codes and curves whose truth is known, as runs that the rules of the ledger can judge.

Codes are planted and measured as those of networks are, where that needs no images; what images would
have to show (traversals, names of latents) and curves over β are planted as scores.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from vaelib.claims import trends
from vaelib.metrics.dependence import (
    ACTIVE_KL,
    active_units,
    gaussian_total_correlation,
    pairwise_information,
)
from vaelib.metrics.importance import dci
from vaelib.metrics.information import mig, mutual_information
from vaelib.metrics.prediction import sap, single_latent_scores
from vaelib.metrics.probes import knn_values, r2
from vaelib.metrics.random_axes import haar_null, standardised
from vaelib.metrics.rotation import rotation_isolation, two_way
from vaelib.scores.latent_profile import VISIBLE

SEEDS, M = 5, 10
DIGITS, ANGLES = 60, np.linspace(-90, 90, 9)
BETAS = (1.0, 2.0, 4.0, 8.0, 16.0)

Rows = Iterable[dict[str, Any]]


def _mixings() -> dict[str, np.ndarray]:
    """Return matrices from ten factors to ten latents, by name."""
    pair, copy = np.eye(M), np.eye(M)
    pair[0, 1] = 7.0  # of the second latent: a correlation of .99 with the first
    copy[:, 1] = copy[:, 0]
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(M, M)))[0]
    return {"aligned": np.eye(M), "turned": turned, "pair": pair, "copy": copy}


MIXINGS = _mixings()


def setting(seed: int) -> dict[str, Any]:
    return {"arch": "ours", "beta": trends.DECK_BETA, "seed": seed, "latent_dim": M, "active_variance": M}


def code_in_use(active: int, seed: int) -> dict[str, Any]:
    """Return how a code of so many normal latents, and others that are still, uses them."""
    rng = np.random.default_rng(seed)
    mu = rng.normal(size=(2000, M)) * (np.arange(M) < active)
    kl = 0.5 * (mu**2 + 0.1 - 1 - np.log(0.1)).mean(0) * (np.arange(M) < active)
    energy = 0.5 * (np.arange(M) < active)
    return setting(seed) | {
        "active_variance": int(active_units(mu).sum()),
        "active_kl": int((kl > ACTIVE_KL).sum()),
        "active_energy": int((energy > VISIBLE).sum()),
        "variance_per_dim": mu.var(0),
        "energy_per_dim": energy,
    }


@cache
def code_in_axes(turn: bool, own_response: float, seed: int) -> dict[str, Any]:
    """Return how a code of digit, angle and shape lies in its axes, turned at random or not.

    To its angle each digit adds a response of its own, in so many times the common one's size.
    """
    rng = np.random.default_rng(seed)
    digit, shape = np.arange(DIGITS) % 10, rng.normal(size=DIGITS)
    response = ANGLES / 50 + own_response * np.sign(rng.normal(size=DIGITS))[:, None] * np.cos(ANGLES / 30)
    layers = [np.broadcast_to(digit[:, None] / 3, response.shape), response]
    layers += [np.broadcast_to(shape[:, None], response.shape), own_response * response**2]
    layers = [layer + 0.05 * rng.normal(size=response.shape) for layer in layers]
    z = np.stack(layers, axis=-1).reshape(-1, 4)
    if turn:
        z = standardised(z) @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    factors = {"digit": np.repeat(digit, len(ANGLES)), "angle": np.tile(ANGLES, DIGITS)}
    fit = np.repeat(np.arange(DIGITS) // 10 % 2 == 0, len(ANGLES))

    def interaction(code: np.ndarray) -> float:
        return two_way(code.reshape(DIGITS, len(ANGLES), -1)).table["eta2_interaction"].mean()

    scores: dict[str, tuple[int, Callable[[np.ndarray], float]]] = {
        "mig": (1, lambda code: mig(mutual_information(code, factors, bins=10)).mean()),
        "sap": (1, lambda code: sap(single_latent_scores(code, factors, fit)).mean()),
        "eta2_interaction_mean": (-1, interaction),
    }
    found = {"eta2_interaction_mean": interaction(z)}
    for name, (sign, score) in scores.items():
        null = haar_null(score, z, 20, seed, progress=False)
        found[f"haar_{name}_excess"] = sign * (score(standardised(z)) - null.mean()) / null.std(ddof=1)
    return setting(seed) | found


@cache
def code_of_factors(mixing: str, named: int, seed: int) -> dict[str, Any]:
    """Return how ten independent factors lie in a code that mixes them; so many of its latents have names."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(2000, M))
    mu = factors @ MIXINGS[mixing]
    pairs, total = pairwise_information(mu), gaussian_total_correlation(mu)
    by_lasso = dci(mu[:500], factors[:500, :4], np.arange(500) % 2 == 0, "lasso")
    return setting(seed) | {
        "pairwise_information_max": float(np.nanmax(pairs)),
        "collinear": bool(np.isinf(total)),
        "dci_d": by_lasso.disentanglement,
        "name_margin": np.where(np.arange(M) < named, 0.4, 0.1),
    }


def code_of_angle(common: float, own: float, seed: int) -> dict[str, Any]:
    """Return what a code holds of the angle, of which a common response and each digit's own are planted."""
    rng = np.random.default_rng(seed)
    signs = np.sign(rng.normal(size=(DIGITS, 1)))
    first = common * ANGLES / 50 + own * signs * ANGLES / 50
    layers = [first, own * np.repeat(signs, len(ANGLES), 1), rng.normal(size=first.shape)]
    layers = [layer + 0.1 * rng.normal(size=first.shape) for layer in layers]
    mu = np.stack(layers, axis=-1)
    fit = np.repeat(np.arange(DIGITS) // 10 % 2 == 0, len(ANGLES))
    truth, rows = np.tile(ANGLES, DIGITS), mu.reshape(-1, mu.shape[-1])
    return setting(seed) | {
        "ris": rotation_isolation(mu, draws=1).ris.value,
        "angle_r2": r2(truth[~fit], knn_values(rows, truth, fit)),
    }


def curves_over_beta(rises: Mapping[str, float], arch: str = "article", noise: float = 0.01) -> Rows:
    """Yield runs over β whose scores rise by so much per unit of ln β, each seed's by a bit more or less."""
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        steeper = {name: noise * rng.normal() for name in rises}
        for beta in BETAS:
            scores = {
                name: 0.3 + (rise + steeper[name]) * np.log(beta) + 1e-3 * rng.normal()
                for name, rise in rises.items()
            }
            yield setting(seed) | {"arch": arch, "beta": beta} | scores


def two_networks(gain: float, differ: float) -> Rows:
    """Yield both networks, of which the article's scores so much higher at equal rate, with a spread."""
    for arch in ("article", "ours"):
        for seed in range(SEEDS):
            own = (gain + differ * np.random.default_rng(seed).normal()) * (arch == "article")
            for beta in BETAS:
                rate = 24 - 6 * np.log(beta)
                scores = {"kl": rate, "dci_d": 0.5 + own - 0.01 * rate, "ris": 0.4 + own - 0.01 * rate}
                yield setting(seed) | {"arch": arch, "beta": beta} | scores
