import numpy as np
import pytest
import torch

from vaelib.data import factorial as interventions
from vaelib.data.dataset import load_split, render
from vaelib.data.factorial import SCALE, factorial_set, fixed_digits, rotation_sweep
from vaelib.errors import InputError
from vaelib.spec import RunSpec

PLAIN = 1
"""Middle level of thickness, shear and scale."""


@pytest.fixture(scope="module")
def sweep():
    return rotation_sweep(32, n_per_class=2, step=30)


@pytest.fixture(scope="module")
def cells():
    return factorial_set(64, n_per_class=1)


def grid(cells):
    """Return the images as floats (digits, angles, thickness, shears, scales, S, S)."""
    return cells.images.float().numpy().reshape(10, 13, 3, 3, 3, 64, 64)


def test_the_list_of_digits_is_fixed_and_balanced():
    digits, index = fixed_digits(50)
    assert np.bincount(digits.labels).tolist() == [50] * 10
    assert len(set(index)) == 500
    np.testing.assert_array_equal(index, fixed_digits(50)[1])
    assert 0.4 < (index < 5000).mean() < 0.6


def test_digits_of_the_list_are_those_of_the_test_file(test_digits):
    digits, index = fixed_digits(3)
    np.testing.assert_array_equal(digits.images, test_digits.images[index])
    np.testing.assert_array_equal(digits.labels, test_digits.labels[index])


def test_no_digit_of_the_sweep_is_among_those_trained_on(train_digits):
    spec = RunSpec(n_train=60_000)
    trained = {train_digits.images[i].tobytes() for i in load_split(spec, "val").factors["index"].unique()}
    trained |= {image.tobytes() for image in train_digits.images}
    digits, _ = fixed_digits(50)
    assert trained.isdisjoint(image.tobytes() for image in digits.images)


def test_a_sweep_is_what_render_makes_of_each_digit_at_each_angle(sweep):
    digits, index = fixed_digits(2)
    assert sweep.angles.tolist() == [-90, -60, -30, 0, 30, 60, 90]
    np.testing.assert_array_equal(sweep.index, index)
    np.testing.assert_array_equal(sweep.digit, digits.labels)
    images = sweep.layout(sweep.images)
    assert images.shape == (20, 7, 1, 32, 32)
    for a, angle in enumerate(sweep.angles):
        assert torch.equal(images[:, a], render(digits.images, np.full(20, angle), 32))


def test_a_layout_keeps_what_belongs_to_a_image(sweep):
    rows = np.arange(len(sweep.images))[:, None] * [1, 10]
    assert sweep.layout(rows)[3, 2].tolist() == [3 * 7 + 2, 10 * (3 * 7 + 2)]


def test_factorial_set_is_fully_crossed(cells):
    assert cells.names == ("digit", "angle", "thickness", "shear", "scale")
    assert cells.levels.shape == (10 * 13 * 27, 5)
    assert len(cells) == len(cells.images) == len(cells.index)
    assert len(np.unique(cells.levels, axis=0)) == len(cells)
    assert [len(cells.values[name]) for name in cells.names] == (cells.levels.max(0) + 1).tolist()


def test_factors_are_what_levels_stand_for(cells):
    assert cells.factors.columns.tolist() == list(cells.names)
    np.testing.assert_array_equal(cells.factors["digit"], cells.levels[:, 0])
    np.testing.assert_array_equal(cells.factors["angle"], 15.0 * cells.levels[:, 1] - 90)
    assert cells.factors.dtypes.map(lambda t: t.kind).tolist() == ["i", "f", "f", "f", "f"]


def test_inner_images_are_fully_crossed_too(cells):
    inner = cells.levels[cells.inner]
    sizes = [len(np.unique(column)) for column in inner.T]
    assert sizes == [10, 7, 2, 2, 2]
    assert len(np.unique(inner, axis=0)) == len(inner) == np.prod(sizes)
    assert (inner[:, 2:] == PLAIN).any(0).all()


def test_plain_cells_are_those_of_render_up_to_one_grey_level(cells):
    digits, _ = fixed_digits(1)
    for level, angle in enumerate(cells.values["angle"]):
        plain = (cells.levels[:, 1] == level) & (cells.levels[:, 2:] == PLAIN).all(1)
        expected = render(digits.images, np.full(10, float(angle)), 64)
        assert (cells.images[torch.from_numpy(plain)].int() - expected.int()).abs().max() <= 1


def test_index_and_class_of_the_factorial_set_belong_together(cells, test_digits):
    np.testing.assert_array_equal(test_digits.labels[cells.index], cells.levels[:, 0])


def test_thickness_and_scale_change_the_ink_as_they_say(cells):
    ink = grid(cells)[:, 6].sum((-1, -2))
    assert (np.diff(ink, axis=1) > 0).all()
    areas = ink[:, 1, 1] / ink[:, 1, 1, [PLAIN]]
    np.testing.assert_allclose(areas, np.tile(np.square(SCALE), (10, 1)), rtol=0.03)


def test_strokes_grow_and_shrink_by_the_same_at_every_side():
    block = np.zeros((1, 28, 28), dtype=np.uint8)
    block[:, 12:16, 12:16] = 255
    thin, plain, thick = interventions._strokes(block)[0].numpy() / 255
    for image in (thin, plain, thick):
        np.testing.assert_allclose(image, image[::-1], atol=1e-6)
        np.testing.assert_allclose(image, image[:, ::-1], atol=1e-6)
    widths = [image[70].sum() / interventions.FINE for image in (thin, plain, thick)]
    np.testing.assert_allclose(widths, [3.2, 4, 4.8], atol=0.01)


def test_positive_shear_leans_to_the_right(cells):
    images = grid(cells)[:, 6, 1, :, 1]
    y, x = np.indices((64, 64)) - 31.5
    lean = -(images * x * y).sum((-1, -2)) / (images * y**2).sum((-1, -2))
    np.testing.assert_allclose(np.diff(lean, axis=1), 0.25, atol=0.02)


def test_blur_does_not_tell_the_angle(cells):
    images = grid(cells)
    energy = sum((np.diff(images, axis=axis) ** 2).sum((-1, -2)) for axis in (-1, -2))
    by_angle = energy.mean((0, 2, 3, 4))
    assert np.ptp(by_angle) / by_angle.mean() < 0.01


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"size": 4}, "size 4"),
        ({"size": 32.0}, "size 32.0"),
        ({"n_per_class": 0}, "1 to 892"),
        ({"n_per_class": 893}, "n_per_class 893"),
        ({"limit": 200}, "±200"),
        ({"limit": 0}, "±0 "),
        ({"step": 7}, "step 7"),
        ({"step": -5}, "step -5"),
    ],
)
def test_a_sweep_refuses_by_name(wrong, named):
    with pytest.raises(InputError, match=named):
        rotation_sweep(**{"size": 32, "n_per_class": 1} | wrong)


def test_a_factorial_set_refuses_a_size_it_cannot_draw():
    with pytest.raises(InputError, match="size 0"):
        factorial_set(0)
