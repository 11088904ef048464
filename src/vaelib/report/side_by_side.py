"""Two networks beside each other as tables and words: at the same setting, and at the same rate."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from vaelib.claims.trends import BETTER, RATES
from vaelib.metrics.statistics import between_points, mean_interval
from vaelib.report.prose import span
from vaelib.scores.latent_profile import LatentProfile
from vaelib.training.run import Run

Point = tuple[str, float]
"""A network and its β."""
Measure = tuple[str, str, Callable[[Run, LatentProfile], float]]

MEASURES: dict[str, Measure] = {
    "recon": ("reconstruction, nats", "{:.1f}", lambda run, _: run.metrics["test"]["all"]["recon"]),
    "kl": ("KL, nats", "{:.2f}", lambda run, _: run.metrics["test"]["all"]["kl"]),
    "active": ("active dimensions", "{:.3g}", lambda _, found: found.active),
    "visible": ("visible dimensions", "{:.3g}", lambda _, found: found.visible),
    "correlation": ("mean |r| of two dimensions", "{:.2f}", lambda _, found: found.correlation),
    "agreement": (
        "agreement between images, mean",
        "{:.3f}",
        lambda _, found: found.per_dim["agreement"].mean(),
    ),
    "best": ("R² of the angle, best dimension", "{:.2f}", lambda _, found: found.angle_best_dim.value),
    "all": ("R² of the angle, all dimensions", "{:.2f}", lambda _, found: found.angle_all_dims.value),
    "upright": (
        "digits read from the code, upright, %",
        "{:.0f}",
        lambda _, found: 100 * found.digit_accuracy_upright,
    ),
    "rotated": (
        "digits read from the code, rotated, %",
        "{:.0f}",
        lambda _, found: 100 * found.digit_accuracy_rotated,
    ),
}
"""What is compared: a key, a title, how numbers are written, and what is taken of a run and its latents."""


def mean_term(runs: Mapping[Point, Sequence[Run]], term: str) -> dict[Point, float]:
    """Return the mean over seeds of a term of the bound, nats an image of the test set."""
    return {
        point: float(np.mean([r.metrics["test"]["all"][term] for r in same])) for point, same in runs.items()
    }


def measures_of(runs: Sequence[Run], found: Sequence[LatentProfile]) -> dict[str, str]:
    """Return each of `MEASURES` over the seeds of a network, as text by key."""
    return {
        key: span([measure(run, own) for run, own in zip(runs, found, strict=True)], pattern)
        for key, (_, pattern, measure) in MEASURES.items()
    }


def measures_table(texts: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return `measures_of` networks as a table: a row a measure by its title, a column a network."""
    return pd.DataFrame(
        {name: {MEASURES[key][0]: text for key, text in own.items()} for name, own in texts.items()}
    )


def points_of_runs(runs: Mapping[Point, Sequence[Run]], titles: Mapping[str, str]) -> pd.DataFrame:
    """Return what `plots.rates_of_networks` draws: a row a run with network, beta and its terms."""
    return pd.DataFrame(
        [
            {"network": titles[arch], "beta": beta, **run.metrics["test"]["all"]}
            for (arch, beta), same in runs.items()
            for run in same
        ]
    )


def angle_estimates(found: Mapping[str, Sequence[LatentProfile]], seeds: Sequence[int]) -> pd.DataFrame:
    """Return what `plots.angle_r2` draws: a row a run, R² of the angle from the best dimension and all."""
    return pd.DataFrame(
        {
            f"{label}, seed {seed}": {
                (kind, part): getattr(estimate, part)
                for kind, estimate in (("best", own.angle_best_dim), ("all", own.angle_all_dims))
                for part in ("value", "low", "high")
            }
            for label, same in found.items()
            for seed, own in zip(seeds, same, strict=True)
        }
    ).T


def same_rate_in_words(runs: Mapping[Point, Sequence[Run]], network: str, rate: float) -> str:
    """Return the reconstruction of a network at a rate, linear between its β; or that none reaches it."""
    own = {point: same for point, same in runs.items() if point[0] == network}
    rates, recon = ([*mean_term(own, term).values()] for term in ("kl", "recon"))
    value = between_points(np.array(rates), np.array(recon), rate)
    if np.isnan(value):
        return "unknown, since none of its runs lies on the other side"
    return f"{value:.1f} nats, read off a straight line between its runs on either side, a little too high"


def near_in_words(first: Mapping[str, str], near: Mapping[str, str], betas: tuple[float, float]) -> str:
    """Return what changes between two networks at the nearest rate, from their `measures_of` and β."""
    if betas[0] == betas[1]:
        return "No other β tried brings the rates nearer to each other."
    titles = {
        "KL": "kl",
        "reconstruction": "recon",
        "R² of the angle from the best dimension": "best",
        "R² of the angle from all dimensions": "all",
    }
    changes = "; ".join(f"{title} {first[key]} → {near[key]}" for title, key in titles.items())
    return f"At the nearest rate tried (β = {betas[0]:g} → {betas[1]:g}): {changes}."


def gains_at_rates(gaps: pd.DataFrame) -> pd.DataFrame:
    """Return `claims.at_equal_rate` as text: a row a score, a column a rate, the article's less ours."""
    return pd.DataFrame(
        {
            f"{rate:g} nats": {
                title: _gain(gaps.loc[gaps["rate"] == rate, score].dropna())
                for score, title in BETTER.items()
            }
            for rate in RATES
        }
    ).rename_axis(columns="the article's less ours")


def _gain(values: pd.Series) -> str:
    if len(values) < 2:
        return "not reached by two seeds of both"
    mean, low, high = mean_interval(values.to_numpy(dtype=float))
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}], n = {len(values)}"


BETTER_IN_WORDS = {
    "supported": "Yes: at equal rate the article's network has the higher D and the higher RIS.",
    "refuted": "No: at equal rate our network has the higher D and the higher RIS.",
    "undecided": "These runs do not settle it: at equal rate the difference is not clear for both D and RIS.",
}
"""The answer to whether the article's network is better, by the verdict on that claim."""
