"""What a turn does: how far it moves an image, and what the best latent of a code holds of it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from torch import Tensor

from vaelib.data.dataset import as_float, render
from vaelib.data.factorial import Sweep
from vaelib.metrics.distances import distances_when_turned
from vaelib.metrics.rotation import rotation_isolation
from vaelib.metrics.statistics import crossing
from vaelib.models.inference import encode
from vaelib.models.vae import VAE
from vaelib.scores.baselines import Encoder

Code = tuple[str, float, Callable[[Tensor], np.ndarray]]
"""What a code is called, the range of angles it is for (degrees), and how images become codes (N, M)."""


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


def encoder_of(network: VAE | Encoder) -> Callable[[Tensor], np.ndarray]:
    """Return how a network or a baseline makes codes (N, M) of images."""
    found = partial(encode, network) if isinstance(network, VAE) else network.encode
    return lambda images: found(images).mu


def isolation_of(codes: Sequence[Code], sweeps: Mapping[float, Sweep]) -> pd.DataFrame:
    """Return a row a code: network, range, RIS as eta2_angle, and purity, on the sweep of its range."""
    rows = []
    for network, limit, encoder in codes:
        sweep = sweeps[limit]
        found = rotation_isolation(sweep.layout(encoder(sweep.images)))
        rows.append(
            {"network": network, "range": limit, "eta2_angle": found.ris.value, "purity": found.purity}
        )
    return pd.DataFrame(rows)
