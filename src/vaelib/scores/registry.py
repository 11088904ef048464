"""Every group of scores, and how all of them are measured on one code."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from vaelib.errors import InputError
from vaelib.scores import alignment, rate_quality, rotation
from vaelib.scores.representation import Group, Representation
from vaelib.threads import torch_threads


def _encode(s: Representation) -> dict[str, Any]:
    """Make all codes, so that the seconds of the other groups are their own."""
    s.require_active()
    _ = s.turned, s.crossed_codes
    return {}


GROUPS = {
    "codes": Group("codes", (), _encode),
    **rate_quality.GROUPS,
    **alignment.GROUPS,
    **rotation.GROUPS,
}
"""Every group of scores by name, in the order in which they are measured."""


@dataclass(frozen=True)
class Measured:
    """Scores by name: numbers, lists and texts as JSON has them, None where a score is undefined.

    `undefined` says why, by group. `seconds` of one core a group took; empty where scores were cached.
    """

    scores: dict[str, Any]
    undefined: dict[str, str]
    seconds: dict[str, float]


def measure(
    representation: Representation, groups: Sequence[str] = tuple(GROUPS), progress: bool = True
) -> Measured:
    """Return all scores of one code, on one thread so that they repeat to the byte.

    A group that its measures refuse (no active latent, no decoder, too few images) is undefined as a
    whole; a number that is not finite is undefined by itself.
    """
    scores: dict[str, Any] = {}
    undefined, seconds = {}, {}
    with torch_threads(1), threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a probe's last round is scored as it is
        for name in (bar := tqdm(groups, leave=False, disable=not progress)):
            bar.set_description(f"{representation.encoder.name}: {name}")
            group, start = GROUPS[name], time.process_time()
            found: dict[str, Any] = dict.fromkeys(group.names)
            try:
                found |= group.measure(representation)
            except InputError as error:
                if group.names:
                    undefined[name] = str(error)
            seconds[name] = time.process_time() - start
            scores |= {score: _plain(value) for score, value in found.items()}
    return Measured(scores, undefined, seconds)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: arrays and tables as lists, what is not finite as None."""
    if isinstance(value, np.ndarray | pd.Series | pd.DataFrame | list):
        return [_plain(item) for item in np.asarray(value).tolist()]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
