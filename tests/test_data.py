"""Rendering has known answers, and splits share no digit."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn.functional import interpolate

from vaelib.data import dataset as data
from vaelib.errors import InputError
from vaelib.spec import RunSpec

IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 3), st.just(28), st.just(28)))
SIZES = st.integers(8, 128)
N_TRAIN = st.integers(24, 60_000)
SMALL = RunSpec(n_train=240, n_test=30, image_size=32)


def turned(images: np.ndarray, degrees: float, size: int = 28) -> np.ndarray:
    return data.render(images, np.full(len(images), degrees), size)[:, 0].numpy()


@given(IMAGES, st.sampled_from([-180, -90, 0, 90, 180]))
def test_quarter_turns_at_28_pixels_are_exact(images, degrees):
    np.testing.assert_array_equal(turned(images, degrees), np.rot90(images, degrees // 90, axes=(1, 2)))


@given(IMAGES, SIZES)
def test_quarter_turns_commute_with_resizing(images, size):
    upright = turned(images, 0, size).astype(int)
    # A grey level of difference where rounding falls the other way.
    assert np.abs(turned(images, 90, size) - np.rot90(upright, axes=(1, 2))).max() <= 1


@given(st.floats(-180, 180), SIZES.filter(lambda size: size >= 28))
def test_a_spot_on_the_right_goes_up_by_the_angle(degrees, size):
    x = np.arange(28) - 13.5
    spot = 255 * np.exp(-((x[None, :] - 8) ** 2 + x[:, None] ** 2) / 4)
    image = turned(spot.round().astype(np.uint8)[None], degrees, size)[0].astype(float)
    pixels = (np.arange(size) - (size - 1) / 2) * 28 / size
    right = (image.sum(0) * pixels).sum() / image.sum()
    up = -(image.sum(1) * pixels).sum() / image.sum()
    expected = 8 * np.cos(np.deg2rad(degrees)), 8 * np.sin(np.deg2rad(degrees))
    np.testing.assert_allclose((right, up), expected, atol=0.05)


@given(IMAGES, SIZES.filter(lambda size: size >= 28))
def test_upright_images_are_plainly_resized(images, size):
    images[:, [0, -1], :] = images[:, :, [0, -1]] = (
        0  # outside is black here, and the edge's repetition there
    )
    plain = interpolate(torch.from_numpy(images)[:, None].float(), size, mode="bilinear", align_corners=False)
    assert (data.render(images, np.zeros(len(images)), size).float() - plain).abs().max() <= 0.501


def test_a_image_depends_neither_on_its_neighbours_nor_on_threads(train_digits):
    images = train_digits.images[: data.CHUNK + 3]
    angles = np.linspace(-180, 180, len(images))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        single = data.render(images, angles, 64)
        torch.set_num_threads(2)
        double = data.render(images, angles, 64)
    finally:
        torch.set_num_threads(threads)
    alone = torch.cat([data.render(images[i : i + 1], angles[i : i + 1], 64) for i in range(len(images))])
    assert single.dtype == torch.uint8
    assert single.shape == (len(images), 1, 64, 64)
    assert torch.equal(single, double)
    assert torch.equal(single, alone)


@pytest.mark.parametrize(
    ("images", "angles"),
    [
        (np.zeros((2, 28, 28), np.uint8), np.zeros(3)),
        (np.zeros((2, 28, 28), np.float32), np.zeros(2)),
        (np.zeros((2, 1, 28, 28), np.uint8), np.zeros(2)),
    ],
)
def test_render_refuses_what_it_would_misread(images, angles):
    with pytest.raises(InputError, match=r"accepted: uint8 images \(N, H, H\)"):
        data.render(images, angles, 64)


@pytest.mark.parametrize("size", [32, 64])
def test_blur_does_not_tell_rotated_from_upright(test_digits, size):
    images = test_digits.images[:1000]
    angles = np.random.default_rng(0).uniform(-3, 3, len(images))

    def sharpness(images: torch.Tensor) -> float:
        x = data.as_float(images)
        return (x.diff(dim=2).square().sum() + x.diff(dim=3).square().sum()).item()

    upright = data.render(images, np.zeros(len(images)), size)
    twice = data.render(upright[:, 0].numpy(), angles, size)
    assert sharpness(data.render(images, angles, size)) == pytest.approx(sharpness(upright), rel=0.01)
    assert sharpness(twice) < 0.95 * sharpness(upright)


def test_as_float_spans_zero_to_one():
    assert data.as_float(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == [
        0.0,
        pytest.approx(0.2),
        1.0,
    ]


@given(N_TRAIN, N_TRAIN, st.integers(0, 3))
def test_no_run_validates_on_a_digit_that_another_trained_on(n, other_n, seed):
    order, _ = data._draw(seed, "train", 60_000)
    spec, other = RunSpec(n_train=n, data_seed=seed), RunSpec(n_train=other_n, data_seed=seed)
    train, val = (data._choose(spec, split, order) for split in ("train", "val"))
    assert len(train) + len(val) == n
    assert len(val) == spec.n_val
    assert not np.isin(val, data._choose(other, "train", order)).any()


@pytest.mark.parametrize("file", ["train", "test"])
def test_the_draw_is_a_permutation_and_uniform_turns(file):
    n = 60_000 if file == "train" else 10_000
    order, turns = data._draw(0, file, n)
    assert np.array_equal(np.sort(order), np.arange(n))
    assert -1 <= turns.min() < -0.999
    assert 0.999 < turns.max() < 1
    assert turns.mean() == pytest.approx(0, abs=5 * 3**-0.5 * n**-0.5)
    assert not np.array_equal(order, data._draw(1, file, n)[0])
    assert not np.array_equal(turns, data._draw(1, file, n)[1])


@pytest.mark.parametrize(("split", "n"), [("train", 220), ("val", 20), ("test", 30)])
def test_images_match_their_factors(train_digits, test_digits, split, n):
    dataset = data.load_split(SMALL, split)
    digits = test_digits if split == "test" else train_digits
    factors = dataset.factors
    assert list(factors) == ["index", "digit", "angle", "rotated"]
    assert len(dataset) == len(factors) == 2 * n
    assert factors["rotated"].tolist() == [False] * n + [True] * n
    assert factors["index"][:n].tolist() == factors["index"][n:].tolist()
    assert factors["index"][:n].is_unique
    assert factors["digit"].tolist() == digits.labels[factors["index"]].tolist()
    assert (factors["angle"][:n] == 0).all()
    assert factors["angle"][n:].abs().between(0, 90, inclusive="right").all()
    again = data.render(digits.images[factors["index"]], factors["angle"].to_numpy(), 32)
    assert torch.equal(dataset.images, again)


def test_the_halves_are_the_two_parts_of_both():
    both, upright, rotated = (
        data.load_split(RunSpec(n_train=240, image_size=32, images=images), "val")
        for images in ("both", "upright", "rotated")
    )
    assert torch.equal(both.images, torch.cat([upright.images, rotated.images]))
    assert not upright.factors["rotated"].any()
    assert rotated.factors["rotated"].all()
    assert both.factors["angle"].tolist() == [*upright.factors["angle"], *rotated.factors["angle"]]


def test_a_digits_angle_scales_with_the_range_alone():
    small, large = (
        data.load_split(
            RunSpec(n_train=n, image_size=32, images="rotated", rotation_range=a), "train"
        ).factors
        for n, a in ((240, 45), (2400, 90))
    )
    np.testing.assert_allclose(2 * small["angle"], large["angle"][: len(small)])
    assert small["index"].tolist() == large["index"][: len(small)].tolist()


@given(IMAGES, st.integers(-2, 2))
def test_floating_images_are_turned_as_rendered_ones_are(images, quarters):
    x = data.as_float(data.render(images, np.zeros(len(images)), 32))
    turned_back = torch.rot90(data.turned(x, torch.full((len(x),), 90.0 * quarters)), -quarters, (2, 3))
    torch.testing.assert_close(turned_back, x, atol=1e-5, rtol=0)
    degrees = torch.linspace(-70, 50, len(images))
    once = data.render(images, degrees.numpy(), 28)
    again = data.turned(data.as_float(data.render(images, np.zeros(len(images)), 28)), degrees)
    assert (again - data.as_float(once)).abs().max() <= 0.51 / 255


def test_fresh_angles_are_drawn_anew_each_epoch_and_for_rotated_images_alone(train_digits):
    spec = RunSpec(n_train=240, image_size=32, rotation_range=30, angles="fresh")
    train = data.load_split(spec, "train")
    before = data.checksum(train)
    first, again, second = (data.with_fresh_angles(train, spec, epoch) for epoch in (1, 1, 2))
    assert data.checksum(first) == data.checksum(again)
    upright = ~train.factors["rotated"].to_numpy()
    angles = [dataset.factors["angle"][~upright] for dataset in (train, first, second)]
    for one, other in itertools.combinations(angles, 2):
        assert (one != other).all()
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.3
    assert 25 < angles[1].abs().max() <= 30
    assert torch.equal(first.images[upright], train.images[upright])
    rendered = data.render(train_digits.images[first.factors["index"]], first.factors["angle"], 32)
    assert torch.equal(first.images, rendered)
    assert data.checksum(train) == before
    larger = dataclasses.replace(spec, n_train=480)
    of_more = data.with_fresh_angles(data.load_split(larger, "train"), larger, 1).factors
    assert of_more["angle"][of_more["rotated"]].tolist()[:220] == angles[1].tolist()


def test_fresh_angles_of_rotated_images_alone():
    spec = RunSpec(n_train=240, image_size=32, images="rotated", angles="fresh")
    train = data.load_split(spec, "train")
    fresh = data.with_fresh_angles(train, spec, 1)
    assert (fresh.factors["angle"] != train.factors["angle"]).all()
    assert not torch.equal(fresh.images[0], train.images[0])


def test_equal_specs_give_equal_datasets_and_checksums_tell_others_apart():
    first = data.checksum(data.load_split(SMALL, "test"))
    assert data.checksum(data.load_split(SMALL, "test")) == first
    dataset = data.load_split(SMALL, "test")
    dataset.images[0, 0, 0, 0] ^= 1
    assert data.checksum(dataset) != first
    dataset = data.load_split(SMALL, "test")
    dataset.factors.loc[0, "digit"] += 1
    assert data.checksum(dataset) != first


def test_an_unknown_split_names_the_accepted_ones():
    with pytest.raises(InputError, match="accepted: train, val, test"):
        data.load_split(SMALL, "valid")
