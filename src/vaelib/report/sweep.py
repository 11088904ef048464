"""A sweep over β as tables and words: what a value of β means, and what it changes."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from IPython.display import Markdown

from vaelib.architectures import ARCHITECTURES
from vaelib.claims.trends import did_not_help, helped
from vaelib.metrics.dependence import ACTIVE_VARIANCE
from vaelib.models.losses import beta_eff, beta_norm, reduction_weights
from vaelib.plots.style import beta_name
from vaelib.report.prose import direction, span
from vaelib.scores.titles import score_titles
from vaelib.spec import REDUCTIONS, RunSpec
from vaelib.training.run import Run

READINGS = {
    "sum": "sum over pixels, sum over latents (this report)",
    "mean_latents": "sum over pixels, mean over latents",
    "mean_pixels_784": "mean over pixels × 784, sum over latents",
    "mean_pixels_784_mean_latents": "mean over pixels × 784, mean over latents",
    "mean_pixels_mean_latents": "mean over pixels, mean over latents",
    "mean_pixels": "mean over pixels, sum over latents",
}
SCORES_OVER_BETA = score_titles("mig", "dci_d", "udr", "ris", "active_variance")
"""The scores of a code that are set against β, and their titles."""
SIZES = score_titles("active_variance", "kl", "mig", "dci_d", "ris")
COLLAPSED = 2.0
"""Active latents, mean over seeds, below which there are no two axes to tell apart and D means nothing."""


def loss_readings(spec: RunSpec) -> pd.DataFrame:
    """Return a row a way to write the loss with the β of a spec: weights, effective β, β_norm."""
    rows = {}
    for name in REDUCTIONS:
        own = spec.changed(reduction=name)
        on_recon, on_kl = reduction_weights(name, own.n_pixels, own.latent_dim)
        effective = beta_eff(own)
        rows[READINGS[name]] = {
            "weight of a pixel": f"{on_recon:.3g}",
            "weight of a latent": f"{spec.beta * on_kl:.3g}",
            "effective β": f"{effective:,.4g}" if effective < 1000 else f"{effective:,.0f}",
            "β_norm": f"{beta_norm(own):.3g}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(columns=f"β = {spec.beta:g} written as")


def reading_ratio(spec: RunSpec) -> float:
    """Return how many times the largest effective β of a spec's readings is the least."""
    effective = [beta_eff(spec.changed(reduction=name)) for name in REDUCTIONS]
    return max(effective) / min(effective)


def terms_of_runs(runs: Iterable[Run]) -> pd.DataFrame:
    """Return a row a run and part of the test set: beta, seed, part, its terms in nats, active_units."""
    return pd.DataFrame(
        [
            {"beta": run.spec.beta, "seed": run.spec.seed, "part": part, **numbers}
            | {"active_units": run.metrics["active_units"]}
            for run in runs
            for part, numbers in run.metrics["test"].items()
        ]
    )


def with_networks(measured: pd.DataFrame, at_64: float) -> pd.DataFrame:
    """Return a table of `claims.gather` with titles of networks and the networks' own β.

    In the gathered table β is that of equal β_norm at 64 pixels, `at_64` times a network's own.
    """
    titles = measured["arch"].map(lambda arch: ARCHITECTURES[arch].title)
    return measured.assign(network=titles, beta=measured["beta"] / at_64)


def scores_over_beta(
    swept: pd.DataFrame, baselines: Mapping[str, Mapping[str, float | None]], at_64: float
) -> pd.DataFrame:
    """Return `SCORES_OVER_BETA` as text, a row a network and β or baseline; D says where it means nothing."""
    rows = {
        f"{network}, {beta_name(beta, at_64)}": {
            title: _cell(cell, score) for score, title in SCORES_OVER_BETA.items()
        }
        for (network, beta), cell in swept.groupby(["network", "beta"])
    }
    for name, scores in baselines.items():
        own = pd.DataFrame([scores])
        rows[name] = {title: _cell(own, score) for score, title in SCORES_OVER_BETA.items() if score != "udr"}
    return pd.DataFrame.from_dict(rows, orient="index").fillna("–")


def _cell(rows: pd.DataFrame, score: str) -> str:
    """Return a score over the runs of a cell; with the number of runs where it is not defined for all."""
    values = rows[score].dropna()
    few = "" if len(values) == len(rows) else f", n = {len(values)}"
    if score == "dci_d" and rows["active_variance"].mean() < COLLAPSED:
        return f"not meaningful, n = {len(values)}"
    return f"{span(list(values), '{:.3g}')}{few}" if len(values) else "undefined"


def sizes_section(
    measured: pd.DataFrame, sizes: tuple[int, int], at_64: tuple[float, float]
) -> Markdown | None:
    """Return how networks at the report's scale compare with the sweep; None where sizes are the same.

    `measured` is a table of `claims.gather`; `sizes` are the sides of the images of both, and `at_64` how
    many times the β of equal β_norm at 64 pixels is their own.
    """
    if sizes[0] == sizes[1]:
        return None
    titled = with_networks(measured, 1.0)
    small = dict(iter(titled[titled["swept"]].groupby(["network", "beta"])))
    full = {p: rows for p, rows in titled[titled["full"]].groupby(["network", "beta"]) if p in small}
    rows = {
        f"{network}, {beta_name(beta / factor, factor)}, {size} pixels": {
            "seeds": len(runs),
            **{title: _cell(runs, name) for name, title in SIZES.items()},
        }
        for (network, beta), large in full.items()
        for runs, size, factor in zip((large, small[network, beta]), sizes, at_64, strict=True)
    }
    active = [[own[p]["active_variance"].mean() for own in (full, small)] for p in full]
    near = sum(abs(one - other) <= 1 for one, other in active)
    return Markdown(
        "**Do small images stand for large ones?** The sweep is trusted as far as it agrees with networks "
        "at the scale of the rest of this report, at equal β_norm. The number of active latents agrees "
        f"within one in {near} of {len(full)} "
        f"cells.\n\n{pd.DataFrame.from_dict(rows, orient='index').to_html()}"
    )


def separation_in_words(swept: pd.DataFrame) -> dict[str, str]:
    """Return verdict and finding on whether β separates the factors (C6) of both networks, by name."""
    words: dict[str, str] = {}
    for name, judge in (("article", helped), ("ours", did_not_help)):
        found = judge(swept[swept["arch"] == name])
        words |= {f"verdict_{name}": found.verdict, f"finding_{name}": found.finding}
    return words


SEPARATED = {
    ("supported", "supported"): "It separates the factors in the article's network and not in ours.",
    ("refuted", "supported"): "It separates the factors in neither network.",
    ("supported", "refuted"): "It separates the factors in both networks.",
    ("refuted", "refuted"): "It separates the factors in our network and not in the article's.",
}


def separated(judged: Mapping[str, str]) -> str:
    """Return in a sentence whether β separates factors, from the verdicts of `separation_in_words`.

    >>> separated({"verdict_article": "refuted", "verdict_ours": "supported"})
    'It separates the factors in neither network.'
    >>> separated({"verdict_article": "undecided", "verdict_ours": "supported"})
    'It does not separate the factors in our network; for the article’s, these runs do not settle it.'
    """
    article, ours = judged["verdict_article"], judged["verdict_ours"]
    if (article, ours) in SEPARATED:
        return SEPARATED[article, ours]
    if article != "undecided":
        does = "separates" if article == "supported" else "does not separate"
        return f"It {does} the factors in the article’s network; for ours, these runs do not settle it."
    if ours != "undecided":
        does = "does not separate" if ours == "supported" else "separates"
        return f"It {does} the factors in our network; for the article’s, these runs do not settle it."
    return "These runs do not settle whether it separates the factors."


def trade_in_words(table: pd.DataFrame) -> dict[str, object]:
    """Return how `terms_of_runs` change with β: directions, ends, the best bound, spread over seeds."""
    whole = table[table["part"] == "all"]
    means = whole.groupby("beta")[["recon", "kl", "neg_elbo", "active_units"]].mean()
    parts = table.groupby(["part", "beta"])["recon"].mean()
    seeds = whole["seed"].nunique()
    spread = whole.groupby("beta")[["recon", "kl"]].std().max()
    words: dict[str, object] = {
        "seeds_note": "One seed per value, an anecdote: nothing here says how far another seed would fall"
        if seeds == 1
        else f"{seeds} seeds per value; their standard deviation is at most {spread['recon']:.1f} nats for "
        f"the reconstruction and {spread['kl']:.2f} for the KL",
        "active_from": ACTIVE_VARIANCE,
        "beta_best": float(means["neg_elbo"].idxmin()),
        "neg_elbo_best": float(means["neg_elbo"].min()),
    }
    for column in ("recon", "kl", "active_units"):
        words[f"{column}_direction"] = direction(means[column].to_numpy())
    for end, beta in (("low", means.index[0]), ("high", means.index[-1])):
        words[f"beta_{end}"] = float(beta)
        words |= {
            f"{column}_{end}": float(means.loc[beta, column]) for column in ("recon", "kl", "active_units")
        }
        words |= {f"recon_{part}_{end}": float(parts[part, beta]) for part in ("upright", "rotated")}
    return words


def mean_spectra(runs: Mapping[float, Sequence[Run]]) -> dict[float, np.ndarray]:
    """Return, by β, the KL of the latents on test images, sorted within each run, mean over runs."""
    return {
        beta: np.mean([np.sort(run.metrics["kl_per_dim"])[::-1] for run in same], axis=0)
        for beta, same in runs.items()
    }
