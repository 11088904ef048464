"""How much of the prior a code uses: arrays in, numbers out."""

import numpy as np


def active_units(mu: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """Return which latents respond to the image: Var_x(mu_j) > threshold, (N, M) → bool (M,).

    Burda et al. 2016, section 5.2; the threshold is theirs.
    """
    return mu.var(0) > threshold
