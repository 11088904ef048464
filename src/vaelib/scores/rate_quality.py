"""How much a code uses its latents, how they depend on each other, and how good its images are."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vaelib.data.dataset import as_float
from vaelib.errors import InputError
from vaelib.metrics import probes
from vaelib.metrics.arithmetic import mean
from vaelib.metrics.dependence import (
    ACTIVE_KL,
    THRESHOLDS,
    active_units,
    gaussian_total_correlation,
    pairwise_information,
)
from vaelib.metrics.quality import MEASURES, SSIM_WINDOW, excess_bce, frechet_distance, iwae_bound, mse, ssim
from vaelib.models.inference import log_weights
from vaelib.scores.digit_classifier import LeNet, digit_classifier, features
from vaelib.scores.latent_profile import VISIBLE, traversal_ends
from vaelib.scores.representation import Group, Representation

CHUNK = 500
"""Images decoded and compared at a time; at 64 pixels their float64 copies take 16 MB each."""


def _rate(s: Representation) -> dict[str, Any]:
    """KL is infinite, and its counts undefined, where a posterior is a point.

    A category, whose columns are no latents of their own, has KL and variances but is not counted.
    """
    kl, variance, scalars = s.codes.kl_per_dim, s.mu.var(0), s.codes.scalars

    def above(values: np.ndarray, threshold: float) -> int:
        return int((values[:scalars] > threshold).sum())

    known = np.isfinite(kl).all()
    return {
        "kl": kl.sum(),
        "kl_per_dim": kl,
        "kl_above": [above(kl, threshold) for threshold in THRESHOLDS] if known else np.nan,
        "variance_per_dim": variance,
        "variance_above": [above(variance, threshold) for threshold in THRESHOLDS],
        "active_variance": int(active_units(s.mu[:, :scalars]).sum()),
        "active_kl": above(kl, ACTIVE_KL) if known else np.nan,
    }


def _traversals(s: Representation) -> dict[str, Any]:
    """T_j of each latent from its 5 % to its 95 % quantile; visible when above 0.05."""
    rows = s.spread(s.config.moved)
    images = as_float(s.test.images[rows])[:, 0].numpy()
    ends = traversal_ends(s.decode, s.mu, rows)
    energy = [probes.traversal_energy(low, high, images) for low, high in ends]
    visible = np.array(energy[: s.codes.scalars]) > VISIBLE
    return {"energy_per_dim": energy, "active_energy": int(visible.sum())}


def _total_correlation(s: Representation) -> dict[str, Any]:
    """It is infinite, and so undefined, where a latent is a linear function of others: they are collinear."""
    found = gaussian_total_correlation(s.mu, s.active)
    return {"gaussian_tc": found, "collinear": bool(np.isinf(found))}


def _pairwise(s: Representation) -> dict[str, Any]:
    """Mean and largest of all pairs of active latents; 0 is the largest where a latent has no partner."""
    pairs = pairwise_information(s.mu[:, s.active])
    known = pairs[np.isfinite(pairs)]
    return {
        "pairwise_information": mean(known),
        "pairwise_information_max": known.max(initial=0.0),
    }


def _reconstruction(s: Representation) -> dict[str, Any]:
    """Images rebuilt from mu; in chunks, as float64 copies of all would take gigabytes."""
    rotated = s.test.factors["rotated"].to_numpy()
    measured = []
    for start in range(0, len(s.test), CHUNK):
        x = as_float(s.test.images[start : start + CHUNK])[:, 0].numpy()
        p = s.decode(s.codes.mu[start : start + CHUNK])
        alike = ssim(x, p) if s.spec.image_size >= SSIM_WINDOW else np.full(len(x), np.nan)
        measured.append(np.column_stack([excess_bce(x, p), mse(x, p), alike]))
    table = np.concatenate(measured)
    halves = {"": np.ones_like(rotated), "_upright": ~rotated, "_rotated": rotated}
    return {
        f"{name}{half}": mean(table[chosen, column])
        for column, name in enumerate(MEASURES)
        for half, chosen in halves.items()
    }


def _generation(s: Representation) -> dict[str, Any]:
    """Images from the code's own prior against one half of the test images; its floor: the other half."""
    fit = probes.halves(s.test.factors["index"].to_numpy())
    if min(fit.sum(), (~fit).sum()) < 2:
        raise InputError(f"{len(fit)} test images are too few for a Fréchet distance of two halves.")
    z = s.encoder.prior(int((~fit).sum()), 0)
    s.decode(z[:1])
    classifier = digit_classifier(s.spec, s.store, progress=False)
    real = _features(classifier, lambda part: as_float(s.test.images[part])[:, 0].numpy(), len(fit))
    drawn = _features(classifier, lambda part: s.decode(z[part]), len(z))
    return {
        "frechet": frechet_distance(drawn, real[fit]),
        "frechet_floor": frechet_distance(real[~fit], real[fit]),
    }


def _bound(s: Representation) -> dict[str, Any]:
    """The bound of all test images; of some, from the same draws, the importance-weighted one beside it."""
    if s.network is None or s.terms is None:
        raise InputError(f"the {s.encoder.name} is no VAE and bounds no likelihood.")
    images = s.test.images[s.spread(s.config.bound_images)]
    weights = log_weights(s.network, images, s.spec.likelihood, s.config.bound_draws, progress=False)
    return {
        "neg_elbo": float((s.terms.recon + s.terms.kl.sum(1)).double().mean()),
        "bound_elbo": -weights.mean(),
        "bound_iwae": -iwae_bound(weights).mean(),
    }


def _features(classifier: LeNet, images: Callable[[slice], np.ndarray], n: int) -> np.ndarray:
    """Return the classifier's features of n images, made a chunk at a time."""
    parts = [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]
    return np.concatenate([features(classifier, images(part)) for part in parts])


GROUPS = {
    "rate": Group(
        "rate, nats and latents",
        (
            *("kl", "kl_per_dim", "kl_above", "variance_per_dim", "variance_above"),
            *("active_variance", "active_kl"),
        ),
        _rate,
    ),
    "traversals": Group("latents with a visible traversal", ("active_energy", "energy_per_dim"), _traversals),
    "total_correlation": Group(
        "dependence of all latents, nats", ("gaussian_tc", "collinear"), _total_correlation
    ),
    "pairwise": Group(
        "dependence of two latents, nats", ("pairwise_information", "pairwise_information_max"), _pairwise
    ),
    "reconstruction": Group(
        "reconstruction: nats above the least, squared error a pixel, similarity",
        tuple(f"{name}{half}" for name in MEASURES for half in ("", "_upright", "_rotated")),
        _reconstruction,
    ),
    "generation": Group("images drawn from the prior", ("frechet", "frechet_floor"), _generation),
    "bound": Group("bounds on −ln p(x), nats", ("neg_elbo", "bound_elbo", "bound_iwae"), _bound),
}
