"""How much of the prior a code uses: arrays in, numbers out."""

import numpy as np


def kl_per_dim(mu: np.ndarray, logvar: np.ndarray) -> np.ndarray:
    """Return the KL of each latent to the standard normal prior, averaged over pictures: (N, M) → (M,), nats.

    KL_j = E_x ½(mu² + e^logvar − 1 − logvar), Kingma & Welling 2014, appendix B.
    """
    return (0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)).mean(0)


def active_units(mu: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """Return which latents respond to the picture: Var_x(mu_j) > threshold, (N, M) → bool (M,).

    Burda et al. 2016, section 5.2; the threshold is theirs.
    """
    return mu.var(0) > threshold
