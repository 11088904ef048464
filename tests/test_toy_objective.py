"""An objective is one place: all of this one is in this file, and everything else takes it as its own."""

import pytest
import torch

from tests.tiny import tiny
from vaelib.errors import InputError
from vaelib.models.losses import beta_loss
from vaelib.objectives import OBJECTIVES, Objective, title
from vaelib.scores.baselines import of_model
from vaelib.spec import RunSpec
from vaelib.training.store import RunStore


def sparse(model, x, eps, beta, spec, progress):
    """The β-VAE + λ · mean |mu|."""
    terms = model.terms(x, eps, spec.training_likelihood)
    return terms, beta_loss(terms, beta, spec) + spec.penalty * terms.mu.abs().mean()


SPARSE = Objective(
    version=1,
    loss=f"{__name__}:sparse",
    title=lambda spec: f"sparse, λ = {spec.penalty:g}",
    fields=("penalty",),
    needs=lambda spec: [("latent_dim above 1", spec.latent_dim > 1)],
)


def test_an_objective_declared_in_one_file_is_trained_stored_named_and_measured(monkeypatch, tmp_path):
    monkeypatch.setitem(OBJECTIVES, "sparse", SPARSE)
    spec = tiny(objective="sparse", penalty=1000.0, epochs=2)
    assert (title(spec), spec.training_version) == ("sparse, λ = 1000", 1)
    runs = [RunStore(tmp_path).get(asked, progress=False) for asked in (spec, spec.plain)]
    assert {run.spec.objective for run in RunStore(tmp_path).all()} == {"sparse", "beta_vae"}
    images = torch.randint(0, 255, (20, 1, spec.image_size, spec.image_size), dtype=torch.uint8)
    sparse_size, plain_size = (abs(of_model(run.model).encode(images).mu).mean() for run in runs)
    assert sparse_size < 0.5 * plain_size


def test_what_it_says_of_a_spec_is_checked(monkeypatch):
    with pytest.raises(InputError, match="objective 'sparse' is unknown"):
        RunSpec(objective="sparse")
    monkeypatch.setitem(OBJECTIVES, "sparse", SPARSE)
    with pytest.raises(InputError, match="accepted only with latent_dim above 1"):
        RunSpec(objective="sparse", latent_dim=1)
    with pytest.raises(InputError, match=r"accepted only with objective .*factor_vae.*sparse"):
        RunSpec(penalty=3)
