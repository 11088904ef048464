"""The whole report from nothing, at the smallest scale: the real commands in a copy of the checkout."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.browser import browser, needs_browser, opened, own_errors  # noqa: F401
from tests.checkout import lay_checkout
from tests.looks import LOOKED, LOOKS, NAMED, OF_COLOUR, READ, SCROLLED, THEMES, found_wrong
from tests.page import Page, assert_links_lead_somewhere, assert_own_files
from vaelib.claims.ledger import CLAIMS
from vaelib.data.dataset import as_float, load_split, render
from vaelib.data.mnist import load_mnist
from vaelib.profiles import load_profile
from vaelib.report.build import page_runs
from vaelib.training.store import RunStore

PAGES = list(load_profile("smoke").pages)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of what makes the report, in a path that breaks careless commands; it imports itself."""
    folder = lay_checkout(tmp_path_factory.mktemp("checkout") / "a reader's {book} $é")
    stray = folder / ".venv/lib/package/notes.rst"  # packages ship texts, which are no pages of the book
    stray.parent.mkdir(parents=True)
    stray.write_text("A :ref:`broken` reference.\n")
    return folder


def vaelib(checkout: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "vaelib.cli", *words],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def html(checkout: Path) -> Path:
    said = vaelib(checkout, "book", "--profile", "smoke", "--jobs", "2")
    assert f"The book is ready: {checkout}/_build/html/index.html" in said
    return checkout / "_build" / "html" / "book"


@pytest.mark.parametrize("name", PAGES)
def test_a_chapter_is_in_the_book_and_its_figures_are_described(html, name):
    path = html / f"{name}.html"
    assert_own_files(path)
    page = Page(path)
    figures = re.findall(r'<figure class="align-\w+" id="(fig-[\w-]+)"', page.text)
    assert len(figures) == len(set(figures))
    least = {
        "intro": 0,
        "conclusion": 1,
        "metrics": 0,
        "house": 1,
        "demo": 1,
        "rotation_ranges": 1,
        "alternatives": 1,
    }
    assert len(figures) >= least.get(name, 2)
    assert page.text.count('class="caption-number"') == len(figures)
    assert page.text.count('class="provenance"') == len(figures)
    images = [alt for alt in page.alts if alt is not None and len(alt) >= 20]
    assert len(images) >= len(figures)
    assert "{glue:text}" not in page.text
    assert "Traceback" not in page.text


def test_every_link_between_pages_leads_somewhere(html):
    assert_links_lead_somewhere(html.parent)


def test_the_frame_loads_its_own_files_math_among_them(html):
    for path in (html.parent / "index.html", html / "bibliography.html", html / "summary.html"):
        assert_own_files(path)
    assert any("mathjax/tex-mml-chtml.js" in link for link in Page(html / "beta_study.html").loaded)
    fonts = html.parent / "_static/mathjax/output/chtml/fonts/woff-v2"
    assert len(list(fonts.glob("*.woff"))) == 23


def test_a_page_has_one_search_box_and_no_launch_buttons(html):
    text = (html / "results.html").read_text()
    assert text.count("search-button-field") == 1
    for service in ("mybinder", "colab", "github.com", "initthebe"):
        assert service not in text.lower(), service


def test_a_citation_shows_its_source_under_the_pointer_and_the_list_says_what_was_checked(html):
    found = re.findall(
        r'class="bibtex-citation".*?<a [^>]*title="([^"]+)"', (html / "beta_study.html").read_text()
    )
    assert any("learning basic visual concepts" in title for title in found)
    assert re.search(r"entries were\s+checked", (html / "bibliography.html").read_text())


def test_a_figure_names_the_command_that_redraws_it_and_twins_have_labels_of_their_own(html):
    for name, command in (("results", "-p profile smoke"), ("results_article", "-p arch article")):
        text = (html / f"{name}.html").read_text()
        assert re.search(rf"vaelib notebook results [^<]*{command}", text), name
    assert 'id="fig-loss"' in (html / "results.html").read_text()
    assert 'id="fig-loss-results-article"' in text


def test_a_figure_is_had_as_a_drawing_and_as_numbers_and_names_its_runs(html):
    page = Page(html / "comparison.html").text
    (line,) = re.findall(r'<div class="provenance">.*?fig-networks-plane.svg.*?</div>', page, re.DOTALL)
    assert re.search(r"drawn from (\d+ runs|<code>)", line)
    assert 'drawn by <a href="../_code/plots/' in line
    folder = html.parent / "_files" / "comparison"
    assert {"comparison.py", "comparison.ipynb", "fig-networks-plane.svg"} <= {
        f.name for f in folder.iterdir()
    }
    table = pd.read_csv(folder / "fig-networks-plane.csv")
    assert len(table) > 0
    assert np.isfinite(table["x"]).any()


def test_the_first_page_answers_in_numbers_and_leads_to_every_claim(html):
    markup = (html / "intro.html").read_text()
    text = " ".join(re.sub(r"<[^>]+>", "", markup).split())
    assert "profile smoke" in text
    assert re.search(r"\d+\.\d of the 10 latents of the article.s network .{,40}follow", text)
    assert markup.count('<li class="undecided"><a href="conclusion.html">') == len(CLAIMS)
    assert 'class="hero" role="img"' in markup


def test_every_claim_has_a_verdict_and_every_score_its_baselines(html):
    markup = (html / "conclusion.html").read_text()
    text = " ".join(re.sub(r"<[^>]+>", " ", markup).split()).replace("&gt;", ">")
    verdicts = re.findall(r"(supported|refuted|undecided) needs >= \d [^;]*; [^;]*?n = \d", text)
    assert verdicts == ["undecided"] * len(CLAIMS)  # one seed decides nothing, and each row says so
    for title in ("PCA-10", "ICA-10", "untrained", "supervised", "random axes"):
        assert title in text


def test_nothing_is_done_twice_and_an_edit_redoes_its_chapter_alone(html, checkout):
    assert "Nothing to do" in vaelib(checkout, "book", "--profile", "smoke")
    with (checkout / "book" / "results.py").open("a") as chapter:
        chapter.write("\n# %% [markdown]\n# One more sentence.\n")
    said = vaelib(checkout, "book", "--profile", "smoke")
    begun = sorted(re.findall(r"begin (\S+ \S+)", said))
    assert begun == ["book html", "page results", "page results_article"]
    assert re.search(r"page results +changed: book/results.py", said)
    assert "One more sentence." in (html / "results.html").read_text()


def test_a_chapter_with_other_parameters_is_a_page_of_its_own(html, checkout):
    given = ["-p", "profile", "smoke", "-p", "beta", "1", "-p", "n_samples", "12"]
    said = vaelib(checkout, "notebook", "results", *given, "--out", str(checkout / "mine"))
    notebook, page = (Path(line) for line in said.strip().splitlines()[-2:])
    assert notebook.exists()
    assert_own_files(page)
    text = page.read_text()
    assert "n_samples = 12" in text
    assert text.count('<svg role="img"') >= 2


@pytest.fixture
def demo(browser, html):  # noqa: F811
    page = opened(browser, (html / "demo.html").as_uri())
    page.wait_for_selector("#vae-demo[data-ready]")
    yield page
    assert own_errors(page) == []
    assert all(address.startswith(("file:", "data:", "blob:")) for address in page.asked)
    page.context.close()


def sliders(page, place: str) -> list[float]:
    """Return where the latents of one of the two networks stand, in their order on the page."""
    inputs = f'[aria-label="{place} network"] .latent input'
    return page.eval_on_selector_all(inputs, "(found) => found.map((input) => Number(input.value))")


def image(page, place: str) -> str:
    drawn = f'[aria-label="{place} network"] .pair figure + figure canvas'
    return page.eval_on_selector(drawn, "(canvas) => canvas.toDataURL()")


@needs_browser
def test_the_demo_shows_what_the_networks_say_of_a_turned_digit(demo, checkout):
    profile = load_profile("smoke")
    specs = page_runs(profile, profile.pages["demo"])
    fours = load_split(specs[0], "test").factors.query("digit == 4 and not rotated")
    digit = load_mnist("test").images[[fours["index"].iloc[0]]]
    demo.get_by_role("button", name="digit 4, number 1").click()
    for degrees in (0, 35):
        demo.get_by_label("turn of the digit").fill(str(degrees))
        demo.wait_for_timeout(300)
        for place, spec in zip(("first", "second"), specs, strict=False):
            x = as_float(render(digit, np.array([degrees]), spec.image_size))
            with torch.inference_mode():
                code = RunStore(checkout / "runs").get(spec).model.encode(x)[0][0]
            assert sorted(sliders(demo, place)) == pytest.approx(sorted(code.tolist()), abs=0.02)


@needs_browser
def test_the_demo_by_keyboard_by_drawing_and_at_random(demo):
    first, before = demo.locator('[aria-label="first network"]'), image(demo, "first")
    first.locator(".latent input").first.focus()
    for _ in range(60):
        demo.keyboard.press("ArrowRight")
    demo.wait_for_timeout(200)
    assert image(demo, "first") != before
    before = sliders(demo, "second")
    demo.locator("canvas.pad").scroll_into_view_if_needed()
    pad = demo.locator("canvas.pad").bounding_box()
    demo.mouse.move(pad["x"] + 70, pad["y"] + 20)
    demo.mouse.down()
    demo.mouse.move(pad["x"] + 60, pad["y"] + 120, steps=8)
    demo.mouse.up()
    demo.wait_for_timeout(300)
    assert sliders(demo, "second") != before
    assert "the digit you drew" in first.locator("canvas").first.get_attribute("aria-label")
    before = sliders(demo, "first")
    first.get_by_role("button", name="random point").click()
    assert sliders(demo, "first") != before
    first.locator("select").select_option(label="our network, β = 1")
    demo.wait_for_timeout(1000)
    assert "our network" in demo.get_by_role("status").text_content()


@needs_browser
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_demo_can_be_read_by_everyone(browser, html, mode):  # noqa: F811
    page = opened(browser, (html / "demo.html").as_uri(), script=f"localStorage.setItem('mode', '{mode}')")
    page.wait_for_selector("#vae-demo[data-ready]")
    assert found_wrong(page, "#vae-demo") == set()
    page.context.close()


@needs_browser
def test_every_page_can_be_read_by_everyone(browser, html):  # noqa: F811
    """Light, dark, wide, narrow: axe finds nothing, text of figures has 11 pixels and 4.5 : 1, tables fit."""
    for path in sorted(html.glob("*.html")):
        page = opened(browser, path.as_uri())
        page.add_style_tag(content="* { transition: none !important; }")
        assert page.evaluate(SCROLLED) == [], path.stem
        for width in (1200, 400):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path.stem
            page.wait_for_function(NAMED)
            for theme in ("light", "dark"):
                page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
                found = page.evaluate(READ)
                assert all(figure["text"] >= 11 for figure in found), (path.stem, found)
                assert all(figure["contrast"] >= 4.5 for figure in found), (path.stem, theme, found)
        # What is inside a drawing was just looked at, and a reader's software sees its description alone.
        page.evaluate(
            "document.querySelectorAll('.drawn svg').forEach((drawing) => drawing.replaceChildren())"
        )
        for theme in ("dark", "light"):
            page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
            page.evaluate(LOOKS)
            assert found_wrong(page, LOOKED, runOnly=OF_COLOUR) == set(), path.stem
        rest = {rule: {"enabled": False} for rule in OF_COLOUR}
        assert found_wrong(page, rules=rest) <= THEMES, path.stem
        page.context.close()


@needs_browser
def test_the_demo_fits_a_phone_and_is_on_its_page_alone(browser, html):  # noqa: F811
    page = opened(browser, (html / "demo.html").as_uri(), width=400)
    page.wait_for_selector("#vae-demo[data-ready]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.context.close()
    others = [path for path in html.glob("*.html") if "vae-demo" in path.read_text() and path.stem != "demo"]
    assert others == []


@needs_browser
def test_math_is_typeset_in_a_browser_without_a_network(browser, html):  # noqa: F811
    page = opened(browser, (html / "beta_study.html").as_uri())
    page.wait_for_selector("mjx-container")
    assert page.locator("mjx-merror").count() == 0
    assert all(address.startswith(("file:", "data:", "blob:")) for address in page.asked)
    page.context.close()
