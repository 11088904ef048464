"""What pages say of the ledger: counts of verdicts, which claims have which, and a row in three texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from vaelib.claims.rules import VERDICTS
from vaelib.plots.claims import NETWORKS
from vaelib.report.prose import VERDICTS_IN_FRENCH
from vaelib.report.tables import number, probability


def ledger_counts(ledger: pd.DataFrame) -> str:
    """Return in words how many rows of the ledger have which verdict."""
    counts = ledger["verdict"].value_counts()
    each = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts]
    first, _, rest = _listed(each, "and").partition(" ")
    return f"Of {len(ledger)} claims, {first} {'is' if first == '1' else 'are'} {rest}"


def counts_in_french(ledger: pd.DataFrame) -> str:
    """Return `ledger_counts` in French.

    >>> counts_in_french(pd.DataFrame({"verdict": ["supported", "undecided", "undecided"]}))
    'Sur 3 affirmations, 1 est confirmée et 2 non tranchées'
    """
    counts = ledger["verdict"].value_counts()
    words = {verdict: f"{VERDICTS_IN_FRENCH[verdict]}e" for verdict in VERDICTS if verdict in counts}
    each = [
        f"{counts[verdict]} {word}{'s' if counts[verdict] > 1 else ''}" for verdict, word in words.items()
    ]
    first, _, rest = _listed(each, "et").partition(" ")
    return f"Sur {len(ledger)} affirmations, {first} {'est' if first == '1' else 'sont'} {rest}"


def _listed(each: Sequence[str], last: str) -> str:
    return f"{', '.join(each[:-1])}{f' {last} ' if each[1:] else ''}{each[-1]}"


def claims_by_verdict(ledger: pd.DataFrame) -> str:
    """Return in sentences which claims have which verdict.

    >>> rows = [("C1", "ours", "a", "refuted"), ("C3", "both", "b", "supported")]
    >>> claims_by_verdict(pd.DataFrame(rows, columns=["claim", "network", "statement", "verdict"]))
    'Supported: C3 (both networks: b). Refuted: C1 (our network: a).'
    """
    sentences = []
    for verdict in VERDICTS:
        own = ledger[ledger["verdict"] == verdict].itertuples()
        claims = [f"{row.claim} ({NETWORKS[row.network]}: {row.statement})" for row in own]
        if claims:
            sentences.append(f"{verdict.capitalize()}: {', '.join(claims)}.")
    return " ".join(sentences)


def claim_texts(row: Any) -> dict[str, str]:
    """Return what a row of the ledger says, in three texts: verdict, effect, found."""
    effect = "none"
    if not np.isnan(row.effect):
        effect = f"{row.of}: {number(float(row.effect))}"
        effect += "" if np.isnan(row.low) else f" [{number(row.low)}, {number(row.high)}]"
    p = "" if np.isnan(row.p) else f", p {probability(row.p)} (Holm {probability(row.p_holm)})"
    return {"verdict": row.verdict, "effect": f"{effect}, n = {row.n}{p}", "found": row.finding}
