"""The answers of chapters in a sentence, from the numbers that were measured."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from vaelib.claims.rules import CAPTURED
from vaelib.report.prose import span, trained_apart
from vaelib.spec import RunSpec

LOW_PURITY = 0.5
"""Purity below which most of what turning does to a latent differs from digit to digit."""


def turn_in_words(same: float, different: float, limit: float) -> str:
    """Return at which angle (degrees, NaN for none) a turned digit is as far from itself as from others.

    >>> turn_in_words(17.2, 44.0, 90)
    'Turned by 17° a digit is as far from itself as from its like, by 44° as from a different digit.'
    >>> turn_in_words(17.2, float("nan"), 30)
    'Turned by 17° a digit is as far from itself as from its like, and never as from a different digit.'
    """
    if not np.isfinite(same):
        return f"Within ±{limit:g}° a turned digit stays closer to itself than another digit of its class is."
    start = f"Turned by {same:.0f}° a digit is as far from itself as from its like"
    if not np.isfinite(different):
        return f"{start}, and never as from a different digit."
    return f"{start}, by {different:.0f}° as from a different digit."


def depth_in_words(affine: bool) -> str:
    """Return what depth buys a network without an activation.

    >>> depth_in_words(True)
    'Once trained, our network is an affine map: its seven layers can do no more than one.'
    """
    if affine:
        return "Once trained, our network is an affine map: its seven layers can do no more than one."
    return "Our network is no affine map: its layers can do more together than one of them."


def learning_in_words(val_recon: np.ndarray, excess: pd.Series) -> str:
    """Return whether the validation reconstruction falls, and what is left on test images above the floor.

    >>> learning_in_words(np.array([220.0, 200.0]), pd.Series({"upright": 80.4, "rotated": 95.0}))
    'Its best epoch is the last; unseen digits cost 80.4 nats above the floor upright and 95.0 turned.'
    """
    falls = val_recon[-1] <= val_recon.min()
    start = "Its best epoch is the last" if falls else "Its best epoch is not the last"
    cost = f"{excess['upright']:.1f} nats above the floor upright and {excess['rotated']:.1f} turned"
    return f"{start}; unseen digits cost {cost}."


def plane_in_words(share: float, strongest: float) -> str:
    """Return how much of the codes a plane shows (%), and how strongly two latents correlate at most.

    >>> plane_in_words(31.0, -0.42)
    'The best plane shows 31 % of the variance; the latents are not independent: two correlate by -0.42.'
    """
    tied = "the latents are not independent" if abs(strongest) >= 0.1 else "no two latents correlate much"
    return f"The best plane shows {share:.0f} % of the variance; {tied}: two correlate by {strongest:.2f}."


def range_in_words(plain: pd.Series, posed: pd.Series) -> str:
    """Return up to which range of angles (the index, degrees) a latent follows turns alike for all digits.

    >>> range_in_words(pd.Series({15.0: 0.7, 90.0: 0.4}), pd.Series({15.0: 0.9, 90.0: 0.9}))
    'A latent follows the turn, mostly alike for all digits, up to ±15°; with a pose up to ±90°.'
    """
    ends = []
    for purity in (plain, posed):
        high = purity.index[purity >= LOW_PURITY]
        ends.append(f"up to ±{max(high):g}°" if len(high) else "at no range that was tried")
    return f"A latent follows the turn, mostly alike for all digits, {ends[0]}; with a pose {ends[1]}."


def captured_by(purity: pd.Series, ris: pd.Series) -> str:
    """Return which objectives capture the rotation, by the limit of C5, and which comes nearest if none does.

    >>> captured_by(pd.Series({"plain": 0.4, "pose": 0.9}), pd.Series({"plain": 0.3, "pose": 0.8}))
    'By the limit of C5 (RIS from 0.7) it is captured by: pose. The purest is that of pose (0.90).'
    """
    names = list(ris.index[ris >= CAPTURED])
    best = f"The purest is that of {purity.idxmax()} ({purity.max():.2f})."
    if not names:
        return f"None of them captures the rotation by the limit of C5 (RIS from {CAPTURED:g}). {best}"
    return f"By the limit of C5 (RIS from {CAPTURED:g}) it is captured by: {', '.join(names)}. {best}"


def moving_in_words(moved: Mapping[str, np.ndarray]) -> str:
    """Return how many latents of each network move when a digit is turned, from counts a digit.

    >>> moving_in_words({"plain": np.array([9, 10]), "pose": np.array([1, 2])})
    'Latents that move, on average: 9.5 in plain; 1.5 in pose.'
    """
    counts = "; ".join(f"{span([count.mean()], '{:.1f}')} in {name}" for name, count in moved.items())
    return f"Latents that move, on average: {counts}."


def latents_that_move(
    names: Sequence[str], specs: Sequence[RunSpec], counts: Sequence[np.ndarray]
) -> pd.DataFrame:
    """Return a row a network: its latents, how many move when a digit is turned, what else sets it apart."""
    return pd.DataFrame(
        {
            "latents": [spec.latent_dim for spec in specs],
            "that move: mean (fewest to most)": [span(count.tolist(), "{:.1f}") for count in counts],
            "trained with": [trained_apart(specs[0], spec) or "as the first" for spec in specs],
        },
        index=pd.Index(names, name="network"),
    )
