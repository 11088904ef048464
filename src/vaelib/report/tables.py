"""Scores and verdicts as text, for the command line: tables in, lines out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from vaelib.claims.wording import FOR_ALL
from vaelib.scores.alignment import HAAR
from vaelib.scores.registry import GROUPS, Measured
from vaelib.scores.titles import score_titles

PER_LATENT = {
    "kl_per_dim": "KL",
    "variance_per_dim": "Var mu",
    "energy_per_dim": "T",
    "eta2_angle": "η² angle",
    "eta2_image": "η² digit",
    "eta2_interaction": "η² both",
    "purity": "purity",
    "p_rotation": "P rotation",
    "names": "transform",
    "name_p": "P",
    "name_margin": "margin",
}
"""The scores that have a number a latent, and their column."""

TABLED = score_titles(
    *("mig", "sap", "dci_d", "factor_vae", "ris", "purity_best", "eta2_interaction_mean"),
    *("angle_r2", "p_rotation_best", "gaussian_tc"),
)
"""The scores of a table of codes, and their column."""


def number(value: Any) -> str:
    """Return a number with three decimals, fewer where it is large; "undefined" for NaN, nothing for None.

    >>> number(0.12345), number(536.21), number(7), number(float("nan")), number([0.1, 0.25])
    ('0.123', '536.2', '7', 'undefined', '0.100 to 0.250')
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return " to ".join(number(end) for end in value)
    if isinstance(value, str | int):
        return str(value)
    if not np.isfinite(value):
        return "undefined"
    return f"{value:.{1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3}f}"


def comparison_text(table: pd.DataFrame) -> str:
    """Return the table of `scoring.comparison` under the headings of its groups."""
    cells = table.map(number)
    names = max(len(name) for name in table.index)
    widths = [max(len(column), *cells[column].str.len()) for column in cells]

    def line(name: str, values: list[str]) -> str:
        aligned = (value.rjust(width) for value, width in zip(values, widths, strict=True))
        return f"  {name.ljust(names)}  {'  '.join(aligned)}".rstrip()

    lines = [line("", list(cells))]
    for group in GROUPS.values():
        shown = [name for name in group.names if name in cells.index]
        if shown:
            lines += [group.title, *(line(name, list(cells.loc[name])) for name in shown)]
    return "\n".join(lines)


def latents_text(found: Measured) -> str:
    """Return a row a latent: its KL, variance, traversal energy, shares of the sweep and transform."""
    m = len(found.scores["variance_per_dim"])
    columns = {title: found.scores[name] or [None] * m for name, title in PER_LATENT.items()}
    table = pd.DataFrame(columns, index=pd.RangeIndex(1, m + 1, name="latent"), dtype=object)
    return table.map(lambda value: "undefined" if value is None else number(value)).to_string()


def undefined_text(found: Measured) -> str:
    """Return a line a group that is undefined, with its reason."""
    return "\n".join(f"undefined, {GROUPS[name].title}: {why}" for name, why in found.undefined.items())


def ledger_text(ledger: pd.DataFrame) -> str:
    """Return the ledger of `claims.ledger`: a table of the numbers, then what was found, a line a claim."""
    table = pd.DataFrame(
        {
            "claim": ledger["claim"] + " " + ledger["network"],
            "verdict": ledger["verdict"],
            "effect": ["–" if np.isnan(value) else number(float(value)) for value in ledger["effect"]],
            "95 % interval": [
                "–" if np.isnan(low) else f"{number(low)} to {number(high)}"
                for low, high in zip(ledger["low"], ledger["high"], strict=True)
            ],
            "of": ledger["of"],
            "seeds": ledger["n"],
            "p": [probability(value) for value in ledger["p"]],
            "p (Holm)": [probability(value) for value in ledger["p_holm"]],
        }
    )
    found = [f"{row.claim} {row.network}, {row.statement} — {row.finding}" for row in ledger.itertuples()]
    return "\n".join([table.to_string(index=False), "", *found, "", f"{FOR_ALL}."])


def bands(seeds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the bands of random axes of a code's seeds as scores: a row of `score_table`."""
    return [{name: scores[f"haar_{name}"] for name in HAAR} for scores in seeds]


def score_table(codes: Mapping[str, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """Return a row a code and a column a score of `TABLED`, as text, from the scores of its seeds.

    Several seeds: the mean, and the least and the most in brackets; of bands, from the least to the most.
    """
    table = {
        code: {title: _over_seeds([scores.get(name) for scores in seeds]) for name, title in TABLED.items()}
        for code, seeds in codes.items()
    }
    return pd.DataFrame.from_dict(table, orient="index")


def _over_seeds(values: list[Any]) -> str:
    known = [value for value in values if value is not None and not np.any(pd.isna(value))]
    if not known:
        return "–"
    low, high = np.min(known), np.max(known)
    if isinstance(known[0], list):
        return f"{low:.2f} to {high:.2f}"
    return f"{np.mean(known):.2f}" + (f" [{low:.2f}, {high:.2f}]" if len(known) > 1 else "")


def probability(p: float) -> str:
    """Return a probability with three digits, as "< 0.001" below that, and a dash for none."""
    return "–" if np.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
