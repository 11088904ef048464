"""Reading values off curves, and saying in words what numbers do."""

from collections.abc import Sequence

import numpy as np


def between_points(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """Return y at one place, linear between points (K,) in any order of x; NaN outside their range.

    >>> between_points(np.array([4.0, 0.0]), np.array([10.0, 30.0]), 1.0)
    25.0
    """
    order = np.argsort(x)
    return float(np.interp(at, np.asarray(x)[order], np.asarray(y)[order], left=np.nan, right=np.nan))


def crossing(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """Return the first x at which y, linear between its points, rises to `level`; NaN when it never does.

    >>> crossing(np.array([0.0, 10.0, 20.0]), np.array([0.0, 1.0, 3.0]), 2.0)
    15.0
    """
    above = np.flatnonzero(y >= level)
    if len(above) == 0:
        return float("nan")
    k = above[0]
    return float(np.interp(level, y[k - 1 : k + 1], x[k - 1 : k + 1])) if k else float(x[0])


def direction(values: np.ndarray) -> str:
    """Return in words whether a sequence rises or falls, so that prose says what the numbers say.

    >>> direction([3.0, 2.0, 1.0]), direction([0, 0, 2]), direction([0, 2, 1])
    ('falls at every step', 'never falls', 'goes up and down')
    >>> direction([0.0, np.nan])
    'is undefined in places'
    """
    steps = np.diff(values)
    if not np.isfinite(values).all():
        return "is undefined in places"
    if len(steps) == 0 or (steps == 0).all():
        return "does not change"
    return next(
        (
            words
            for words, holds in (
                ("rises at every step", steps > 0),
                ("falls at every step", steps < 0),
                ("never falls", steps >= 0),
                ("never rises", steps <= 0),
            )
            if holds.all()
        ),
        "goes up and down",
    )


def span(values: Sequence[float], pattern: str = "{:.2f}") -> str:
    """Return a mean in words, with the least and the largest value where there are several.

    >>> span([0.5]), span([1, 2, 3], "{:.0f}"), span([1, np.nan])
    ('0.50', '2 (1 to 3)', 'undefined')
    """
    if np.isnan(values).any():
        return "undefined"
    mean = pattern.format(np.mean(values))
    if len(values) == 1:
        return mean
    return f"{mean} ({pattern.format(min(values))} to {pattern.format(max(values))})"
