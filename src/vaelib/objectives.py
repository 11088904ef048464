"""What is minimised: the β-VAE and its alternatives, each told by its difference from it.

An objective takes a network, pictures x (B, 1, S, S) in [0, 1], noise eps (B, noise_dim), the weight beta of
the KL at this step, the spec, and `progress`, the share of the training that is done, from 0 to 1. It returns
the terms of the bound of each picture, for the history, and the loss, a scalar.
"""

from collections.abc import Callable

from torch import Tensor

from vaelib.losses import ElboTerms, beta_loss
from vaelib.models import VAE
from vaelib.spec import RunSpec


def beta_vae(
    model: VAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """Reconstruction + β · KL (Higgins et al. 2017); at β = 1 the negative ELBO."""
    terms = model.terms(x, eps, spec.likelihood)
    return terms, beta_loss(terms, beta, spec)


Objective = Callable[[VAE, Tensor, Tensor, float, RunSpec, float], tuple[ElboTerms, Tensor]]

OBJECTIVES: dict[str, Objective] = {"beta_vae": beta_vae}
"""The objectives by the name that a spec gives them."""
