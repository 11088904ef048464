"""The house: wings show what they say, chapters import from them alone, the drawing is of what is there."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields

import jupytext
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.figure import assert_transparent_and_drawn
from vaelib.fingerprint import PACKAGE, imports, modules_behind, shown
from vaelib.plots import wings_on_floors
from vaelib.profiles import ROOT
from vaelib.report import house_figures, house_floors, house_imports, house_modules, house_wings, walks
from vaelib.report.elsewhere import in_words
from vaelib.report.house import MOVED_IN, computing_modules
from vaelib.report.parameters import defaults
from vaelib.spec import RunSpec

WINGS = ["vaelib", *(f"vaelib.{stub.parent.name}" for stub in sorted(PACKAGE.glob("*/__init__.pyi")))]
CHAPTERS = sorted((ROOT / "book").glob("*.py"))


def test_every_figure_of_a_chapter_leads_to_the_function_that_draws_it():
    table = house_figures()
    labels = {
        label
        for path in CHAPTERS
        for label in re.findall(r'"figure": \{"name": "([\w-]+)"', path.read_text())
    }
    assert set(table["figure"]) == labels
    for row in table.itertuples():
        assert f"def {row.function}(" in (PACKAGE / f"{row.module}.py").read_text()


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_shows_what_its_modules_have_under_names_that_are_no_modules(wing):
    package = importlib.import_module(wing)
    names = shown(wing)
    assert package.__all__ == sorted(names)
    for name, place in names.items():
        assert getattr(package, name) is getattr(importlib.import_module(place), name)
    inside = {path.stem for path in (PACKAGE / wing.partition(".")[2].replace(".", "/")).iterdir()}
    assert not set(names) & inside


def test_nothing_heavy_is_imported_before_it_is_asked_for():
    code = f"import sys; {'; '.join(f'import {wing}' for wing in WINGS)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_has_eight_imports_at_most_and_of_the_wings_public_names(chapter):
    tree = ast.parse(chapter.read_text(encoding="utf-8"))
    lines = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert len(lines) <= 8
    named = [line for line in lines if isinstance(line, ast.ImportFrom)]
    for line in (line for line in named if line.module.partition(".")[0] == "vaelib"):
        assert {alias.name for alias in line.names} <= set(shown(line.module))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_tells_and_the_library_computes(chapter):
    text = chapter.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 260
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            assert node.end_lineno - node.lineno < 5, getattr(node, "name", "lambda")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_asks_a_question_and_ends_with_its_answer(chapter):
    cells = [cell for cell in jupytext.read(chapter).cells if cell.cell_type == "markdown"]
    question = re.search(r"\*\*([^*]+\?)\*\*", cells[0].source)
    assert question, "no question in bold"
    if chapter.stem == "intro":  # the first page answers at once
        assert "{glue:text}`answer`" in cells[1].source
        return
    last = re.findall(r"^## (.+)$", "\n".join(cell.source for cell in cells), re.MULTILINE)[-1]
    assert last == "Answer"
    answer = next(cell.source for cell in cells if "## Answer" in cell.source).partition("## Answer")[2]
    bold = re.search(r"\*\*(.+?)\*\*", answer, re.DOTALL)
    assert bold, "no answer in bold"
    assert "{glue:text}" in bold[1], "an answer that is not computed"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_gives_the_names_of_its_parameters_to_nothing_else(chapter):
    # Its first cell would read another thing when it is executed again, as one does in Jupyter.
    text = chapter.read_text()
    own = [f.name for f in fields(RunSpec)]
    naming = set(defaults(chapter))
    if "runs(globals())" in text:  # whatever names runs
        naming |= {"also", *own, *(f"{name}s" for name in own), *(f"also_{name}" for name in own)}
    after = text.partition('tags=["parameters"]')[2].partition("# %%")[2]
    assert not set(stored(ast.parse(f"# %%{after}"))) & naming


def stored(node: ast.AST) -> Iterator[str]:
    """Yield the names that code stores where it stands: functions and comprehensions have their own."""
    if isinstance(node, ast.FunctionDef):
        yield node.name
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.comprehension | ast.Lambda):
            yield from stored(child)


def test_a_name_of_a_wing_stands_for_its_module_and_not_for_the_wing(tmp_path):
    source = tmp_path / "a.py"
    source.write_text("from vaelib.metrics import active_units\n")
    behind = {path.relative_to(PACKAGE).as_posix() for path in modules_behind(imports(source))}
    assert {"metrics/__init__.py", "metrics/dependence.py", "errors.py"} <= behind
    assert not {"metrics/prediction.py", "metrics/rotation.py"} & behind


def test_the_drawing_has_every_wing_and_its_lines_lead_down():
    modules, between = house_modules(), house_imports()
    floors = house_floors(between)
    assert set(floors) == set(modules["wing"]) == {*between.index, *between.columns}
    assert all(
        floors[wing] > floors[other] for wing, row in between.iterrows() for other in row.index[row > 0]
    )
    figure = wings_on_floors(modules, between, floors)
    assert_transparent_and_drawn(figure)
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert all(wing in words for wing in floors)


def test_a_circle_is_named():
    circle = pd.DataFrame([[0, 1], [1, 0]], index=["a", "b"], columns=["a", "b"])
    with pytest.raises(ValueError, match="circle: \\['a', 'b'\\]"):
        house_floors(circle)


def test_the_wings_have_the_lines_of_their_modules_beside_those_that_moved_in():
    table = house_wings(house_modules())
    assert set(table.index) == {*house_modules()["wing"], "all"}
    assert table.loc["all", "lines"] == house_modules()["lines"].sum()
    assert table.loc["all", "lines when they moved in"] == sum(MOVED_IN.values())


def test_from_a_figure_to_its_code_it_is_two_links_that_exist():
    labels = defaults(ROOT / "book" / "house.py")["walked"]
    items = re.findall(r"<li>(.*?)</li>", walks(labels).data)
    assert len(items) == len(labels) == 3
    for item in items:
        figure, drawn, computed = re.split(": drawn by |; its numbers by ", item)
        chapter, label = re.search(r'href="(\w+)\.html#([\w-]+)"', figure).groups()
        assert f'"name": "{label}"' in (ROOT / "book" / f"{chapter}.py").read_text()
        for links in (drawn, computed):
            targets = re.findall(r'href="../_code/([\w/]+)\.html#(\w+)"', links)
            assert targets
            for module, name in targets:
                assert re.search(rf"^(def|class) {name}\b", (PACKAGE / f"{module}.py").read_text(), re.M)
                assert module.startswith("plots/") or module in computing_modules()


def test_a_page_that_stands_alone_has_no_links_to_code_that_is_not_there():
    listed = {"text/html": walks(["fig-ranges"]).data}
    nb = new_notebook(cells=[new_code_cell("", outputs=[new_output("display_data", listed)])])
    in_words(nb)
    alone = nb.cells[0].outputs[0].data["text/html"]
    assert "rotation_over_ranges" in alone
    assert "href" not in alone
