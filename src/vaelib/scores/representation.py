"""One code and the images that it is measured on, and what a group of scores is.

A code is anything with an `Encoder`: a trained VAE, the linear methods, an untrained network, one that was
trained with labels. All are shown the same images and measured by the same functions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vaelib.data.dataset import Dataset, evenly
from vaelib.data.factorial import FactorialSet, Sweep, factorial_set, rotation_sweep
from vaelib.errors import InputError
from vaelib.metrics.dependence import ACTIVE_VARIANCE, active_units
from vaelib.metrics.importance import FOREST_IMAGES
from vaelib.metrics.probes import Estimate
from vaelib.models.inference import Codes, bound_terms
from vaelib.models.losses import ElboTerms
from vaelib.models.vae import VAE
from vaelib.scores.baselines import Encoder
from vaelib.spec import RunSpec


@dataclass(frozen=True)
class ScoringConfig:
    """How many images and draws the measurements take: part of what a cached score is known by.

    The defaults are for 1,000 test digits or more.
    """

    turned_per_class: int = 50  # digits of the rotation sweep S1
    turns: int = 37  # angles of the sweep, from one end of the run's own range to the other
    crossed_per_class: int = 10  # digits of the factorial set S3
    moved: int = 200  # test images with each latent at both ends of its range
    named: int = 50  # test images from which latents get their names (S2)
    rotations: int = 100  # random rotations of the code; the least p is 1/101
    forest_images: int = FOREST_IMAGES
    bound_images: int = 100
    bound_draws: int = 50

    @classmethod
    def of(cls, spec: RunSpec) -> "ScoringConfig":
        """Return what suits the test digits of a spec: less than the defaults for fewer than 1,000."""
        share = min(1, spec.n_test / 1000)
        full = cls()
        return cls(
            turned_per_class=max(2, round(share * full.turned_per_class)),
            crossed_per_class=max(2, round(share * full.crossed_per_class)),
            rotations=max(20, round(share * full.rotations)),
            forest_images=max(300, round(share * full.forest_images)),
        )


@dataclass(frozen=True, eq=False)
class Representation:
    """One code and the images that it is measured on; codes are made when first asked for, and cached.

    `network` is the VAE behind the encoder, for the bounds; `spec` says what its images are. What a code
    may lack raises `InputError`: the scores that need it are undefined.
    """

    encoder: Encoder
    spec: RunSpec
    test: Dataset
    store: Path | str  # where the digit classifier is cached
    config: ScoringConfig
    network: VAE | None = None

    @cached_property
    def codes(self) -> Codes:
        return self.encoder.encode(self.test.images)

    @property
    def mu(self) -> np.ndarray:
        """Posterior means of the test images, float64 (N, M)."""
        return self.codes.mu.astype(float)

    @cached_property
    def terms(self) -> ElboTerms | None:
        """Both terms of the bound of the test images, as the network gives them; None without one."""
        if self.network is None:
            return None
        return bound_terms(self.network, self.test.images, self.spec.likelihood)

    @property
    def active(self) -> np.ndarray:
        """Which latents vary over the test images, bool (M,); raises `InputError` when none does."""
        found = active_units(self.mu)
        if not found.any():
            raise InputError(
                f"none of the {len(found)} latents is active: Var(mu) is at most {ACTIVE_VARIANCE:g} in all."
            )
        return found

    def require_active(self) -> None:
        """Raise `InputError` for a code that says nothing of the image."""
        _ = self.active

    @property
    def sweep(self) -> Sweep:
        """Digits at all angles that the spec's rotated images may have; refused where that is only one."""
        limit = self.spec.rotation_range
        step = 2 * limit / (self.config.turns - 1)
        return _sweep(self.spec.image_size, self.config.turned_per_class, step, limit)

    @cached_property
    def turned(self) -> np.ndarray:
        """Posterior means of the digits of the sweep at all angles, float64 (I, A, M)."""
        return self.sweep.layout(self.encoder.encode(self.sweep.images).mu.astype(float))

    @property
    def crossed(self) -> FactorialSet:
        return _crossed(self.spec.image_size, self.config.crossed_per_class, self.spec.rotation_range)

    @cached_property
    def crossed_codes(self) -> Codes:
        codes = self.encoder.encode(self.crossed.images)
        return Codes(codes.mu.astype(float), codes.z.astype(float), codes.kl, codes.scalars)

    @property
    def crossed_fit(self) -> np.ndarray:
        """Which images of the factorial set predictors are fitted on: every second digit of a class."""
        cells = len(self.crossed) // (10 * self.config.crossed_per_class)
        return np.arange(len(self.crossed)) // cells % 2 == 0

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Return pixel probabilities (N, S, S) of latents (N, M)."""
        if self.encoder.decode is None:
            raise InputError(f"the {self.encoder.name} has no decoder.")
        return self.encoder.decode(z)

    def spread(self, n: int) -> np.ndarray:
        """Return the rows of n test images, or of all, spread evenly over both halves."""
        return evenly(len(self.test), n)


_sweep, _crossed = cache(rotation_sweep), cache(factorial_set)
"""The images that all codes of a size share."""


@dataclass(frozen=True)
class Group:
    """Scores that are measured together: a heading, their names, and the function that gives them.

    The function raises `InputError` where the scores are undefined.
    """

    title: str
    names: tuple[str, ...]
    measure: Callable[[Representation], dict[str, Any]]


def interval(name: str, estimate: Estimate) -> dict[str, float]:
    """Return a score and the ends of its interval, by the names of `interval_names`."""
    return dict(zip(interval_names(name), (estimate.value, estimate.low, estimate.high), strict=True))


def interval_names(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"
