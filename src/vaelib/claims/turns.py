"""How far a turn moves an image, and what codes hold of it."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from vaelib.data.dataset import as_float, render
from vaelib.metrics.distances import distances_when_turned
from vaelib.metrics.statistics import crossing


def turned_distances(
    digits: np.ndarray, labels: np.ndarray, size: int, turns: np.ndarray
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return how far digits (N, 28, 28) move when turned (degrees), and the angles that cross two levels.

    The table is that of `metrics.distances_when_turned`. The angles, NaN for none: at which a digit is as far
    from itself as from another of its class ("same"), and as from a different digit ("different").
    """

    def drawn(angle: float) -> np.ndarray:
        return as_float(render(digits, np.full(len(digits), angle), size)).flatten(1).numpy()

    distances = distances_when_turned(drawn, labels, turns)
    curve = distances["ratio"].to_numpy()[:-1]
    levels = {"same": distances.loc["same label", "ratio"], "different": 1.0}
    return distances, {name: crossing(turns, curve, level) for name, level in levels.items()}


def isolation_table(found: Iterable[tuple[str, float, Mapping[str, float | None]]]) -> pd.DataFrame:
    """Return a row a code: network, range (degrees), eta2_angle and purity, of `scores.isolation`."""
    rows = [{"network": network, "range": limit, **own} for network, limit, own in found]
    return pd.DataFrame(rows).astype({"eta2_angle": float, "purity": float})
