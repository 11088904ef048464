"""What linear theory says of affine networks, beside what was found, as figures and words need it."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from vaelib.claims.ablation import ACTIVE_KL, LIKELIHOODS
from vaelib.models.affine import LinearTheory
from vaelib.models.losses import matched_beta
from vaelib.training.run import Run


def kl_by_likelihood(runs: Iterable[Run]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return what `plots.kl_against_beta` draws, by likelihood: β_eff at 64×64 (K,), KL of latents (K, M)."""
    by_name: dict[str, list[Run]] = {name: [] for name in LIKELIHOODS}
    for run in runs:
        by_name[run.spec.likelihood].append(run)
    return {
        LIKELIHOODS[name]: (
            np.array([matched_beta(run.spec) for run in same]),
            np.array([run.metrics["kl_per_dim"] for run in same]),
        )
        for name, same in by_name.items()
        if same
    }


def window_in_words(theories: Mapping[str, LinearTheory], per_pixel: float) -> str:
    """Return the β_eff at 64×64 between which the theory has exactly three latents in use, by likelihood.

    Latent i is in use where KL_i = ½ ln(s_i/β) > `ACTIVE_KL`, so for β below s_i exp(−2 `ACTIVE_KL`);
    `per_pixel` converts β_eff of the theory's images.
    """
    said = []
    for name, theory in theories.items():
        low, high = per_pixel * theory.thresholds[[3, 2]] * np.exp(-2 * ACTIVE_KL)
        said.append(f"between β_eff = {low:.0f} and {high:.0f} with {LIKELIHOODS[name]}")
    return " and ".join(said)


def theory_in_words(table: pd.DataFrame) -> str:
    """Return in words how rows of `against_theory` compare with the theory."""
    if table.empty:
        return "no run"
    short = table["in use: theory"] - table["in use: found"]
    carried = table["KL, nats: found"].sum() / table["KL, nats: theory"].sum()
    return (
        f"{(short == 0).sum()} of {len(table)} use as many latents as theory predicts, {(short > 0).sum()} "
        f"fewer, {(short < 0).sum()} more; they carry {carried:.0%} of the predicted nats"
    )
