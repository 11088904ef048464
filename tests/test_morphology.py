"""The factors of strokes are those they were drawn with; digits measure as published; the table is whole."""

import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.figure import assert_transparent_and_drawn
from vaelib.data import mnist
from vaelib.data import morphology as factors
from vaelib.data.dataset import render
from vaelib.data.morphology import MORPHOLOGY, measure, morphometrics
from vaelib.errors import InputError
from vaelib.plots.factors import factor_distributions

IMAGES = arrays.arrays(np.uint8, (12, 12)).map(lambda patch: np.pad(patch, 8))
"""Anything at all, amid as much room as a digit has."""


def measure_one(image):
    return measure(np.asarray(image)[None], progress=False).loc[0].to_dict()


def bar(thickness: float, height: int, lean: float = 0.0) -> np.ndarray:
    """Draw an upright bar whose rows are moved so that it leans right by `lean` degrees, by area covered."""
    edges = np.arange(29)
    image = np.zeros((28, 28))
    top = 14 - height // 2
    for row in range(top, top + height):
        left = 14 - thickness / 2 + np.tan(np.radians(lean)) * (top + height / 2 - row - 0.5)
        covered = np.clip(edges, left, left + thickness)
        image[row] = np.diff(covered)
    return (255 * image).round().astype(np.uint8)


@given(thickness=st.sampled_from([2, 4, 6]), height=st.sampled_from([14, 18, 20]))
def test_an_upright_bar_measures_as_drawn(thickness, height):
    found = measure_one(bar(thickness, height))
    assert found["slant"] == 0
    # Of an even mass, 2 % are 2 % of its length.
    assert found["width"] == pytest.approx(0.98 * thickness)
    assert found["height"] == pytest.approx(0.98 * height)
    # Bicubic enlargement rounds the corners: each loses at most 4 of the 16 parts of a pixel.
    assert thickness * height - 1 <= found["area"] <= thickness * height
    # The skeleton is the bar's middle line, half a thickness short at both ends, give or take two of its
    # pixels an end. The distances are exact but for those ends.
    assert found["length"] == pytest.approx(height - thickness, abs=1)
    assert found["thickness"] == pytest.approx(thickness, abs=0.25)


@given(lean=st.floats(-40, 40), thickness=st.floats(2, 4))
def test_a_sheared_bar_has_the_slant_of_its_shear_and_keeps_its_sides(lean, thickness):
    found = measure_one(bar(thickness, 18, lean))
    # Rows are moved in whole pixels up to the grey of their ends, and grey is rounded to 1/255.
    assert found["slant"] == pytest.approx(lean, abs=0.5)
    assert found["height"] == pytest.approx(0.98 * 18, abs=0.1)
    # A grey pixel's mass spreads over all of it: the bar is wider by less than a pixel a side.
    assert 0.98 * thickness - 0.1 <= found["width"] <= 0.98 * thickness + 2
    # Across the stroke, a leaning bar is thinner by the cosine; none of 20,865 on a grid is off by over 0.59.
    assert found["thickness"] == pytest.approx(thickness * np.cos(np.radians(lean)), abs=0.65)


@pytest.mark.parametrize("angle", [5.0, 10.0, 20.0, -15.0])
def test_turning_counter_clockwise_leans_left_and_makes_the_slant_smaller(angle):
    turned = render(bar(2, 18)[None], np.array([angle]), 28)[0, 0].numpy()
    columns = np.arange(28)
    top, bottom = ((columns * turned[row]).sum() / turned[row].sum() for row in (7, 20))
    assert (top < bottom) == (angle > 0)
    assert measure_one(turned)["slant"] == pytest.approx(-angle, abs=0.5)


@pytest.mark.parametrize(("angle", "times"), [(0, 1), (45, np.sqrt(2))])
def test_the_length_of_a_diagonal_is_that_of_its_steps(angle, times):
    line = np.eye(20, dtype=bool) if angle else np.eye(1, 20, dtype=bool).T | np.ones((20, 1), dtype=bool)
    assert factors._length(line) == pytest.approx(19 * times)


def test_a_corner_is_not_cut():
    assert factors._length(np.array([[1, 0], [1, 1]], dtype=bool)) == 2


@given(image=IMAGES, down=st.integers(-8, 8), right=st.integers(-8, 8))
def test_moving_the_image_changes_nothing(image, down, right):
    assume(image.any())
    here, there = measure_one(image), measure_one(np.roll(image, (down, right), (0, 1)))
    exact = ("thickness", "slant", "length", "area")
    assert [there[name] for name in exact] == [here[name] for name in exact]
    assert there == pytest.approx(here, abs=1e-6)


@given(image=IMAGES.map(lambda p: p // 3), times=st.integers(1, 2), more=st.integers(0, 80))
def test_another_contrast_changes_nothing(image, times, more):
    assume(image.any())
    assert measure_one(times * image + np.uint8(more)) == pytest.approx(measure_one(image))


@given(image=IMAGES)
def test_in_the_mirror_the_slant_alone_changes_its_sign(image):
    assume(image.any())
    here, there = measure_one(image), measure_one(image[:, ::-1])
    assert there["slant"] == pytest.approx(-here["slant"])
    assert [there[name] for name in ("width", "height", "area")] == pytest.approx(
        [here[name] for name in ("width", "height", "area")], abs=1e-6
    )


@given(image=IMAGES)
def test_any_image_with_ink_has_six_finite_factors_within_its_frame(image):
    assume(image.any())
    found = measure_one(image)
    assert tuple(found) == MORPHOLOGY
    assert np.isfinite(list(found.values())).all()
    assert 0 < found["thickness"] <= 14
    assert -90 < found["slant"] < 90
    assert 0 < found["height"] <= 28
    assert found["width"] > 0
    assert found["length"] >= 0
    assert 0 < found["area"] <= 14 * 14


def test_a_single_pixel_has_factors_too():
    dot = np.zeros((28, 28), dtype=np.uint8)
    dot[3, 5] = 200
    found = measure_one(dot)
    assert found["slant"] == 0
    assert found["width"] == found["height"] == pytest.approx(0.98)
    assert found["area"] == pytest.approx(1, abs=0.5)


PUBLISHED = pd.DataFrame(
    [
        [2.1106, 4.0662, 15.1243, 19.6207, 36.2561, 71.1875],
        [2.6501, -9.9629, 17.5939, 19.8462, 43.5490, 113.0625],
        [1.8666, 16.6383, 3.6797, 19.7047, 22.5459, 39.2500],
        [3.4805, 4.1467, 14.7127, 19.0331, 45.2487, 146.8125],
        [1.9515, -7.3782, 14.9195, 18.7916, 44.1703, 75.2500],
        [2.5627, 16.9589, 4.4132, 19.2832, 22.3995, 53.8125],
    ],
    columns=MORPHOLOGY,
)
"""The first six test digits in the table that the authors of Morpho-MNIST published."""


def test_digits_measure_as_published_but_for_the_skeleton(test_digits):
    found = measure(test_digits.images[:6], progress=False)
    differ = (found - PUBLISHED).abs()
    assert differ["slant"].max() < 0.1  # degrees
    assert differ[["width", "height"]].max().max() < 0.5  # pixels; they enlarge with some blur
    assert (differ["area"] / PUBLISHED["area"]).max() < 0.02
    assert (differ["thickness"] / PUBLISHED["thickness"]).max() < 0.06
    assert (differ["length"] / PUBLISHED["length"]).max() < 0.12  # the branches of their medial axis


def test_the_test_digits_are_as_thick_and_slanted_as_published(test_digits):
    # Every tenth: writers of the file's second half slant by 9 degrees more than those of its first.
    found = measure(test_digits.images[::10], progress=False, workers=1)
    mean = pd.Series([2.691, 5.040, 13.066, 19.121, 42.860, 104.474], index=MORPHOLOGY)
    sd = pd.Series([0.700, 14.032, 3.858, 1.131, 11.224, 34.645], index=MORPHOLOGY)
    three_errors = 3 * sd / np.sqrt(len(found))
    recipe = pd.Series([0.1, 0.1, 0.4, 0.2, 2.0, 0.5], index=MORPHOLOGY)
    assert ((found.mean() - mean).abs() < three_errors + recipe).all()
    assert (found.std() / sd - 1).abs().max() < 0.1


def test_rows_depend_neither_on_processes_nor_on_their_company(test_digits):
    images = test_digits.images[: factors.CHUNK + 20]
    here = measure(images, progress=False, workers=1)
    assert tuple(here.columns) == MORPHOLOGY
    assert (here.dtypes == np.float64).all()
    pd.testing.assert_frame_equal(measure(images, progress=False, workers=2), here, check_exact=True)
    assert measure_one(images[260]) == here.loc[260].to_dict()


def test_progress_is_shown_where_it_is_asked_for(test_digits, capsys):
    measure(test_digits.images[:3], workers=1)
    assert "/3 [" in capsys.readouterr().err
    measure(test_digits.images[:3], progress=False, workers=1)
    assert capsys.readouterr() == ("", "")


def test_no_images_give_no_rows():
    table = measure(np.zeros((0, 28, 28), dtype=np.uint8), progress=False)
    assert table.shape == (0, 6)
    assert tuple(table.columns) == MORPHOLOGY


@pytest.mark.parametrize("grey", [0, 255])
def test_a_image_without_ink_is_refused_by_its_number(test_digits, grey):
    images = test_digits.images[:5].copy()
    images[3] = grey
    with pytest.raises(InputError, match="image 3 has no ink"):
        measure(images, progress=False)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.ones((2, 28, 28)), r"float64 \(2, 28, 28\).*uint8 images \(N, H, H\)"),
        (np.ones((28, 28), dtype=np.uint8), r"uint8 \(28, 28\)"),
        (np.ones((2, 28, 27), dtype=np.uint8), r"uint8 \(2, 28, 27\)"),
    ],
)
def test_images_of_another_kind_are_refused(images, said):
    with pytest.raises(InputError, match=said):
        measure(images, progress=False)


def test_no_workers_are_refused(test_digits):
    with pytest.raises(InputError, match="workers 0"):
        measure(test_digits.images[:2], workers=0)


class Meter:
    """Measures as `measure` does and remembers how many images at a time."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def __call__(self, images: np.ndarray, progress: bool) -> pd.DataFrame:
        self.counts.append(len(images))
        return measure(images, progress)


@pytest.fixture
def meter(test_digits, monkeypatch) -> Meter:
    meter = Meter()
    monkeypatch.setattr(factors, "load_mnist", lambda split: test_digits)
    monkeypatch.setattr(factors, "measure", meter)
    return meter


def table_of(folder: Path) -> Path:
    (table,) = folder.glob("*.csv")
    return table


def test_rows_come_in_the_order_asked_for_and_are_measured_once(meter, test_digits, tmp_path):
    wanted = np.array([7, 3, 7, 9_999])
    found = morphometrics("test", wanted, tmp_path, progress=False)
    expected = measure(test_digits.images[wanted], progress=False)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    pd.testing.assert_frame_equal(morphometrics("test", wanted[:2], tmp_path), expected[:2], check_exact=True)
    assert meter.counts == [3]


def test_digits_new_to_the_table_are_added(meter, test_digits, tmp_path):
    morphometrics("test", np.arange(4), tmp_path, progress=False)
    found = morphometrics("test", np.arange(6)[::-1], tmp_path, progress=False)
    expected = measure(test_digits.images[5::-1], progress=False)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    morphometrics("test", np.arange(6), tmp_path)
    assert meter.counts == [4, 2]


def test_no_digits_need_no_table(meter, tmp_path):
    assert morphometrics("test", np.array([], dtype=int), tmp_path).shape == (0, 6)
    assert meter.counts == []


@settings(max_examples=30)
@given(data=st.data())
def test_any_damage_to_the_table_is_noticed_and_mended(data, test_digits):
    wanted = np.arange(3)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        meter, folder = Meter(), Path(name)
        patch.setattr(factors, "load_mnist", lambda split: test_digits)
        patch.setattr(factors, "measure", meter)
        expected = morphometrics("test", wanted, folder, progress=False)
        table = table_of(folder)
        whole = table.read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
        table.write_bytes(whole[:at] if data.draw(st.booleans()) else flipped)
        found = morphometrics("test", wanted, folder, progress=False)
        assert table.read_bytes() == whole
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert meter.counts == [3, 3]


def test_damage_is_reported_and_a_table_under_another_name_is_no_table(meter, tmp_path, monkeypatch, caplog):
    morphometrics("test", np.arange(3), tmp_path, progress=False)
    old = table_of(tmp_path)
    monkeypatch.setattr(factors, "RECIPE", factors.RECIPE + 1)
    old.rename(factors._table_path("test", tmp_path))
    with caplog.at_level(logging.WARNING):
        morphometrics("test", np.arange(3), tmp_path, progress=False)
    assert "is damaged; measuring its digits again" in caplog.text
    assert meter.counts == [3, 3]


def test_another_recipe_or_file_of_digits_has_another_table(tmp_path, monkeypatch):
    paths = {factors._table_path(split, tmp_path) for split in ("train", "test")}
    monkeypatch.setattr(factors, "RECIPE", factors.RECIPE + 1)
    paths.add(factors._table_path("test", tmp_path))
    monkeypatch.setattr(factors, "SHA256", dict.fromkeys(mnist.SHA256, "0" * 64))
    paths.add(factors._table_path("test", tmp_path))
    assert len(paths) == 4


def test_the_table_is_cached_beside_mnist(meter, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    morphometrics("test", np.arange(2), progress=False)
    assert table_of(tmp_path / "vaelib" / "mnist").name.startswith("t10k-factors-")


def test_a_folder_that_cannot_be_written_is_an_input_error(meter, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written.*XDG_CACHE_HOME"):
        morphometrics("test", np.arange(2), tmp_path / "file", progress=False)


@pytest.mark.parametrize(
    ("split", "indices", "said"),
    [
        ("val", [0], "accepted: train, test"),
        ("test", [0, 10_000], "test digit 10000 does not exist; accepted: 0 to 9999"),
        ("test", [-1], "test digit -1"),
        ("test", [0.0], r"float64 indices \(1,\)"),
        ("test", [[0]], r"indices \(1, 1\)"),
    ],
)
def test_digits_that_are_not_there_are_refused(meter, tmp_path, split, indices, said):
    with pytest.raises(InputError, match=said):
        morphometrics(split, np.array(indices), tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


MEASURER = """
import sys
from pathlib import Path
import numpy as np
from vaelib.data.morphology import morphometrics
folder, first = Path(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + 15):
    morphometrics("test", np.arange(number, number + 5), folder, progress=False)
assert "torch" not in sys.modules
"""


def test_two_processes_may_fill_the_table_at_once(tmp_path, test_digits):
    both = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", MEASURER, str(tmp_path), str(first)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for first in (0, 8)
    ]
    assert [process.communicate()[1] for process in both] == ["", ""]
    table = factors._read(table_of(tmp_path))
    expected = measure(test_digits.images[:27], progress=False)
    pd.testing.assert_frame_equal(
        table, expected, check_exact=True, check_names=False, check_index_type=False
    )


def test_the_figure_is_drawn_for_any_share_of_the_digits():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(10, 2, (200, 6)), columns=MORPHOLOGY)
    every, few = rng.permutation(np.arange(200) % 10), np.where(np.arange(200) == 0, 1, 8)
    for digits in (every, few):
        figure = factor_distributions(table, digits)
        assert_transparent_and_drawn(figure)
        assert [ax.get_title().split(",")[0] for ax in figure.axes] == list(MORPHOLOGY)
