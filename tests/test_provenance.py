"""Where a figure comes from: the runs that it stems from and no others, and its numbers."""

import io
import logging
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.tiny import tiny
from vaelib.cache import Fit
from vaelib.files import write_json
from vaelib.plots.numbers import drawn_numbers
from vaelib.plots.style import new_figure
from vaelib.reads import READS
from vaelib.report import stale
from vaelib.report.cells import behind
from vaelib.report.notebooks import execute
from vaelib.report.provenance import add_provenance, runs_of_figures
from vaelib.scores import score
from vaelib.training.run import Run
from vaelib.training.store import RunStore
from vaelib.versions import MEASURED, SCORES

TOY = """# %% [markdown]
# # Toy

# %% tags=["parameters"]
profile = "smoke"
store = "runs"
seeds = [0, 1]
image_size = 16
n_train = 48
n_test = 8
epochs = 1

# %%
from vaelib import RunStore, load_profile
from vaelib.plots import kl_over_epochs
runs = [RunStore(store).get(spec) for spec in load_profile(profile).runs(globals())]

# %% mystnb={"figure": {"name": "fig-one", "caption": "One."}, "image": {"alt": "One"}}
kl_over_epochs(runs[1].history)

# %%
first = runs[0].history

# %% mystnb={"figure": {"name": "fig-both", "caption": "Both."}, "image": {"alt": "Both"}}
kl_over_epochs(first + 0 * runs[1].history)
"""

CELLS = [
    "import pandas as pd\nruns = find()",
    "one = table(runs[0])",
    "two = table(runs[1])",
    "draw(one)",
    "two['more'] = one['less']",
    "draw(two)",
    "one = 3",
    "draw(one)",
    "def drawn(x): return draw(two, x)",
    "drawn(1)",
    "found = []",
    "found.append(two)",
    "draw(found)",
]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (0, {0}),
        (3, {0, 1, 3}),
        (5, {0, 1, 2, 4, 5}),
        (7, {6, 7}),
        (9, {0, 1, 2, 4, 8, 9}),
        (12, {0, 1, 2, 4, 10, 11, 12}),
    ],
)
def test_a_cell_rests_on_those_that_made_what_it_uses(cell, expected):
    assert behind(CELLS)[cell] == expected


def test_every_use_of_a_run_is_heard_and_what_it_left_is_read_only(tmp_path, caplog):
    run = RunStore(tmp_path / "runs").get(tiny())
    caplog.set_level(logging.INFO, READS.name)
    assert run.metrics is run.metrics
    assert caplog.messages == [f"{run.id} metrics"] * 2
    with pytest.raises(AttributeError, match="read only"):
        type(run).metrics.__set__(run, {})


def test_the_cells_of_a_notebook_are_told_apart(tmp_path):
    chapter = tmp_path / "toy.py"
    chapter.write_text(TOY)
    execute(chapter, tmp_path / "toy.ipynb", {"store": str(tmp_path / "runs")})
    cells = nbformat.read(tmp_path / "toy.ipynb", 4).cells
    lines = [cell.source for cell in cells if 'class="provenance"' in cell.source]
    seeds = [re.findall(r"<code>article-b4-s(\d)-", line) for line in lines]
    assert seeds == [["1"], ["0", "1"]]


def figure_cell(source: str, count: int, name: str):
    drawn = [new_output("display_data", {"text/plain": "Figure"})]
    figure = {"mystnb": {"figure": {"name": name}}}
    return new_code_cell(source, execution_count=count, metadata=figure, outputs=drawn)


def page(tmp_path, n: int):
    """Return a notebook with a figure of the last of n runs and one of them all, and their specs."""
    specs = [tiny(seed=seed) for seed in range(n)]
    for spec in specs:
        write_json(tmp_path / spec.id / "provenance.json", {"data": {"test": "0123456789abcdef"}})
    cells = [
        new_code_cell("runs = read()", execution_count=2),
        figure_cell("image_grid(last)", 3, "fig-last"),
        figure_cell("image_grid(runs)", 4, "fig-all"),
    ]
    reads = {1: {spec.id for spec in specs}, 2: {specs[-1].id}}
    return new_notebook(cells=cells), specs, reads


def test_a_figure_names_its_own_runs_its_code_and_its_images(tmp_path):
    nb, specs, reads = page(tmp_path, 4)
    runs = runs_of_figures(nb, reads)
    assert runs == [{specs[-1].id}, {spec.id for spec in specs}]
    add_provenance(nb, runs, specs, tmp_path, 'vaelib notebook tiny -p a "<b>"')
    last, every = nb.cells[2].source, nb.cells[4].source
    assert f"drawn from <code>{specs[-1].id}</code>, seed 3; 16 test images of checksum 01234567" in last
    assert "<details><summary>drawn from 4 runs, seeds 0, 1, 2, 3;" in every
    assert all(spec.id in every for spec in specs)
    assert "drawn by <code>vaelib.plots.images.image_grid</code>" in last
    assert "-p a &quot;&lt;b&gt;&quot;</code>" in last
    assert "href" not in last  # a page that is not of the book has nothing beside it


def test_a_figure_of_older_versions_says_so_and_one_of_the_library_s_does_not(tmp_path, monkeypatch):
    old = tiny(training_version=1)
    nb, specs, reads = page(tmp_path, 1)
    write_json(tmp_path / old.id / "provenance.json", {"data": {"test": "0123456789abcdef"}})
    reads[1] |= {old.id, "rate:2"}
    add_provenance(nb, runs_of_figures(nb, reads), [old, *specs], tmp_path, "vaelib notebook tiny")
    monkeypatch.setitem(SCORES, "rate", 3)
    text = [nbformat.writes(nb)]
    stale.mark_page(SimpleNamespace(env=SimpleNamespace(doc2path=lambda name: f"{name}.ipynb")), "a", text)
    last, every = (nbformat.reads(text[0], 4).cells[i].source for i in (2, 4))
    assert "out of date" not in last
    assert '<div class="provenance"><strong class="stale">out of date: ' in every
    assert (
        "trained by version 1 of beta_vae, now 2; measured by version 2 of rate, now 3</strong> · " in every
    )


def test_of_numbers_the_versions_are_heard(tmp_path, caplog):
    caplog.set_level(logging.INFO, READS.name)
    run = RunStore(tmp_path / "runs").get(tiny())
    score(run, tmp_path / "runs", groups=("rate",))
    assert caplog.messages[-1] == f"rate:{SCORES['rate']} numbers"
    run.measured("isolation", {}, lambda: Fit({}, {}))
    assert f"isolation:{MEASURED['isolation']} numbers" in caplog.messages


def numbers(figure) -> pd.DataFrame:
    figure.draw_without_rendering()
    return drawn_numbers(figure)


def test_the_numbers_of_a_figure_are_those_that_were_drawn():
    figure = new_figure(1, 2)
    left, right = figure.axes
    left.plot([1, 2], [3.0, 4.5], color="C0", label="rate")
    left.scatter([5], [6.0], color="C1", label="a run")
    left.axhline(0.05, color="C2")
    right.set_title("bars")
    right.bar(["a", "b"], [1.0, 2.0], color="C3")
    figure.legend()
    found = numbers(figure)
    rate = found.query("series == 'rate'")
    assert rate[["panel", "mark", "x", "y"]].to_numpy().tolist() == [[1, "line", 1, 3.0], [1, "line", 2, 4.5]]
    assert found.query("series == 'a run'")[["x", "y"]].to_numpy().tolist() == [[5.0, 6.0]]
    (limit,) = found.query("y == 0.05 and mark == 'line'")["x"].unique()
    assert np.isnan(limit)
    tops = found.query("panel == 'bars' and y > 0")
    assert tops["y"].tolist() == [1.0, 2.0]
    assert tops["x category"].tolist() == ["a", "b"]
    assert "value" not in found


def test_coloured_cells_bands_and_nothing_but_images():
    figure = new_figure(1, 2)
    figure.axes[0].pcolormesh([[1.0, 2.0], [np.nan, 4.0]])
    figure.colorbar(figure.axes[0].collections[0], ax=figure.axes[0])
    figure.axes[1].fill_between([0, 1], [2.0, 2.0], [3.0, 5.0])
    found = numbers(figure)
    assert found.query("mark == 'cell' and x == 1 and y == 1")["value"].tolist() == [4.0]
    assert len(found.query("mark == 'cell'")) == 4
    assert found.query("mark == 'area'")["y"].max() == 5.0
    assert set(found["panel"]) == {1, 2}
    empty = new_figure()
    empty.axes[0].vlines([], 0, 1)
    assert numbers(empty).empty
    photograph = new_figure()
    photograph.axes[0].imshow(np.eye(3))
    assert numbers(photograph).empty


def test_the_numbers_come_with_the_figure_as_text():
    figure = new_figure()
    figure.axes[0].plot([0, 1], [1 / 3, 2.0])
    table = pd.read_csv(io.StringIO(figure._repr_mimebundle_()["text/csv"]))
    assert table["y"].tolist() == [0.333333, 2.0]
    plt.close("all")


def test_a_run_has_the_type_that_its_annotations_say():
    assert Run.metrics.__doc__.startswith("The numbers")


def test_a_figure_that_was_not_drawn_has_no_line(tmp_path):
    figure = {"mystnb": {"figure": {"name": "fig-none", "caption": "None."}}}
    nb = new_notebook(cells=[new_code_cell("draw(x) if x else None", metadata=figure, execution_count=1)])
    add_provenance(nb, [set()], [], tmp_path, "vaelib notebook toy")
    assert len(nb.cells) == 1
