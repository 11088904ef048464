"""The ledger of the presentation's claims: what it says, which runs speak of it, and what they say."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from vaelib.claims import rules, trends
from vaelib.claims.rules import Verdict
from vaelib.claims.trends import DECK_BETA
from vaelib.models.losses import matched_beta
from vaelib.profiles import Profile
from vaelib.scores.measure import agreement_of_seeds, score
from vaelib.scores.registry import GROUPS
from vaelib.scores.representation import ScoringConfig
from vaelib.spec import RunSpec
from vaelib.training.run import Run
from vaelib.training.store import RunStore

SETTING = ["arch", "beta", "seed", "latent_dim"]
SCALES = ["full", "swept"]
"""Whether a run is at the scale of the report, and whether at that at which β is swept; it may be at both."""
FEW_GROUPS = ("rate", "reconstruction", "information", "separation", "forest", "rotation", "names")
"""The groups of scores that are measured on the other runs: there are many."""


@dataclass(frozen=True)
class Claim:
    """A claim, the network it is about or "both", what its effect is, and the rule that judges a table.

    With a `beta`, the rule is given the runs at the scale of the report and at that β; without, the runs
    in which β is swept. `speaks` and `against` are the effects with which a seed speaks for it and against
    it: what the rule asks of the effect alone, to be seen beside the effects that were found.
    """

    name: str
    network: str
    statement: str
    effect: str
    judge: Callable[[pd.DataFrame], Verdict]
    speaks: tuple[float, float]
    against: tuple[tuple[float, float], ...]
    beta: float | None = None

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the runs of a table that the claim is about."""
        own = table if self.network == "both" else table[table["arch"] == self.network]
        if self.beta is None:
            return own[own["swept"]]
        return own[own["full"] & (own["beta"] == self.beta)]


NEVER, EVER = -math.inf, math.inf
DECK_LATENTS = 10
"""Latents of the presentation's networks."""
_FEW = (rules.FEW_DIMENSIONS[0] - 0.5, rules.FEW_DIMENSIONS[1] + 0.5)
_ALL = DECK_LATENTS - 0.5
_ROTATION = "rotation is not captured", "RIS", rules.rotation
_ISOLATION = (NEVER, rules.NOT_ISOLATED), ((rules.CAPTURED, EVER),)
_TRADE = "β trades reconstruction for rate", "nats per unit of ln β", trends.trades
_ABOVE_ZERO = (0.0, EVER), ((NEVER, 0.0),)

CLAIMS = (
    Claim(
        "C1", "ours", "only 3 dimensions vary", "dimensions", rules.few_dimensions,
        _FEW, ((NEVER, _FEW[0]), (_FEW[1], EVER)), DECK_BETA,
    ),
    Claim(
        "C2", "ours", "the factors are linked", "share of interaction", rules.linked,
        (rules.LINKED, EVER), ((NEVER, rules.LINKED),), DECK_BETA,
    ),
    Claim(
        "C3", "article", "all dimensions vary", "dimensions", rules.every_dimension,
        (_ALL, EVER), ((NEVER, _ALL),), DECK_BETA,
    ),
    Claim(
        "C4", "article", "independent, one variation each", "D", rules.one_each,
        (rules.DISENTANGLED, EVER), ((NEVER, rules.DISENTANGLED),), DECK_BETA,
    ),
    Claim("C5", "ours", *_ROTATION, *_ISOLATION, DECK_BETA),
    Claim("C5", "article", *_ROTATION, *_ISOLATION, DECK_BETA),
    Claim(
        "C6", "ours", "β did not separate the factors", "score per unit of ln β", trends.did_not_help,
        (NEVER, trends.LEAST_SLOPE), ((trends.LEAST_SLOPE, EVER),),
    ),
    Claim(
        "C6", "article", "β separated the factors", "score per unit of ln β", trends.helped, *_ABOVE_ZERO,
    ),
    Claim("C7", "ours", *_TRADE, *_ABOVE_ZERO),
    Claim("C7", "article", *_TRADE, *_ABOVE_ZERO),
    Claim(
        "C8", "both", "the article's network is better", "difference in D", trends.better, *_ABOVE_ZERO,
    ),
)  # fmt: skip
"""The presentation's claims; what it says of both networks alike is judged for each."""


def runs_at_scale(profile: Profile, store: Path | str = "runs") -> list[Run]:
    """Return the runs of a store that speak of the claims at a profile's scale, whatever their β and seed."""
    return [run for run in RunStore(store).all() if any(_scales(run.spec, profile).values())]


def gather(
    runs: Sequence[Run],
    profile: Profile,
    store: Path | str = "runs",
    config: ScoringConfig | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return a row a run: `SETTING`, `SCALES`, its scores, and udr; runs at neither scale are left out.

    Scores that are missing are measured: of most runs only `FEW_GROUPS` (see `groups_needed`), and the
    others are undefined. beta is that of equal β_norm on the presentation's images (`losses.matched_beta`),
    so that smaller ones stand beside them. udr is the agreement with the other seeds of the same setting,
    undefined for a single seed.
    """
    rows = []
    for run in runs:
        spec, scales = run.spec, _scales(run.spec, profile)
        if not any(scales.values()):
            continue
        same = [other for other in runs if replace(other.spec, seed=spec.seed) == spec]
        setting = {name: getattr(spec, name) for name in SETTING} | scales | {"beta": matched_beta(spec)}
        scores = score(run, store, config, progress, groups_needed(spec, profile))
        rows.append(setting | scores | {"udr": agreement_of_seeds(same, store).get(run.id)})
    names = [name for group in GROUPS.values() for name in group.names]
    table = pd.DataFrame(rows, columns=[*SETTING, *SCALES, *names, "udr"])
    numbers = [n for n in [*names, "udr"] if table[n].map(lambda v: not isinstance(v, list | str)).all()]
    return table.astype(dict.fromkeys(SCALES, bool) | dict.fromkeys(numbers, float)).copy()


def at_setting(table: pd.DataFrame, spec: RunSpec) -> pd.DataFrame:
    """Return the rows of `gather` that are of a spec at the report's scale, whatever their seed.

    Its β is compared as the table has it, as that of equal β_norm on the presentation's images.
    """
    return table[table["full"] & (table["arch"] == spec.arch) & (table["beta"] == matched_beta(spec))]


def groups_needed(spec: RunSpec, profile: Profile, baselines: bool = False) -> tuple[str, ...]:
    """Return the groups of scores that are measured on a run: all at the report's scale and the deck's β.

    On its `baselines`, which have no β: all at the report's scale.
    """
    whole = _scales(spec, profile)["full"] and (baselines or matched_beta(spec) == DECK_BETA)
    return tuple(GROUPS) if whole else FEW_GROUPS


def _scales(spec: RunSpec, profile: Profile) -> dict[str, bool]:
    own = {"arch": spec.arch, "beta": spec.beta, "seed": spec.seed}
    return {
        "full": spec == profile.run(**own),
        "swept": spec == profile.run(**own, **profile.sweep),
    }


def judge_claims(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row a claim: claim, network, statement, verdict, finding, effect, low, high, n, p, p_holm.

    The effect is in the unit `of`, and `per_seed` its values. Holm's correction is over all rows that have a
    p (Holm 1979); it stands beside the rules, which fixed their own levels, and changes no verdict.
    """
    rows = []
    for claim in CLAIMS:
        runs = claim.rows(table)
        found, seeds = claim.judge(runs), runs["seed"].nunique()
        if 0 < found.n < seeds:
            lost = f"{seeds - found.n} of {seeds} seeds {'is' if seeds - found.n == 1 else 'are'} left out"
            found = replace(found, finding=f"{found.finding}; {lost}, undefined")
        row = {"claim": claim.name, "network": claim.network, "statement": claim.statement}
        rows.append(row | {"of": claim.effect} | asdict(found))
    judged = pd.DataFrame(rows)
    known = judged["p"].notna()
    judged["p_holm"] = np.nan
    if known.any():
        judged.loc[known, "p_holm"] = multipletests(judged.loc[known, "p"], method="holm")[1]
    return judged
