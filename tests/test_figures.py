"""A drawing in a page: described, in the ink of the text, the same bytes whenever it is drawn."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vaelib.plots.images import image_grid
from vaelib.plots.style import INK, new_figure, one_legend
from vaelib.plots.training import kl_over_epochs
from vaelib.report.figures import inlined, with_files
from vaelib.report.hero import turning_digit, verdict_strip
from vaelib.report.motion import TILE, moving_traversals


def drawing(last: float = 2.0) -> str:
    history = pd.DataFrame({"epoch": [1, 2], "val_kl_1": [1.0, last], "val_kl_2": [0.5, 0.1]})
    return kl_over_epochs(history)._repr_svg_()


def test_the_same_drawing_is_the_same_bytes_and_says_nothing_of_its_making():
    assert drawing() == drawing()
    assert not re.search(r"<dc:date>|matplotlib v", drawing(), re.IGNORECASE)


def test_a_drawing_in_a_page_is_described_and_has_the_ink_of_the_text():
    assert INK in drawing()
    page = inlined(drawing(), 'KL "of" <each> latent')
    assert INK not in page
    assert "currentColor" in page
    assert 'aria-label="KL &quot;of&quot; &lt;each&gt; latent"' in page
    ElementTree.fromstring(page.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def test_names_inside_a_drawing_are_its_own_and_every_one_is_found():
    first, second = (inlined(drawing(last), "a") for last in (2.0, 3.0))
    found = [set(re.findall(r' id="([^"]+)"', page)) for page in (first, second)]
    assert found[0]
    assert not found[0] & found[1]
    for page, ids in zip((first, second), found, strict=True):
        assert set(re.findall(r'(?:url\(#|href="#)([\w-]+)', page)) == ids


def test_images_in_a_drawing_are_small():
    """A grid of 100 grey images of 32 pixels takes two bytes a pixel, not the five of colour."""
    grey = np.random.default_rng(0).uniform(0, 1, (10, 10, 32, 32))
    assert len(image_grid(grey)._repr_svg_()) < 2 * grey.size


def test_images_of_a_drawing_may_be_files_beside_the_page(tmp_path):
    page = inlined(image_grid(np.eye(8).reshape(1, 1, 8, 8))._repr_svg_(), "an image")
    text = with_files(page, tmp_path / "_images", "../_images")
    (name,) = re.findall(r'href="\.\./_images/([0-9a-f]{16}\.png)"', text)
    assert Image.open(tmp_path / "_images" / name).size == (8, 8)
    assert "base64" not in text


@pytest.mark.parametrize("n", [1, 4, 12])
def test_a_legend_is_as_wide_as_fits(n):
    figure = new_figure(width=3.0)
    for k in range(n):
        figure.axes[0].plot([0, 1], label=f"a rather long label {k}")
    one_legend(figure)
    (legend,) = figure.legends
    assert legend.get_window_extent().width <= figure.bbox.width
    assert len(legend.get_texts()) == n


def test_the_hero_steps_through_all_angles_there_and_back_and_stands_still_when_asked():
    angles = np.linspace(-90, 90, 5)
    images = np.random.default_rng(0).uniform(0, 1, (5, 8, 8))
    plain, posed = np.random.default_rng(1).normal(size=(2, 5, 3))
    posed[:, 0] = angles
    markup = turning_digit(images, angles, plain, posed, ("plain", "posed"))
    frames = re.search(
        r"@keyframes hero-needle \{(.*?)\} \.|@keyframes hero-needle \{(.*?)\}\s*\.hero", markup, re.DOTALL
    )
    turns = [float(turn) for turn in re.findall(r"rotate\((-?[\d.]+)deg\)", (frames[1] or frames[2]))]
    assert turns == [90, 45, 0, -45, -90, -45, 0, 45, 90]  # CSS turns clockwise
    assert "prefers-reduced-motion: reduce" in markup
    assert 'role="img"' in markup
    assert markup.count("<circle") == 3 + 2 + 1  # latents of either network, and the dial


def test_traversals_move_there_and_back_and_stand_still_at_their_last_image_when_asked():
    panels = np.random.default_rng(0).uniform(0, 1, (2, 6, 4, 8, 8))
    markup = moving_traversals(panels, ["the article's <network>", "ours"]).data
    assert markup.count("<image") == 2 * 6
    shown = re.search(r"@keyframes loop-frames \{(.*?)\}\.loop", markup)[1]
    places = [int(x) // -TILE for x in re.findall(r"translateX\((-?\d+)px\)", shown)]
    assert places == [0, 1, 2, 3, 2, 1, 0]
    assert f".loop .frames {{ transform: translateX({-3 * TILE}px)" in markup
    assert "prefers-reduced-motion: reduce" in markup
    ElementTree.fromstring(markup.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def test_the_strip_has_each_verdict_in_a_word_and_a_sign():
    judged = pd.DataFrame(
        {
            "claim": ["C1", "C2"],
            "network": ["ours", "both"],
            "statement": ["a < b", "c"],
            "verdict": ["refuted", "supported"],
        }
    )
    text = re.sub(r"<[^>]+>", "", verdict_strip(judged))
    assert text == "C1 our network: a &lt; b ✗ refutedC2 both networks: c ✓ supported"
