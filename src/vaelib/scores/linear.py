"""Linear codes of images, by principal and by independent components: arrays in, arrays out."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA, FastICA
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from vaelib.errors import InputError

ICA_ROUNDS = 2_000
"""Five times what 6,000 images of 64 pixels take."""


@dataclass(frozen=True, eq=False)
class LinearCode:
    """M numbers that are read off P pixels, and the pixels that they stand for; float32.

    mean (P,); reading (M, P): z = reading (x − mean); basis (P, M): x = mean + basis z.
    """

    name: str
    mean: np.ndarray
    reading: np.ndarray
    basis: np.ndarray

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Return the code (N, M) of pixels (N, P)."""
        return (x - self.mean) @ self.reading.T

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Return pixels (N, P) of a code (N, M); nothing keeps them in [0, 1]."""
        return self.mean + np.asarray(z, dtype=np.float32) @ self.basis.T


def principal(x: np.ndarray, m: int) -> LinearCode:
    """Return the first m principal components of pixels (N, P), each scaled to SD 1 on them.

    One thread, so that it repeats to the byte. Raises `InputError` unless m is from 1 to less than N and P.
    """
    with threadpool_limits(1):
        return _from_pca(_fit_pca(x, m))


def independent(x: np.ndarray, m: int) -> LinearCode:
    """Return m independent components of pixels (N, P), each of SD 1: `principal` with its axes turned.

    FastICA (Hyvärinen 1999) turns them as far from normal as it can, contrast −exp(−u²/2): with log cosh
    its rounds run in a cycle on rotated digits. One that still moves after `ICA_ROUNDS` is returned as it
    is, and its name says so. Raises `InputError` as `principal` does.
    """
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the name says it
        components = _fit_pca(x, m)
        turn = FastICA(whiten="unit-variance", fun="exp", max_iter=ICA_ROUNDS, random_state=0)
        turn.fit(components.transform(x).astype(float))
    settled = turn.n_iter_ < ICA_ROUNDS
    code = _from_pca(components)
    return LinearCode(
        "ICA" if settled else f"ICA (not settled in {ICA_ROUNDS} rounds)",
        code.mean,
        (turn.components_ @ code.reading).astype(np.float32),
        (code.basis @ turn.mixing_).astype(np.float32),
    )


def _fit_pca(x: np.ndarray, m: int) -> PCA:
    most = min(x.shape) - 1
    if not 1 <= m <= most:
        raise InputError(f"{m} components of pixels {x.shape} are refused; accepted: 1 to {most}.")
    return PCA(m, whiten=True, svd_solver="arpack", random_state=0).fit(x)


def _from_pca(fit: PCA) -> LinearCode:
    sd = np.sqrt(fit.explained_variance_)
    reading, basis = fit.components_ / sd[:, None], (fit.components_ * sd[:, None]).T
    return LinearCode("PCA", *(a.astype(np.float32) for a in (fit.mean_, reading, basis)))
