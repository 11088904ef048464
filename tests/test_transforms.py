import numpy as np
import pytest
from scipy.ndimage import affine_transform

from vaelib.data.dataset import render
from vaelib.data.factorial import fixed_digits
from vaelib.errors import InputError
from vaelib.metrics import transforms
from vaelib.metrics.transforms import GRIDS, moved_images, transform_dictionary

MOVES = np.array([-2.0, -1, 1, 2])
SIDE = 64
DIGITS, _ = fixed_digits(2)


def turned(degrees):
    return render(DIGITS.images, np.full(20, float(degrees)), SIDE)[:, 0].numpy() / np.float32(255)


BEFORE = turned(0)


def smooth(images):
    """Return images without sharp edges: bilinear sampling reads them exactly enough."""
    spectrum = np.fft.fft2(images)
    f = np.fft.fftfreq(SIDE)
    return np.fft.ifft2(spectrum * np.exp(-60 * (f[:, None] ** 2 + f**2))).real.astype(np.float32)


def looked_up(matrix):
    """Return the digits looked up at `matrix` @ (x, y down) from the centre, by scipy."""
    swapped = np.asarray(matrix)[::-1, ::-1]
    centre = np.full(2, (SIDE - 1) / 2)
    return np.stack(
        [affine_transform(p, swapped, centre - swapped @ centre, order=1) for p in BEFORE.astype(float)]
    )


def strokes(width):
    """Return two bars, a cross and a ring of a given half width, pixels of 28, with soft edges."""
    y, x = (np.indices((SIDE, SIDE)) - (SIDE - 1) / 2) * 28 / SIDE
    distances = [np.abs(x), np.abs(y), np.minimum(np.abs(x), np.abs(y)), np.abs(np.hypot(x, y) - 7)]
    end = np.hypot(x, y) - 9
    return np.stack([1 / (1 + np.exp(8 * (np.maximum(d, end) - width))) for d in distances])


LATENTS = {
    "rotation": lambda d: turned(12 * d),
    "clockwise": lambda d: turned(-9 * d),
    "shear": lambda d: looked_up([[1, 0.15 * d], [0, 1]]),
    "width": lambda d: looked_up([[1 / (1 + 0.1 * d), 0], [0, 1]]),
    "height": lambda d: looked_up([[1, 0], [0, 1 / (1 + 0.1 * d)]]),
    "morph": lambda d: (1 - abs(d) / 4) * BEFORE + abs(d) / 4 * np.roll(BEFORE, 5, axis=0),
    "still": lambda d: BEFORE,
}
NUMBER = {name: k + 1 for k, name in enumerate(LATENTS)}


@pytest.fixture(scope="module")
def dictionary():
    after = np.stack([np.stack([latent(d) for d in MOVES]) for latent in LATENTS.values()])
    return transform_dictionary(BEFORE, after, MOVES)


@pytest.mark.parametrize(
    ("latent", "name", "per_sd"),
    [
        ("rotation", "rotation", 12),
        ("clockwise", "rotation", -9),
        ("shear", "shear", 0.15),
        ("width", "width", 10),
        ("height", "height", 10),
    ],
)
def test_a_transform_is_named_with_its_size_and_sign(dictionary, latent, name, per_sd):
    row = NUMBER[latent]
    assert dictionary.names[row] == name
    assert dictionary.p.loc[row, name] > 0.95
    assert dictionary.common.loc[row, name] > 0.95
    assert dictionary.margin[row] > 0.2
    assert dictionary.per_sd.loc[row, name] == pytest.approx(per_sd, rel=0.1)
    assert dictionary.monotone.loc[row, name]


def test_the_step_of_each_move_is_found(dictionary):
    steps = dictionary.steps[0, :, list(GRIDS).index("rotation")]
    np.testing.assert_array_equal(steps, [-24, -12, 12, 24])


def test_positive_turns_and_shears_are_those_of_the_page():
    """A dot on the right goes up when turned counter-clockwise; a dot on top goes right when sheared."""
    right, top = np.zeros((2, 1, SIDE, SIDE), dtype=np.float32)
    right[0, 31:33, 50:52] = top[0, 12:14, 31:33] = 1
    (dot,) = transforms._transformed("rotation", np.array([90.0]), right)[0]
    row, _ = np.unravel_index(dot.argmax(), (SIDE, SIDE))
    assert row < 20
    (dot,) = transforms._transformed("shear", np.array([0.5]), top)[0]
    _, column = np.unravel_index(dot.argmax(), (SIDE, SIDE))
    assert column > 35


def test_a_turn_is_that_of_the_data():
    (moved,) = transforms._transformed("rotation", np.array([30.0]), smooth(BEFORE)).swapaxes(0, 1)
    expected = smooth(turned(30)).reshape(20, -1)
    assert ((moved - expected) ** 2).sum() < 0.01 * ((smooth(BEFORE).reshape(20, -1) - expected) ** 2).sum()


def test_thicker_strokes_are_named_thickness():
    before = strokes(1.2)
    after = np.stack([np.stack([strokes(1.2 + 0.2 * d) for d in MOVES])])
    result = transform_dictionary(before, after, MOVES)
    assert result.names[1] == "thickness"
    assert result.p.loc[1, "thickness"] > 0.9
    assert result.per_sd.loc[1, "thickness"] == pytest.approx(0.2, rel=0.25)
    assert result.monotone.loc[1, "thickness"]
    assert result.p.loc[1, "rotation"] < 0.1


def test_turning_into_another_digit_has_no_name(dictionary):
    row = NUMBER["morph"]
    assert dictionary.names[row] == "unnamed"
    assert dictionary.p.loc[row].max() < 0.3


def test_a_latent_that_does_nothing_is_still(dictionary):
    row = NUMBER["still"]
    assert dictionary.names[row] == "still"
    assert dictionary.p.loc[row].isna().all()
    assert dictionary.per_sd.loc[row].isna().all()
    assert np.isnan(dictionary.margin[row])
    assert not dictionary.monotone.loc[row].any()
    assert dictionary.move[row] == 0


def test_p_lies_between_zero_and_one_and_one_step_for_all_explains_no_more(dictionary):
    moving = dictionary.p.drop(NUMBER["still"]).to_numpy()
    common = dictionary.common.drop(NUMBER["still"]).to_numpy()
    assert (moving >= common).all()
    assert (common >= 0).all()
    assert (moving <= 1).all()


def test_images_that_turn_in_opposite_ways_have_no_common_step():
    one, other = turned(15), turned(-15)
    first = np.arange(20) < 10
    after = np.where(first[:, None, None], one, other)[None, None]
    result = transform_dictionary(BEFORE, after, np.array([1.0]))
    assert result.p.loc[1, "rotation"] > 0.95
    assert result.common.loc[1, "rotation"] < 0.3


def test_a_there_and_back_step_is_not_monotone():
    after = np.stack([np.stack([turned(9 * abs(d)) for d in MOVES])])
    result = transform_dictionary(BEFORE, after, MOVES)
    assert result.names[1] == "rotation"
    assert not result.monotone.loc[1, "rotation"]
    assert result.per_sd.loc[1, "rotation"] == pytest.approx(0, abs=1e-9)


def test_discs_grow_and_blend():
    dot = np.zeros((1, 9, 9), dtype=np.float32)
    dot[0, 4, 4] = 1
    assert transforms._thickened(dot, 0).sum() == 1
    assert transforms._thickened(dot, 1).sum() == 5
    assert transforms._thickened(dot, np.sqrt(2)).sum() == 9
    assert transforms._thickened(dot, 2).sum() == 13
    assert transforms._thickened(dot, 0.5).sum() == pytest.approx(3)
    assert transforms._thickened(1 - dot, -1).sum() == 81 - 5


def test_moved_images_move_one_latent_at_a_time_in_its_own_unit():
    def decode(z):
        return np.broadcast_to(z.sum(1)[:, None, None], (len(z), 2, 2)) + 10 * z[:, :1, None]

    z = np.array([[0.0, 0], [1, 2], [3, 4]])
    before, after = moved_images(decode, z, np.array([-1.0, 2]), np.array([0.5, 3]))
    assert before[:, 0, 0].tolist() == [0, 13, 37]
    assert after.shape == (2, 2, 3, 2, 2)
    assert (after[0, :, :, 0, 0] - before[:, 0, 0]).tolist() == [[-5.5] * 3, [11] * 3]
    assert (after[1, :, :, 0, 0] - before[:, 0, 0]).tolist() == [[-3] * 3, [6] * 3]


@pytest.mark.parametrize(
    ("before", "after", "moves", "named"),
    [
        (np.zeros((1, 8, 8)), np.zeros((1, 1, 1, 8, 8)), [1.0], r"\(1, 8, 8\)"),
        (np.zeros((3, 8, 8)), np.zeros((1, 2, 3, 8, 8)), [1.0], "with 1 moves"),
        (np.zeros((3, 8, 8)), np.zeros((1, 1, 2, 8, 8)), [1.0], "latents, moves, 3, 8, 8"),
        (np.zeros((3, 8, 8)), np.zeros((1, 1, 3, 8, 8)), [0.0], "move of 0"),
    ],
)
def test_refusals_name_what_is_wrong(before, after, moves, named):
    with pytest.raises(InputError, match=named):
        transform_dictionary(before, after, np.array(moves))
