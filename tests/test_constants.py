"""What never varies, latent, factor or pixel, is refused or undefined, and never a number by chance.

The mean of N equal numbers need not be that number, so a variance of rounding errors may be left: whatever
the constant is, nothing may be made of it.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.anything import examples
from tests.scored import SMALL
from tests.tiny import tiny
from vaelib.data.dataset import Dataset
from vaelib.errors import InputError
from vaelib.metrics import (
    dependence,
    importance,
    information,
    prediction,
    probes,
    responses,
    rotation,
    sampling,
)
from vaelib.models.inference import Codes
from vaelib.scores.baselines import Encoder
from vaelib.scores.registry import measure
from vaelib.scores.representation import Representation

N, M = 60, 3
MU = np.random.default_rng(0).normal(size=(N, M))
FIT = np.arange(N) % 2 == 0
ANGLES = np.linspace(-90, 90, N)
CLASSES = np.arange(N) % 3
CONSTANTS = st.floats(-1e6, 1e6) | st.sampled_from([0.1, 30.1, 1e-3])


@examples(25)
@given(CONSTANTS, st.integers(0, M - 1))
def test_a_constant_latent_has_no_share_no_correlation_and_no_line(c, dim):
    mu = MU.copy()
    mu[:, dim] = c
    assert probes.eta_squared(mu, CLASSES)[dim] == 0
    assert (probes.latent_correlations(mu)[dim] == 0).all()
    assert (probes.line_predictions(mu, ANGLES, FIT)[dim] == ANGLES[FIT].mean()).all()
    assert probes.best_line(mu, ANGLES, FIT) != dim
    assert np.isnan(dependence.circular_linear_r2(mu, ANGLES)[dim])
    assert np.isnan(dependence.gaussian_total_correlation(mu))
    swept = mu.reshape(6, 10, M)
    shares = rotation.two_way(swept).table.drop(columns="variance").loc[dim + 1]
    assert shares.isna().all()
    assert responses.monotonicity(swept, ANGLES[:10]).loc[dim + 1].isna().all()
    assert not information.mutual_information(mu, CLASSES[:, None], bins=5).nats.loc[dim + 1].any()


@given(CONSTANTS)
def test_r2_of_a_constant_is_undefined_and_says_so(c):
    same = np.full(N, c)
    assert np.isnan(probes.r2(same, MU[:, 0]))
    assert np.isnan(probes.r2(same, same))
    assert np.isnan(probes.line_r2(MU, same, FIT)).all()
    assert str(probes.bootstrap_r2(same, MU[:, 0], draws=5)) == "undefined"
    with pytest.raises(InputError, match="1 different angles are refused; accepted: three or more"):
        dependence.circular_linear_r2(MU, same)


@given(st.floats(0, 1))
def test_images_of_one_grey_have_no_distance_to_be_moved_by(c):
    images = np.full((5, 4, 4), c)
    assert probes.mean_square_distance(images) == 0
    assert np.isnan(probes.traversal_energy(np.zeros((5, 4, 4)), np.ones((5, 4, 4)), images))


METRICS = {
    "information": lambda z, factors: information.mutual_information(z, factors, bins=2),
    "single": lambda z, factors: prediction.single_latent_scores(z, factors, FIT),
    "explicitness": lambda z, factors: prediction.explicitness(z, factors, FIT),
    "dci": lambda z, factors: importance.dci(z, factors, FIT),
    "beta_vae": sampling.beta_vae_score,
    "factor_vae": sampling.factor_vae_score,
    "irs": sampling.irs,
}


@pytest.mark.parametrize("metric", METRICS)
@examples(10)
@given(c=CONSTANTS)
def test_each_factor_made_constant_in_turn_is_named(metric, c):
    factors = pd.DataFrame({"angle": ANGLES, "digit": CLASSES, "bold": np.arange(N) % 2 == 0})
    for name in factors:
        constant = factors.assign(**{name: c if name == "angle" else 0})
        with pytest.raises(InputError, match=f"factor '{name}' is the same on all {N} images; accepted: two"):
            METRICS[metric](MU, constant)


def _told(**constant) -> Representation:
    """Return a code of noise, with a decoder that follows it, of images of which something never varies."""
    side = 16
    factors = pd.DataFrame({"index": np.arange(N), "digit": CLASSES, "angle": ANGLES, "rotated": CLASSES > 0})
    images = torch.randint(0, 256, (N, 1, side, side), generator=torch.Generator().manual_seed(0))
    if "grey" in constant:
        images = torch.full_like(images, constant.pop("grey"))

    def encode(images: torch.Tensor) -> Codes:
        mu = np.random.default_rng(0).normal(size=(len(images), M)).astype(np.float32)
        return Codes(mu, mu, np.ones_like(mu), M)

    def decode(z: np.ndarray) -> np.ndarray:
        return np.broadcast_to(1 / (1 + np.exp(-z.sum(1)))[:, None, None], (len(z), side, side))

    encoder = Encoder("noise", encode, decode, lambda n, seed: np.zeros((n, M)))
    dataset = Dataset(images.to(torch.uint8), factors.assign(**constant))
    return Representation(encoder, tiny(image_size=side), dataset, "runs", SMALL)


@pytest.mark.parametrize(
    ("constant", "group", "said"),
    [
        ({"angle": 0.0}, "angle", "1 different angles are refused"),
        ({"angle": 30.1}, "angle", "1 different angles are refused"),
        ({"rotated": False}, "angle", "0 rotated images in a half are too few"),
        ({"digit": 7}, "digit", "all test images show the digit 7"),
    ],
)
def test_a_score_of_what_is_the_same_on_all_test_images_is_undefined_in_words(constant, group, said):
    found = measure(_told(**constant), [group], progress=False)
    assert said in found.undefined[group]
    assert set(found.scores.values()) == {None}


@pytest.mark.parametrize("grey", [0, 77, 255])
def test_images_of_one_pixel_value_have_scores_that_are_numbers_or_undefined(grey):
    found = measure(_told(grey=grey), ["reconstruction", "traversals", "rate"], progress=False)
    assert found.scores["energy_per_dim"] == [None] * M
    assert found.scores["mse"] > 0


def test_a_sweep_over_no_range_is_undefined_in_words():
    told = replace(_told(), spec=tiny(rotation_range=0))
    found = measure(told, ["rotation", "digit_swept"], progress=False)
    assert all("a range of ±0 degrees is refused" in why for why in found.undefined.values())
    assert len(found.undefined) == 2
