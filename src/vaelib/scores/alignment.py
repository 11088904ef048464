"""Does a latent stand for a factor? Scores on the factorial set, where every factor is known and crossed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from vaelib.data.factorial import CROSSED
from vaelib.metrics.dependence import ACTIVE_VARIANCE
from vaelib.metrics.importance import dci
from vaelib.metrics.information import aam, mig, mig_bound, modularity, mutual_information
from vaelib.metrics.prediction import explicitness, sap, single_latent_scores
from vaelib.metrics.random_axes import haar_null, p_value, standardised
from vaelib.metrics.rotation import rotation_isolation, two_way
from vaelib.metrics.sampling import beta_vae_score, factor_vae_score, irs
from vaelib.scores.representation import Group, Representation

HAAR = ("mig", "sap", "ris", "eta2_interaction_mean")
"""The scores that are compared with those of random rotations of the code."""
LOWER_IS_BETTER = "eta2_interaction_mean"


def _information(s: Representation) -> dict[str, Any]:
    """MIG of mu, of a sample, of quantile bins, and of the levels that look most like training images."""
    codes, factors, inner, active = s.crossed_codes, s.crossed.factors, s.crossed.inner, s.active
    of_mu = mutual_information(codes.mu, factors, active=active)
    sampled = mutual_information(codes.z, factors, active=active)
    gaps = mig(of_mu)
    return {
        "mig": gaps.mean(),
        **_by_factor("mig", gaps),
        "mig_quantile": mig(mutual_information(codes.mu, factors, rule="quantile", active=active)).mean(),
        "mig_sampled": mig(sampled).mean(),
        "mig_sampled_bound": mig_bound(codes.kl_of_variables, sampled).mean(),
        "mig_inner": mig(mutual_information(codes.mu[inner], factors[inner], active=active)).mean(),
        "aam": aam(of_mu).mean(),
        "modularity": modularity(of_mu, active).mean(),
    }


def _separation(s: Representation) -> dict[str, Any]:
    gaps = sap(single_latent_scores(s.crossed_codes.mu, s.crossed.factors, s.crossed_fit, s.active))
    return {"sap": gaps.mean(), **_by_factor("sap", gaps)}


def _explicitness(s: Representation) -> dict[str, Any]:
    found = explicitness(s.crossed_codes.mu, s.crossed.factors, s.crossed_fit, s.active)
    return {"explicitness": found.mean(), **_by_factor("explicitness", found)}


def _dci(s: Representation, model: str, name: str) -> dict[str, Any]:
    given = (s.crossed_codes.mu, s.crossed.factors, s.crossed_fit, model, s.active)
    found = dci(*given, forest_images=s.config.forest_images, source=s.crossed.index)
    return {
        f"{name}_d": found.disentanglement,
        f"{name}_c": found.completeness,
        **_by_factor(f"{name}_i", found.informativeness),
        f"{name}_importance": found.importance,
    }


def _sampling(s: Representation) -> dict[str, Any]:
    given = (s.crossed_codes.mu, s.crossed.factors)
    return {
        "beta_vae": beta_vae_score(*given, s.active),
        "factor_vae": factor_vae_score(*given, s.active),
        "irs": irs(*given, "q99", s.active).score,
    }


def _haar(s: Representation) -> dict[str, Any]:
    """The same information in axes that mean nothing: 95 % of random rotations, and the code's own axes.

    These have a p, one-sided for better alignment (higher scores, but a lower interaction), and an excess:
    how much better than the mean of the random ones they are, in their standard deviations. DCI is left
    out: a forest a factor and rotation would take twenty minutes.
    """
    s.require_active()
    factors, fit, sweep = s.crossed.factors, s.crossed_fit, s.sweep

    def interaction(z: np.ndarray) -> float:
        table = two_way(sweep.layout(z)).table
        return table.loc[table["variance"] > ACTIVE_VARIANCE, "eta2_interaction"].mean()

    crossed, turned = s.crossed_codes.mu, s.turned.reshape(-1, s.turned.shape[-1])
    values: dict[str, tuple[np.ndarray, Callable[[np.ndarray], float]]] = {
        "mig": (crossed, lambda z: mig(mutual_information(z, factors)).mean()),
        "sap": (crossed, lambda z: sap(single_latent_scores(z, factors, fit)).mean()),
        "ris": (turned, lambda z: rotation_isolation(sweep.layout(z), draws=1).ris.value),
        "eta2_interaction_mean": (turned, interaction),
    }
    found: dict[str, Any] = {}
    for name, (codes, value) in values.items():
        own = value(standardised(codes))
        null = haar_null(value, codes, s.config.rotations, progress=False)
        sign = -1 if name == LOWER_IS_BETTER else 1
        found[f"haar_{name}"] = np.quantile(null, [0.025, 0.975])
        found[f"haar_{name}_p"] = p_value(sign * own, sign * null)
        spread = null.std(ddof=1)
        found[f"haar_{name}_excess"] = sign * (own - null.mean()) / spread if spread > 0 else np.nan
    return found


def _by_factor(name: str, values: pd.Series) -> dict[str, float]:
    return {f"{name}_{factor}": value for factor, value in values.items()}


def _factor_names(name: str) -> tuple[str, ...]:
    return tuple(f"{name}_{factor}" for factor in CROSSED)


def _dci_group(model: str, name: str) -> Group:
    names = (f"{name}_d", f"{name}_c", *_factor_names(f"{name}_i"), f"{name}_importance")
    return Group(f"factorial set: which latents a {model} uses", names, lambda s: _dci(s, model, name))


GROUPS = {
    "information": Group(
        "factorial set: information",
        (
            "mig",
            *_factor_names("mig"),
            "mig_quantile",
            "mig_sampled",
            "mig_sampled_bound",
            "mig_inner",
            "aam",
            "modularity",
        ),
        _information,
    ),
    "separation": Group("factorial set: single latents", ("sap", *_factor_names("sap")), _separation),
    "explicitness": Group(
        "factorial set: all latents", ("explicitness", *_factor_names("explicitness")), _explicitness
    ),
    "forest": _dci_group("forest", "dci"),
    "lasso": _dci_group("lasso", "dci_lasso"),
    "sampling": Group("factorial set: one factor held", ("beta_vae", "factor_vae", "irs"), _sampling),
    "haar": Group(
        "random rotations of the code",
        tuple(f"haar_{name}{part}" for name in HAAR for part in ("", "_p", "_excess")),
        _haar,
    ),
}
