import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vaelib.metrics.distances import distances_when_turned, relative_distances, squared_distances
from vaelib.metrics.statistics import crossing
from vaelib.report.prose import direction

SMALL = st.floats(-5, 5)


@given(arrays(float, (4, 3), elements=SMALL))
def test_squared_distances_are_those_of_the_definition(images):
    by_hand = ((images[:, None] - images[None]) ** 2).sum(-1)
    np.testing.assert_allclose(squared_distances(images), by_hand, atol=1e-9)


def two_labels():
    """One pixel, two labels: images 0, 2, … 10 and 20, 22, … 30; change k moves every one by k."""
    images = np.array([*range(0, 12, 2), *range(20, 32, 2)], dtype=float)[:, None]
    return images, np.repeat([0, 1], 6), np.tile([0.0, 1.0, 4.0], (12, 1))


def test_relative_distances_of_two_labels():
    images, labels, changed = two_labels()
    table = relative_distances(changed, squared_distances(images), labels, draws=20)
    different = np.mean([(20 + 2 * a - 2 * b) ** 2 for a in range(6) for b in range(6)])
    same = np.mean([(2 * a - 2 * b) ** 2 for a in range(6) for b in range(6) if a != b])
    assert table["ratio"].tolist() == pytest.approx([0, 1 / different, 4 / different, same / different])
    assert table.index.tolist() == [0, 1, 2, "same label"]


def test_a_half_turn_is_a_flip_of_both_axes_and_no_turn_moves_nothing():
    digits, labels = np.random.default_rng(0).random((12, 6, 6)), np.arange(12) % 3
    images, flipped = digits.reshape(12, -1), digits[:, ::-1, ::-1].reshape(12, -1)
    moved = np.stack([np.zeros(12), ((images - flipped) ** 2).sum(1)], axis=1)
    expected = relative_distances(moved, squared_distances(images), labels)
    table = distances_when_turned(
        lambda angle: np.rot90(digits, round(angle / 90), axes=(1, 2)).reshape(12, -1),
        labels,
        np.array([0, 180]),
    )
    np.testing.assert_allclose(table, expected)


def test_the_interval_surrounds_the_ratio_and_narrows_with_more_images():
    rng = np.random.default_rng(0)
    widths = []
    for n in (40, 640):
        labels = np.arange(n) % 4
        images = rng.normal(size=(n, 5)) + labels[:, None]
        changed = rng.uniform(0, 2, size=(n, 2))
        table = relative_distances(changed, squared_distances(images), labels)
        assert ((table["low"] < table["ratio"]) & (table["ratio"] < table["high"])).all()
        widths.append(table["high"] - table["low"])
    assert (widths[1] < 0.5 * widths[0]).all()


@given(st.floats(0.1, 10))
def test_ratios_do_not_depend_on_the_unit_of_a_pixel(unit):
    images, labels, changed = two_labels()
    between = squared_distances(images)
    one = relative_distances(changed, between, labels, draws=20)
    other = relative_distances(unit * changed, unit * between, labels, draws=20)
    np.testing.assert_allclose(one, other)


def test_crossing_interpolates_finds_the_first_and_says_when_there_is_none():
    x = np.array([0.0, 10.0, 20.0, 30.0])
    assert crossing(x, np.array([0.0, 2.0, 0.0, 4.0]), 1.0) == 5.0
    assert crossing(x, np.array([3.0, 4.0, 5.0, 6.0]), 1.0) == 0.0
    assert np.isnan(crossing(x, np.array([0.0, 0.1, 0.2, 0.3]), 1.0))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1, 2, 3], "rises at every step"),
        ([3, 2, 1], "falls at every step"),
        ([1, 1, 2], "never falls"),
        ([2, 1, 1], "never rises"),
        ([1, 2, 1], "goes up and down"),
        ([1, 1], "does not change"),
        ([1], "does not change"),
    ],
)
def test_directions_in_words(values, words):
    assert direction(values) == words
