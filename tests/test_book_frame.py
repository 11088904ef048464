"""The frame of the book: its contents, its prose, and what every figure is described by."""

import ast
import re
from pathlib import Path

import jupytext
import pytest
import yaml

from vaelib.profiles import EXPERIMENTS, ROOT

BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("*.py"))


def test_the_contents_are_the_pages_of_the_experiments():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = set(re.findall(r"file: book/(\w+)", (ROOT / "_toc.yml").read_text()))
    assert toc["root"] == "book/intro"
    texts = {"bibliography", "clusters", "faults", "summary", "resume", "glossary"}
    assert listed | {"intro"} == set(yaml.safe_load(EXPERIMENTS.read_text())["pages"]) | texts


SLIDES = (
    "Présentation", "Base de données", "β-VAE", "Étude : explorer impact de beta", "Architecture du VAE",
    "de l'article", "Notre architecture", "Résultat", "Résultats obtenus avec notre architecture proposée",
    "Visualisation de l'espace latent", "Espace latent", "Capture des facteurs de variation",
    "à partir d'un point aléatoire", "à partir de l'encodage d'images", "dimensions 1, 6",
    "Pour résumer", "Comparaison avec l'architecture de l'article", "dimensions 1, 7, 9",
    "Pour conclure", "Possibilité d'ajout", "Démo",
)  # fmt: skip
"""The titles of the presentation's slides."""


@pytest.mark.parametrize("slide", SLIDES)
def test_every_slide_leads_to_its_chapter(slide):
    rows = [line for line in (BOOK / "intro.py").read_text().splitlines() if line.startswith("# | {doc}")]
    assert any(slide in row.rpartition("|")[0].rpartition("|")[2] for row in rows)


PRIVATE = (
    "ledger",
    "reckon",
    "framed",
    "a deck",
    "nobody told",
    "knows everything",
    "the told",
    "inner levels",
)
"""Words that a reader cannot know, or that say it crookedly."""


@pytest.mark.parametrize(
    "path", [*CHAPTERS, *BOOK.glob("*.md"), ROOT / "README.md"], ids=lambda path: path.stem
)
def test_the_prose_has_no_private_words(path: Path):
    prose = (
        " ".join(cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown")
        if path.suffix == ".py"
        else path.read_text()
    )
    prose = re.sub(r"`[^`]*`", "", prose)
    assert [word for word in PRIVATE if word in prose] == []
    assert not re.search(r"\b(?:seeds? a value|job a core|a row a|a panel a|digits? each a)\b", prose)


def _functions_that_draw() -> set[str]:
    """Names of the functions of `vaelib.plots` that return a figure, and pyplot's own ways to make one."""
    names = {"show", "subplots", "figure"}
    for path in (ROOT / "src" / "vaelib" / "plots").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.returns and "Figure" in ast.unparse(node.returns):
                names.add(node.name)
    return names


def _calls(source: str) -> set[str]:
    """Names of the functions that a cell calls, without what they hang on; magics are skipped."""
    plain = "\n".join(line for line in source.splitlines() if not line.startswith("%"))
    calls = [node.func for node in ast.walk(ast.parse(plain)) if isinstance(node, ast.Call)]
    return {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls}


def _lacking(cell: dict) -> list[str]:
    """Return what a cell that draws lacks: a figure's name, caption, alt text, code out of sight."""
    settings = cell.metadata.get("mystnb", {})
    figure, alt = settings.get("figure", {}), settings.get("image", {}).get("alt", "")
    if cell.cell_type != "code" or not (figure or _calls(cell.source) & _functions_that_draw()):
        return []
    good = {
        "a name that starts with fig-": figure.get("name", "").startswith("fig-"),
        "a caption": len(figure.get("caption", "")) >= 20,
        "an alt text": len(alt) >= 20,
        "the tag hide-input": "hide-input" in cell.metadata.get("tags", []),
    }
    return [what for what, there in good.items() if not there]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_cells_that_draw_describe_their_figure(path: Path):
    for cell in jupytext.read(path).cells:
        assert not _lacking(cell), f"a figure of {path.name} lacks {_lacking(cell)}: {cell.source[:200]}"


def test_a_figure_that_is_not_described_is_noticed():
    bare = jupytext.reads("# %%\nfig, ax = plt.subplots()\n", fmt="py:percent").cells[0]
    assert len(_lacking(bare)) == 4
    described = (
        '# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-a", "caption": "What the image shows."}, '
        '"image": {"alt": "A line that rises from zero."}}\nfig, ax = plt.subplots()\n'
    )
    assert not _lacking(jupytext.reads(described, fmt="py:percent").cells[0])
    assert not _lacking(jupytext.reads("# %%\nplots.helper()\n", fmt="py:percent").cells[0])
