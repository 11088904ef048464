"""Verdicts on the effect of β and on two networks: tables of runs at several β in, by rules fixed beforehand.

Tables are those of `verdicts`. p is that of the hypothesis that the claim is false, so that a small one
speaks for the claim, also for one that says that something is absent.
"""

import numpy as np
import pandas as pd
from scipy import stats

from vaelib.metrics import replicates
from vaelib.metrics.curves import between_points
from vaelib.verdicts import LEAST_SEEDS, REFUTED, SUPPORTED, UNDECIDED, Verdict, defined

DECK_BETA = 4.0
"""β of the presentation."""
LEAST_BETAS = 3

TRENDS = {"mig": "MIG", "dci_d": "D", "udr": "UDR"}
ENOUGH = 2
"""Of three scores, how many decide."""
LEAST_SLOPE = 0.02
"""Rise of a score a unit of ln β that would matter: 0.03 from β = 1 to 4, 0.06 to 16."""
CERTAIN = 0.01

RATES = (8.0, 12.0, 16.0)
"""ΣKL in nats at which networks are compared."""
BETTER = {"dci_d": "D", "ris": "RIS"}


def helped(table: pd.DataFrame) -> Verdict:
    """C6 of the article's network: β separates the factors. Supported when two of MIG, D, UDR rise with ln β.

    A score rises when the interval of its slope over resampled seeds lies above 0, also with the count of
    active latents beside ln β: fewer latents alone may raise a score. Refuted when the intervals of two lie
    below 0.02. The effect is the slope of the second best score, a unit of ln β; p is 2 p_(2) of Page's
    trend tests (two of three at least, Benjamini & Heller 2008).
    """
    if short := _too_few_betas(table):
        return short
    trends = _trends(table)
    if len(trends) < ENOUGH:
        return _too_few_trends(table, trends)
    if trends["beyond"].sum() >= ENOUGH:
        verdict, what = SUPPORTED, "rises"
    elif (trends["high"] < LEAST_SLOPE).sum() >= ENOUGH:
        verdict, what = REFUTED, "does not rise"
    else:
        risen = (trends["low"] > 0).sum() >= ENOUGH
        verdict, what = UNDECIDED, "rises as fewer active latents would" if risen else "cannot be told"
    deciding = trends.sort_values("low", ascending=False).iloc[ENOUGH - 1]
    return _of_trends(verdict, what, table, trends, deciding, trends["p_rise"])


def did_not_help(table: pd.DataFrame) -> Verdict:
    """C6 of our network: β does not separate the factors. `helped` with the verdicts exchanged.

    The effect is the slope of the second flattest score; p is that of slopes of 0.02 or more, by bootstrap,
    again of two of three.
    """
    if short := _too_few_betas(table):
        return short
    trends = _trends(table)
    if len(trends) < ENOUGH:
        return _too_few_trends(table, trends)
    if (trends["high"] < LEAST_SLOPE).sum() >= ENOUGH:
        verdict, what = SUPPORTED, "does not rise"
    elif trends["beyond"].sum() >= ENOUGH:
        verdict, what = REFUTED, "rises"
    else:
        verdict, what = UNDECIDED, "cannot be told"
    deciding = trends.sort_values("high").iloc[ENOUGH - 1]
    return _of_trends(verdict, what, table, trends, deciding, trends["p_flat"])


def _trends(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row a score that enough runs have: slope, low, high, beyond, p_rise and p_flat.

    beyond: whether it rises also with the count of active latents beside ln β.
    """
    rows = {}
    for name, title in TRENDS.items():
        known = defined(table, [name, "active_variance"])
        if _too_few_betas(known):
            continue
        draws = replicates.slope_draws(known, name)
        beside = replicates.slope_draws(known, name, ["active_variance"])
        low, high = replicates.ends(draws)
        rows[title] = {
            "slope": replicates.slope(known, name),
            "low": low,
            "high": high,
            "beyond": low > 0 and len(beside) > 0 and replicates.ends(beside)[0] > 0,
            "p_rise": replicates.trend_test(replicates.block(known, name, LEAST_SEEDS), rising=True),
            "p_flat": (1 + (draws >= LEAST_SLOPE).sum()) / (1 + len(draws)),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _too_few_trends(table: pd.DataFrame, trends: pd.DataFrame) -> Verdict:
    has = ", ".join(trends.index) or "none"
    finding = f"needs two of {', '.join(TRENDS.values())} at >= {LEAST_BETAS} β, has {has}"
    return Verdict(UNDECIDED, finding, n=_seeds(table))


def _of_trends(
    verdict: str, what: str, table: pd.DataFrame, trends: pd.DataFrame, deciding: pd.Series, p: pd.Series
) -> Verdict:
    told = ", ".join(f"{t.Index} {t.slope:+.3f} [{t.low:+.3f}, {t.high:+.3f}]" for t in trends.itertuples())
    two_of_three = min(1.0, (len(TRENDS) - ENOUGH + 1) * float(p.sort_values().iloc[ENOUGH - 1]))
    effect = (float(deciding[name]) for name in ("slope", "low", "high"))
    return Verdict(verdict, f"{what}: {told}{_deck_against_one(table)}", *effect, _seeds(table), two_of_three)


def _deck_against_one(table: pd.DataFrame) -> str:
    """Return in words how MIG at β = 4 compares with 1, by Mann and Whitney's test; nothing without both."""
    known = defined(table, ["mig"])
    four, one = (known.loc[known["beta"] == b, "mig"].to_numpy(dtype=float) for b in (DECK_BETA, 1.0))
    if not (len(four) and len(one)):
        return ""
    p = stats.mannwhitneyu(four, one, alternative="greater").pvalue
    return f"; MIG from β = 1 to 4: {four.mean() - one.mean():+.3f}, p {p:.2g}"


def trades(table: pd.DataFrame) -> Verdict:
    """C7: β trades fidelity for organisation. Supported when reconstruction rises and KL falls, p < 0.01.

    p is the larger of both Page's trend tests. Refuted when either trend is reversed at 0.01. The effect is
    the slope of the reconstruction, nats above the least possible, a unit of ln β.
    """
    table = defined(table, ["excess_bce", "kl"])
    if short := _too_few_betas(table):
        return short
    wanted = {"excess_bce": True, "kl": False}
    blocks = {name: replicates.block(table, name, LEAST_SEEDS) for name in wanted}
    p = max(replicates.trend_test(blocks[name], rising) for name, rising in wanted.items())
    reverse = min(replicates.trend_test(blocks[name], not rising) for name, rising in wanted.items())
    return Verdict(
        SUPPORTED if p < CERTAIN else REFUTED if reverse < CERTAIN else UNDECIDED,
        f"KL {replicates.slope(table, 'kl'):+.1f} nats a unit of ln β, over {table['beta'].nunique()} β",
        replicates.slope(table, "excess_bce"),
        *replicates.ends(replicates.slope_draws(table, "excess_bce")),
        _seeds(table),
        p,
    )


def better(table: pd.DataFrame) -> Verdict:
    """C8: the article's network is better than ours, at equal rate. Supported when D and RIS are both above.

    Both are interpolated between the β of a seed at ΣKL of 8, 12 and 16 nats, where all seeds of both
    networks reach, and their differences averaged. Supported when Student's intervals of both over the seeds,
    paired, lie above 0; refuted when both lie below. (A bootstrap of three seeds spans no more than their
    range.) The effect is the difference in D; p is the larger of both t-tests.
    """
    table = defined(table, [*BETTER, "kl"])
    gaps = at_equal_rate(table)
    seeds = sorted(gaps["seed"].unique())
    if len(seeds) < LEAST_SEEDS:
        finding = f"needs >= {LEAST_SEEDS} seeds of both networks at >= 2 β each, has {len(seeds)}"
        return Verdict(UNDECIDED, finding, n=len(seeds))
    differences = {
        name: gaps.pivot(index="seed", columns="rate", values=name).to_numpy(dtype=float) for name in BETTER
    }
    reached = np.isfinite(differences["dci_d"]).all(0)
    if not reached.any():
        rates = ", ".join(f"{rate:g}" for rate in RATES)
        finding = f"needs β of both networks on both sides of a KL of one of {rates} nats"
        return Verdict(UNDECIDED, finding, n=len(seeds))
    gains = {name: values[:, reached].mean(1) for name, values in differences.items()}
    found = {name: replicates.mean_interval(g) for name, g in gains.items()}
    if all(low > 0 for _, low, _ in found.values()):
        verdict = SUPPORTED
    elif all(high < 0 for _, _, high in found.values()):
        verdict = REFUTED
    else:
        verdict = UNDECIDED
    rates = ", ".join(f"{rate:g}" for rate in np.array(RATES)[reached])
    told = ", ".join(f"{BETTER[n]} {d:+.3f} [{a:+.3f}, {b:+.3f}]" for n, (d, a, b) in found.items())
    p = max(replicates.t_test(gain) for gain in gains.values())
    return Verdict(verdict, f"at {rates} nats: {told}", *found["dci_d"], len(seeds), p)


def at_equal_rate(table: pd.DataFrame) -> pd.DataFrame:
    """Return the article's D and RIS less ours at the same rate: a row a seed and one of `RATES`, nats.

    Columns: seed, rate and the differences by name. A seed's scores are read off between its β; NaN at a rate
    that one of the networks does not reach. Seeds count that both networks have, at two β or more.
    """
    curves = {arch: dict(iter(table[table["arch"] == arch].groupby("seed"))) for arch in ("article", "ours")}
    able = [{seed for seed, rows in own.items() if rows["beta"].nunique() > 1} for own in curves.values()]
    gaps = [
        pd.DataFrame({"seed": seed, "rate": RATES}).assign(
            **{n: _at(curves["article"][seed], n) - _at(curves["ours"][seed], n) for n in BETTER}
        )
        for seed in sorted(set.intersection(*able))
    ]
    return pd.concat(gaps) if gaps else pd.DataFrame(columns=["seed", "rate", *BETTER])


def _at(curve: pd.DataFrame, name: str) -> np.ndarray:
    """Return a score of one seed at `RATES`, linear between its β; NaN beyond them."""
    rate, value = (curve[column].to_numpy(dtype=float) for column in ("kl", name))
    return np.array([between_points(rate, value, at) for at in RATES])


def _seeds(table: pd.DataFrame) -> int:
    return int(table["seed"].nunique())


def _too_few_betas(table: pd.DataFrame) -> Verdict | None:
    """Return the verdict of too few β that share three seeds; None when there are enough."""
    betas = replicates.replicated_betas(table, LEAST_SEEDS)
    shared = (
        len(replicates.block(table[["beta", "seed"]].assign(_here=1.0), "_here", LEAST_SEEDS)) if betas else 0
    )
    if len(betas) >= LEAST_BETAS and shared >= LEAST_SEEDS:
        return None
    finding = f"needs >= {LEAST_BETAS} β with the same >= {LEAST_SEEDS} seeds, has {len(betas)}"
    if len(betas) >= LEAST_BETAS:
        finding = f"needs >= {LEAST_SEEDS} seeds at the same β, has {shared}"
    return Verdict(UNDECIDED, finding, n=_seeds(table))
