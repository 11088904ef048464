"""What the alignment metrics are given, a code and the factors behind the images, checked once.

A factor is a column of a table, and its dtype says what it is: floats are a quantity (an angle), whose order
and distances count; anything else (integers, booleans, strings, categories) are classes (a digit), which are
only equal or different. So the table of a dataset can be passed as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from vaelib.errors import InputError
from vaelib.metrics.arithmetic import centred

BINS = 20
"""Bins of a code and of a factor: the 20 of Locatello et al. 2019."""

Factors: TypeAlias = pd.DataFrame | Mapping[str, np.ndarray] | np.ndarray


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of N images: its level on each, and its value where it is a quantity."""

    name: str
    levels: np.ndarray  # int (N,), 0 … size − 1, each of them occupied
    values: np.ndarray | None  # float (N,); None where the factor is a set of classes

    @property
    def size(self) -> int:
        return int(self.levels.max()) + 1


def quantile_levels(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return levels 0 … of values (N,), numbered without gaps: the values themselves or quantile bins.

    Up to `bins` different values are levels as they are; more are cut at their quantiles 1/bins, 2/bins, …
    A value at a cut falls above it. Ties may leave fewer than `bins` levels.
    """
    distinct, levels = np.unique(values, return_inverse=True)
    if len(distinct) <= bins:
        return levels
    cuts = np.quantile(values, np.arange(1, bins) / bins)
    return np.unique(np.searchsorted(cuts, values, side="right"), return_inverse=True)[1]


def read_factors(factors: Factors, n: int, bins: int = BINS) -> list[Factor]:
    """Return the factors of `n` images: columns of a table or of a mapping, or of an array (N, K), v1 … vK.

    A float column is a quantity and gets the levels of `quantile_levels`; any other column is a set of
    classes. Raises `InputError` for a column of another length, with missing values, or with one level only.
    """
    if isinstance(factors, pd.DataFrame | Mapping):
        columns = {str(name): np.asarray(column) for name, column in factors.items()}
    else:
        table = np.asarray(factors)
        if table.ndim != 2:
            raise InputError(
                f"factors of shape {table.shape} are refused; accepted: (N, K), a column a factor."
            )
        columns = {f"v{k + 1}": table[:, k] for k in range(table.shape[1])}
    if not columns:
        raise InputError("no factor is given; accepted: at least one column.")
    return [_read_factor(name, column, n, bins) for name, column in columns.items()]


def _read_factor(name: str, column: np.ndarray, n: int, bins: int) -> Factor:
    if column.shape != (n,):
        raise InputError(
            f"factor {name!r} has shape {column.shape}; accepted: ({n},), a value for each code."
        )
    if pd.isna(column).any():
        raise InputError(f"factor {name!r} has missing values; leave those images out of codes and factors.")
    if np.issubdtype(column.dtype, np.floating):
        if not np.isfinite(column).all():
            raise InputError(f"factor {name!r} has infinite values; leave those images out.")
        factor = Factor(name, quantile_levels(column, bins), column.astype(float))
    else:
        factor = Factor(name, pd.factorize(column, sort=True)[0], None)
    if factor.size < 2:
        raise InputError(
            f"factor {name!r} is the same on all {n} images; accepted: two levels or more. "
            "Leave it out or choose images on which it varies."
        )
    return factor


def read_codes(codes: np.ndarray, active: np.ndarray | None = None) -> np.ndarray:
    """Return a code (N, M) as centred floats, with latents that are not active set to 0 throughout.

    `active` bool (M,) says which latents count, `None` that all do. One that does not is treated as any
    constant one: it informs of nothing, and it still counts in M. Raises `InputError` for a code that is not
    (N, M), is not finite, or has no latent that counts and varies.
    """
    codes = np.asarray(codes, dtype=float)
    if codes.ndim != 2 or 0 in codes.shape:
        raise InputError(f"codes of shape {codes.shape} are refused; accepted: (N, M), a row an image.")
    if not np.isfinite(codes).all():
        bad = np.flatnonzero(~np.isfinite(codes).all(0)) + 1
        raise InputError(
            f"latents {', '.join(map(str, bad))} are not finite; accepted: numbers on all images."
        )
    m = codes.shape[1]
    active = np.ones(m, dtype=bool) if active is None else np.asarray(active)
    if active.shape != (m,) or active.dtype != bool:
        raise InputError(f"active of shape {active.shape}, {active.dtype} is refused; accepted: bool ({m},).")
    varies = np.ptp(codes, axis=0) > 0
    if not (varies & active).any():
        raise InputError(
            f"none of the {m} latents is active; accepted: at least one that counts and varies. "
            "A code that says nothing has no alignment."
        )
    return np.where(active, centred(codes), 0.0)


def require_images(n: int, least: int, why: str) -> None:
    """Raise `InputError` unless there are at least `least` images."""
    if n < least:
        raise InputError(f"{n} images are too few: {why} needs at least {least}.")


def latent_index(m: int) -> pd.Index:
    """Return the names of the rows of tables over latents: numbers from 1."""
    return pd.RangeIndex(1, m + 1, name="latent")
