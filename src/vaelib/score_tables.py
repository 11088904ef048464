"""Scores and verdicts as text, for the command line: tables in, lines out."""

import numpy as np
import pandas as pd

from vaelib.scores.registry import GROUPS, Measured

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


def number(value: object) -> str:
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
            "p": [_probability(value) for value in ledger["p"]],
            "p (Holm)": [_probability(value) for value in ledger["p_holm"]],
        }
    )
    found = [f"{row.claim} {row.network}, {row.statement} — {row.finding}" for row in ledger.itertuples()]
    return "\n".join([table.to_string(index=False), "", *found])


def _probability(p: float) -> str:
    return "–" if np.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
