"""What the network with a pose reaches, as tables and words: each run beside the plain one of its seed."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from vaelib.claims.goals import AMBIGUOUS, FAR, GOALS, SweptRun, against_goals, pose_by_digit, reached
from vaelib.claims.rules import CAPTURED
from vaelib.objectives import title
from vaelib.report.prose import in_french, span

Pairs = Mapping[tuple[int, int], tuple[SweptRun, SweptRun]]
"""The plain run and the one with a pose, by size of image and seed."""


def code_of(functions: Iterable[Callable[..., Any]]) -> Markdown:
    """Return the source of functions as a page shows it."""
    sources = "\n".join(inspect.cleandoc("\n" + inspect.getsource(function)) for function in functions)
    return Markdown(f"```python\n{sources}\n```")


def goals_reached(pairs: Pairs, size: int, n_moved: int) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return `GOALS` beside what was measured, at one size of image and others, and what a page says."""
    found = pd.DataFrame({point: reached(*both, n_moved) for point, both in pairs.items()}).T
    judged = against_goals(found.loc[size])
    sizes = dict.fromkeys((size, *(other for other, _ in pairs)))
    shown = {own: [span(found.loc[own, name].tolist(), "{:.3g}") for name in GOALS] for own in sizes}
    table = pd.DataFrame(
        {
            "measured": shown.pop(size),
            "goal": judged["goal"],
            "reached": judged["reached"].map({True: "yes", False: "no"}),
            "seeds": [f"{n} of {len(found.loc[size])}" for n in judged["seeds"]],
        },
        index=judged.index,
    ).assign(**{f"{own} pixels": texts for own, texts in shown.items()})
    plain = [both[0].ris for (own, _), both in pairs.items() if own == size]
    ris = found.loc[size, "RIS"].tolist()
    missed = table.index[table["reached"] == "no"]
    return table, {
        "n_reached": len(table) - len(missed),
        "n_goals": len(table),
        "missed": "; ".join(missed) or "none",
        "time_ratio": table.loc["training time, ratio", "measured"],
        "ris_pose": table.loc["RIS", "measured"],
        "ris_pose_fr": in_french(table.loc["RIS", "measured"]),
        "ris_plain": span(plain),
        "ris_plain_fr": in_french(span(plain)),
        "answer": pose_captures(ris),
    }


def pose_captures(isolation: Sequence[float]) -> str:
    """Return in a sentence whether the pose captures the angle, from RIS of each seed, by the limit of C5.

    >>> pose_captures([0.8, 0.9])
    'Yes: in every seed the pose alone carries the angle, by the limit of C5 (RIS from 0.7).'
    >>> pose_captures([0.4, 0.9])
    'Not reliably: in 1 of 2 seeds the pose alone carries the angle, by the limit of C5 (RIS from 0.7).'
    """
    captured = int((np.asarray(isolation) >= CAPTURED).sum())
    limit = f"by the limit of C5 (RIS from {CAPTURED:g})"
    if captured == len(isolation):
        return f"Yes: in every seed the pose alone carries the angle, {limit}."
    return f"Not reliably: in {captured} of {len(isolation)} seeds the pose alone carries the angle, {limit}."


def by_digit(posed: Sequence[SweptRun]) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return `pose_by_digit`, mean over seeds, as text, and by name the digit with the least purity."""
    table = sum(pose_by_digit(own) for own in posed) / len(posed)
    hardest: dict[str, object] = {
        "hardest": int(table["purity"].idxmin()),
        "hardest_purity": float(table["purity"].min()),
    }
    return table.map("{:.3g}".format).rename(columns={"content": "RIS of a content latent, most"}), hardest


def digits_read(pairs: Sequence[tuple[SweptRun, SweptRun]]) -> pd.DataFrame:
    """Return how often the digit is read right from each code, by size of the angle."""
    plain, posed = (sum(both[k].digit_read for both in pairs) / len(pairs) for k in (0, 1))
    columns = {
        "plain network, all latents": plain["all"],
        "network with a pose, content alone": posed["without"],
        "pose alone": posed["alone"],
    }
    return pd.DataFrame(columns).map("{:.2f}".format).rename_axis(None)


def far_off_by_ambiguity(own: SweptRun, steep: float) -> pd.DataFrame:
    """Return how many poses are far off at angles beyond `steep` degrees: of 6 and 9, and of other digits."""
    far, ambiguous = np.abs(own.sweep.angles) > steep, np.isin(own.sweep.digit, AMBIGUOUS)
    kinds = {"6 and 9": ambiguous, "all other digits": ~ambiguous}
    row = f"{FAR}, %"
    return pd.DataFrame(
        {name: {row: f"{own.share_far_off(np.ix_(kept, far)):.1f}"} for name, kept in kinds.items()}
    )


def reached_when_misinformed(posed: Iterable[SweptRun]) -> pd.DataFrame:
    """Return a row a run of `plots.scores_of_many`: what the pose reaches with the prior it was given."""
    return pd.DataFrame(
        [
            {
                "name": title(own.run.spec).removeprefix("pose, "),
                "purity": own.shares["purity"].iloc[0],
                "RIS": own.ris,
                f"{FAR}, %": own.share_far_off(),
                "−ELBO, nats": own.run.metrics["test"]["all"]["neg_elbo"],
            }
            for own in posed
        ]
    )
