"""Verdicts on the effect of β and on two networks: tables of runs at several β in, by rules fixed beforehand.

Tables are those of `verdicts`. p is that of the hypothesis that the claim is false, so that a small one
speaks for the claim, also for one that says that something is absent.
"""

import numpy as np
import pandas as pd
from scipy import stats

from vaelib.claims.rules import LEAST_SEEDS, REFUTED, SUPPORTED, UNDECIDED, Verdict, defined
from vaelib.metrics import statistics
from vaelib.metrics.statistics import between_points
from vaelib.scores.titles import score_titles

DECK_BETA = 4.0
"""β of the presentation."""
LEAST_BETAS = 3

TRENDS = score_titles("mig", "dci_d", "udr")
ENOUGH = 2
"""Of three scores, how many decide."""
LEAST_SLOPE = 0.02
"""Rise of a score per unit of ln β that would matter: 0.03 from β = 1 to 4, 0.06 to 16."""

RATES = (8.0, 12.0, 16.0)
"""ΣKL in nats at which networks are compared."""
BETTER = score_titles("dci_d", "ris")


def helped(table: pd.DataFrame) -> Verdict:
    """C6 of the article's network: β separates the factors. Supported when two of MIG, D, UDR rise with ln β.

    Each seed has a slope, and a score rises when the interval of its slopes lies above 0, also with the
    count of active latents beside ln β: fewer latents alone may raise a score. Refuted when the intervals of
    two lie below 0.02. The effect is the mean over seeds of the middle one of their slopes, per unit of ln β;
    p is 2 p_(2) of the t-tests (two of three at least, Benjamini & Heller 2008). (Changed: slopes of
    resampled runs decided, as if these were more than their seeds.)
    """
    return _separates(table, claimed=True)


def did_not_help(table: pd.DataFrame) -> Verdict:
    """C6 of our network: β does not separate the factors. `helped` with the verdicts exchanged.

    p is that of slopes of 0.02 or more, again of two of three.
    """
    return _separates(table, claimed=False)


def _separates(table: pd.DataFrame, claimed: bool) -> Verdict:
    """Return the verdict on β separating the factors, which is claimed, or the contrary is."""
    trends, slopes = _trends(table)
    if len(trends) < ENOUGH:
        if short := _too_few_betas(table, ["beta"]):
            return short
        has = ", ".join(trends.index) or "none"
        finding = f"needs two of {', '.join(TRENDS.values())} at >= {LEAST_BETAS} β, has {has}"
        return Verdict(UNDECIDED, finding, n=_seeds(table))
    if trends["beyond"].sum() >= ENOUGH:
        verdict, what = SUPPORTED if claimed else REFUTED, "rises"
    elif (trends["high"] < LEAST_SLOPE).sum() >= ENOUGH:
        verdict, what = REFUTED if claimed else SUPPORTED, "does not rise"
    else:
        risen = (trends["low"] > 0).sum() >= ENOUGH
        verdict, what = UNDECIDED, "rises as fewer active latents would" if risen else "not settled"
    p = trends["p_rise" if claimed else "p_flat"].sort_values()
    each = [f"{t.Index} {t.slope:+.3f} [{t.low:+.3f}, {t.high:+.3f}]" for t in trends.itertuples()]
    two_of_three = min(1.0, (len(TRENDS) - ENOUGH + 1) * float(p.iloc[ENOUGH - 1]))
    finding = f"{what}: {', '.join(each)}{_deck_against_one(table)}"
    return Verdict.of(verdict, finding, np.median(slopes, axis=0), two_of_three)


def _trends(table: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a row a score that has slopes of enough seeds, and these slopes (scores, S).

    Columns: slope, low, high; beyond, whether it rises also with the count of active latents beside ln β;
    and p of no rise, with and without these, and of one that matters.
    """
    rows, slopes = {}, []
    for name, title in TRENDS.items():
        if _too_few_betas(table, [name, "active_variance"]):
            continue
        betas, values = statistics.by_seed(table, [name, "active_variance"])
        own = statistics.slopes(betas, values[name])
        beside = statistics.slopes(betas, values[name], values["active_variance"])
        mean, low, high = statistics.mean_interval(own)
        slopes.append(own)
        rows[title] = {
            "slope": mean,
            "low": low,
            "high": high,
            "beyond": low > 0 and statistics.mean_interval(beside)[1] > 0,  # false where that is unknown
            "p_rise": max(statistics.t_test(own), statistics.t_test(beside)),
            "p_flat": statistics.t_test(LEAST_SLOPE - own),
        }
    return pd.DataFrame.from_dict(rows, orient="index"), np.array(slopes)


def _deck_against_one(table: pd.DataFrame) -> str:
    """Return in words how MIG at β = 4 compares with 1, by Mann and Whitney's test; nothing without both."""
    known = defined(table, ["mig"])
    four, one = (known.loc[known["beta"] == b, "mig"].to_numpy(dtype=float) for b in (DECK_BETA, 1.0))
    if not (len(four) and len(one)):
        return ""
    p = stats.mannwhitneyu(four, one, alternative="greater").pvalue
    return f"; MIG from β = 1 to 4: {four.mean() - one.mean():+.3f}, p {p:.2g}"


def trades(table: pd.DataFrame) -> Verdict:
    """C7: β trades reconstruction for rate. Supported when reconstruction rises with ln β and KL falls.

    Each seed has a slope of both, and the intervals of both lie on that side of 0. Refuted when either lies
    on the other side. The effect is the slope of the reconstruction, nats above the least possible, a unit
    of ln β; p is the larger of both t-tests. The slides speak of fidelity and organisation: reconstruction is
    the first, the second is C6's. (Changed: trend tests over runs decided, with a bootstrap beside them.)
    """
    wanted = ["excess_bce", "kl"]
    if short := _too_few_betas(table, wanted):
        return short
    betas, values = statistics.by_seed(table, wanted)
    costs, saved = (
        sign * statistics.slopes(betas, values[name]) for sign, name in zip((1, -1), wanted, strict=True)
    )
    (_, low, high), (kl, least, most) = map(statistics.mean_interval, (costs, saved))
    if low > 0 and least > 0:
        verdict = SUPPORTED
    elif high < 0 or most < 0:
        verdict = REFUTED
    else:
        verdict = UNDECIDED
    finding = f"KL {-kl:+.1f} [{-most:+.1f}, {-least:+.1f}] nats per unit of ln β, over {len(betas)} β"
    p = max(statistics.t_test(costs), statistics.t_test(saved))
    return Verdict.of(verdict, finding, costs, p)


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
    found = {name: statistics.mean_interval(g) for name, g in gains.items()}
    if all(low > 0 for _, low, _ in found.values()):
        verdict = SUPPORTED
    elif all(high < 0 for _, _, high in found.values()):
        verdict = REFUTED
    else:
        verdict = UNDECIDED
    rates = ", ".join(f"{rate:g}" for rate in np.array(RATES)[reached])
    each = [f"{BETTER[n]} {d:+.3f} [{a:+.3f}, {b:+.3f}]" for n, (d, a, b) in found.items()]
    p = max(statistics.t_test(gain) for gain in gains.values())
    return Verdict.of(verdict, f"at {rates} nats: {', '.join(each)}", gains["dci_d"], p)


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


def _too_few_betas(table: pd.DataFrame, names: list[str]) -> Verdict | None:
    """Return the verdict of too few β at which all of three seeds have these scores; None when enough do."""
    seeds = _seeds(table)
    betas = len(statistics.by_seed(table, names)[0]) if seeds >= LEAST_SEEDS else 0
    if betas >= LEAST_BETAS:
        return None
    finding = f"needs >= {LEAST_BETAS} β above 0 with the same >= {LEAST_SEEDS} seeds, has {betas}"
    return Verdict(UNDECIDED, finding, n=seeds)
