"""The ledger of the presentation's claims: what it says, which runs speak of it, and what they say."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from vaelib import trends, verdicts
from vaelib.profiles import Profile
from vaelib.runs import RunStore
from vaelib.scores.registry import GROUPS
from vaelib.scores.subject import Protocol
from vaelib.scoring import agreement, score
from vaelib.trends import DECK_BETA
from vaelib.verdicts import Verdict

SETTING = ["arch", "beta", "seed", "latent_dim"]


@dataclass(frozen=True)
class Claim:
    """A claim, the network it is about or "both", what its effect is, and the rule that judges a table.

    With a `beta`, the rule is given the runs at that β only.
    """

    name: str
    network: str
    statement: str
    effect: str
    judge: Callable[[pd.DataFrame], Verdict]
    beta: float | None = None

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the runs of a table that the claim is about."""
        own = table if self.network == "both" else table[table["arch"] == self.network]
        return own if self.beta is None else own[own["beta"] == self.beta]


CLAIMS = (
    Claim("C1", "ours", "only 3 dimensions vary", "dimensions", verdicts.few_dimensions, DECK_BETA),
    Claim("C2", "ours", "the factors are linked", "share of interaction", verdicts.linked, DECK_BETA),
    Claim("C3", "article", "all dimensions vary", "dimensions", verdicts.every_dimension, DECK_BETA),
    Claim("C4", "article", "independent, one variation each", "D", verdicts.one_each, DECK_BETA),
    Claim("C5", "ours", "rotation is not captured", "RIS", verdicts.rotation, DECK_BETA),
    Claim("C5", "article", "rotation is not captured", "RIS", verdicts.rotation, DECK_BETA),
    Claim("C6", "ours", "β did not separate the factors", "score a unit of ln β", trends.did_not_help),
    Claim("C6", "article", "β separated the factors", "score a unit of ln β", trends.helped),
    Claim("C7", "ours", "β trades fidelity for organisation", "nats a unit of ln β", trends.trades),
    Claim("C7", "article", "β trades fidelity for organisation", "nats a unit of ln β", trends.trades),
    Claim("C8", "both", "the article's network is better", "difference in D", trends.better),
)
"""The presentation's claims; what it says of both networks alike is judged for each."""


def gather(
    profile: Profile, store: Path | str = "runs", protocol: Protocol | None = None, progress: bool = True
) -> pd.DataFrame:
    """Return a row a run of the store at a profile's scale: `SETTING`, its scores, and udr.

    A run is at that scale when its spec is the profile's for its network, β and seed. Scores that are
    missing are measured; nothing is trained. udr is the agreement with the other seeds at its β, undefined
    for a single seed.
    """
    at_scale = [
        run
        for run in RunStore(store).all()
        if run.spec == profile.run(arch=run.spec.arch, beta=run.spec.beta, seed=run.spec.seed)
    ]
    rows = []
    for run in at_scale:
        same = [r for r in at_scale if (r.spec.arch, r.spec.beta) == (run.spec.arch, run.spec.beta)]
        setting = {name: getattr(run.spec, name) for name in SETTING}
        rows.append(
            setting | score(run, store, protocol, progress) | {"udr": agreement(same, store).get(run.id)}
        )
    names = [name for group in GROUPS.values() for name in group.names]
    return pd.DataFrame(rows, columns=[*SETTING, *names, "udr"])


def ledger(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row a claim: claim, network, statement, verdict, finding, effect, low, high, n, p, p_holm.

    The effect is in the unit `of`. Holm's correction is over all rows that have a p (Holm 1979); it stands
    beside the rules, which fixed their own levels, and changes no verdict.
    """
    rows = [
        {"claim": claim.name, "network": claim.network, "statement": claim.statement, "of": claim.effect}
        | asdict(claim.judge(claim.rows(table)))
        for claim in CLAIMS
    ]
    frame = pd.DataFrame(rows)
    known = frame["p"].notna()
    frame["p_holm"] = np.nan
    if known.any():
        frame.loc[known, "p_holm"] = multipletests(frame.loc[known, "p"], method="holm")[1]
    return frame
