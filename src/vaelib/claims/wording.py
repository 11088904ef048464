"""The rules of the ledger in words: every branch as `rules` and `trends` decide it, with their constants."""

from vaelib.claims import rules, trends
from vaelib.claims.ablation import ACTIVE_KL
from vaelib.claims.rules import FEW, LEAST_SEEDS, MOST
from vaelib.metrics.dependence import ACTIVE_VARIANCE
from vaelib.scores.latent_profile import VISIBLE

_BY_SEEDS = (
    f"Supported by {MOST:.0%} of the seeds or more, refuted when {FEW:.0%} or fewer do, else undecided."
)
_SCORES = ", ".join(trends.TRENDS.values())
_RISES = (
    f"Supported when, for two of {_SCORES}, the interval of the slopes on ln β lies above 0, and above 0 "
    "also with the number of active latents as a second regressor (fewer latents alone may raise a "
    f"score). Refuted when, for two of them, it lies below {trends.LEAST_SLOPE:g}. Undecided otherwise, "
    f"and where two of them are not defined at {trends.LEAST_BETAS} β. p is that of the second smallest of "
    "their t-tests, doubled"
)

_RULES = {
    rules.few_dimensions: (
        f"A seed speaks for it when {rules.FEW_DIMENSIONS[0]} to {rules.FEW_DIMENSIONS[1]} latents vary by "
        f"two of three definitions: variance of μ above {ACTIVE_VARIANCE:g}, KL above {ACTIVE_KL:g} nats, "
        f"traversal energy above {VISIBLE:g}. {_BY_SEEDS} p is that of a sign test."
    ),
    rules.linked: (
        "Supported when the interval of the share of interaction of angle and digit lies above "
        f"{rules.LINKED:g}, and the interval of how much better the network's axes are than random ones "
        f"(MIG, SAP and interaction, in SDs of random axes) lies below {rules.BEYOND:g}. Refuted when the "
        f"first lies below {rules.LINKED:g} or the second above {rules.BEYOND:g}. Undecided otherwise. p "
        "is the larger of both t-tests."
    ),
    rules.every_dimension: (
        f"A seed speaks for it when every latent has a variance of μ above {ACTIVE_VARIANCE:g} and a "
        f"traversal energy above {VISIBLE:g}. {_BY_SEEDS} p is that of a sign test."
    ),
    rules.one_each: (
        "Two conditions. Independent: no two active latents share as much information as normal variables "
        f"of correlation 0.3 do ({rules.WEAK:.3f} nats), and none is a linear function of the others. One "
        f"variation each: D above {rules.DISENTANGLED:g}, and for {rules.NAMED:.0%} of the latents a "
        f"transform that explains {rules.MARGIN:g} more of the change than the next. Supported when both "
        f"hold in {MOST:.0%} of the seeds or more; refuted when either holds in {FEW:.0%} of them or "
        "fewer, or both together do; else undecided. p is that of a sign test."
    ),
    rules.rotation: (
        "By the intervals of R² of the angle, read from all latents, and of RIS. R² below "
        f"{rules.NOT_INFORMED:g}: supported (not informed). R² from {rules.INFORMED:g} and RIS below "
        f"{rules.NOT_ISOLATED:g}: supported (informed, not isolated). RIS from {rules.CAPTURED:g}: refuted "
        f"(captured). All else, such as an R² between {rules.NOT_INFORMED:g} and {rules.INFORMED:g} or an "
        "interval across a limit: undecided (between). p is that of a t-test of RIS below "
        f"{rules.CAPTURED:g} alone, which is why it can be small beside an undecided claim."
    ),
    trends.did_not_help: (
        f"The rule of the next row with the verdicts exchanged: supported when, for two of {_SCORES}, the "
        f"interval of the slopes lies below {trends.LEAST_SLOPE:g} per unit of ln β, refuted when two "
        f"rise. p is that of slopes below {trends.LEAST_SLOPE:g}, again of two of three."
    ),
    trends.helped: f"{_RISES}.",
    trends.trades: (
        "Supported when the interval of the slopes of the reconstruction on ln β lies above 0 and that of "
        "the KL below 0. Refuted when either lies on the other side. Undecided otherwise. p is the larger "
        "of both t-tests."
    ),
    trends.better: (
        "D and RIS are read off each seed's curve over β at the KL of "
        f"{', '.join(f'{rate:g}' for rate in trends.RATES)} nats, where all seeds of both networks reach, "
        "and the differences averaged. Supported when both intervals lie above 0, refuted when both lie "
        "below, else undecided. p is the larger of both t-tests."
    ),
}
RULES = {judge: text.replace("%", " %") for judge, text in _RULES.items()}
"""By the function that judges: how it decides. Each is undecided with fewer than `LEAST_SEEDS` seeds."""

FOR_ALL = (
    f"Intervals are those of the mean over seeds (Student, 95 %). Fewer than {LEAST_SEEDS} seeds leave "
    "every claim undecided. The thresholds and intervals decide; p stands beside them, and neither it nor "
    "Holm's correction of it takes part in a verdict"
)
