"""What a run makes of digits that are turned, measured once and cached beside it."""

import numpy as np
import torch

from vaelib.cache import Fit
from vaelib.data.factorial import Sweep
from vaelib.metrics.rotation import rotation_isolation
from vaelib.models.inference import encode
from vaelib.training.run import Run


def turned_codes(run: Run, sweep: Sweep) -> np.ndarray:
    """Return the codes mu (I, A, M) of I digits at A angles."""

    def make() -> Fit:
        return Fit({"mu": torch.from_numpy(encode(run.model, sweep.images).mu)}, {})

    found = run.measured("codes of turned digits", sweep.described, make)
    return sweep.layout(found.tensors["mu"].numpy())


def turned_isolation(run: Run, sweep: Sweep) -> dict[str, float | None]:
    """Return `isolation` of the codes, of which nothing else is cached."""

    def make() -> Fit:
        return Fit({}, isolation(sweep.layout(encode(run.model, sweep.images).mu)))

    return run.measured("isolation", sweep.described, make).notes


def isolation(mu: np.ndarray) -> dict[str, float | None]:
    """Return RIS, as eta2_angle, and purity of the best latent of codes (I, A, M); None for undefined.

    See `metrics.rotation_isolation`.
    """
    found = rotation_isolation(mu, draws=1)
    values = {"eta2_angle": found.ris.value, "purity": found.purity}
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
