"""Chapters as functions: parameters are refused before the start, pages are equal for equal inputs."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from vaelib.profiles import ROOT
from vaelib.report import pages
from vaelib.report.notebooks import KERNEL, NotebookError, convert, execute, parse_value, to_html

CHAPTER = r"""# %% [markdown]
# # Tiny chapter
#
# (sec-a)=
# ## A section
# See {numref}`fig-dot`, {ref}`here <sec-a>`, {eq}`elbo`, {glue:text}`k:.2f`, {cite:t}`higgins2017`,
# and on another page {ref}`sec-elsewhere`, {ref}`sec-architectures`, {ref}`there <sec-results>`,
# {eq}`beta-objective` and {numref}`fig-loss`.
#
# $$ \mathcal{L} = -\beta\, \mathrm{KL} $$ (elbo)

# %% tags=["parameters"]
profile = "smoke"
store = "runs"
arch = "ours"  # which network
betas = [1, 4]
size = 3  # of the dot [1 to 9]

# %% mystnb={"figure": {"name": "fig-dot", "caption": "See {eq}`elbo`."}, "image": {"alt": "Dot"}}
import base64, sys
from IPython.display import Image, display
from myst_nb import glue

print("a progress " + "bar", file=sys.stderr)
glue("k", float(size), display=False)
display(Image(base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
)))

# %%
print("first", flush=True)
print("between", file=sys.stderr, flush=True)
print("second")
object()
"""


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    source = tmp_path / "tiny.py"
    source.write_text(CHAPTER)
    return source


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    st.lists,
)


@given(LITERALS)
def test_a_value_survives_the_command_line(value):
    assert parse_value(pages.format_value(value)) == value


def test_a_page_is_equal_for_equal_inputs(chapter: Path, tmp_path: Path):
    for name in ("one", "two"):
        execute(chapter, tmp_path / f"{name}.ipynb", {"size": 4})
    page = (tmp_path / "one.ipynb").read_bytes()
    assert page == (tmp_path / "two.ipynb").read_bytes()
    assert b"papermill" not in page.replace(b"application/papermill.record", b"")
    assert b"a progress bar" not in page
    assert b" at 0x" not in page
    stdout = nbformat.reads(page, 4).cells[-1].outputs[0]
    assert stdout.text == "first\nsecond\n"


def test_a_page_shows_parameters_provenance_and_own_labels(chapter: Path, tmp_path: Path):
    execute(chapter, tmp_path / "page.ipynb", {"arch": "article"}, page="tiny_article")
    cells = nbformat.read(tmp_path / "page.ipynb", 4).cells
    assert [cell.metadata.get("tags") for cell in cells if "remove-input" in cell.metadata.get("tags", [])]
    assert not [cell for cell in cells if "injected-parameters" in cell.metadata.get("tags", [])]

    text = cells[0].source
    assert "# Tiny chapter: the article's network" in text
    for expected in (
        "(sec-a-tiny_article)=",
        "$$ (elbo-tiny_article)",
        "{ref}`here <sec-a-tiny_article>`",
        "{eq}`elbo-tiny_article`",
        "{numref}`fig-dot-tiny_article`",
        "{ref}`sec-elsewhere`",
    ):
        assert expected in text

    table = cells[1].outputs[0].data["text/html"]
    assert "<tr class=changed><td><code>arch</code></td><td>article</td><td>ours</td>" in table
    assert "<td>article, ours</td><td>which network</td>" in table
    assert "<td>any whole number from 1 to 9</td><td>of the dot</td>" in table

    figure, provenance = cells[2].metadata.mystnb.figure, cells[3].source
    assert figure.name == "fig-dot-tiny_article"
    assert figure.caption == "See {eq}`elbo-tiny_article`."
    assert "drawn from" not in provenance  # its cells read no run
    assert "vaelib notebook tiny -p arch article<" in provenance
    assert 'href="../_files/tiny_article/tiny.py"' in cells[-1].source


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@given(st.lists(NAMES, min_size=2, max_size=6, unique=True), NAMES)
def test_labels_and_their_references_move_together(names: list[str], suffix: str):
    *own, foreign = names

    def text_with(end: str) -> str:
        lines = (f"({n}{end})=\n{{ref}}`{n}{end}` {{ref}}`x <{n}{end}>` [y](#{n}{end}) {n}" for n in own)
        return "\n".join(lines) + f"\n{{ref}}`{foreign}`"

    nb = new_notebook(cells=[new_markdown_cell(text_with(""))])
    pages.suffix_labels(nb, f"-{suffix}")
    assert nb.cells[0].source == text_with(f"-{suffix}")


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("$$ x $$ (eq-a)\n{eq}`eq-a`", "$$ x $$ (eq-a-p)\n{eq}`eq-a-p`"),
        ("```{math}\n:label: eq-a\nx\n```\n{eq}`eq-a`", "```{math}\n:label: eq-a-p\nx\n```\n{eq}`eq-a-p`"),
        (
            "```{figure} x.png\n:name: f-a\n```\n{numref}`F %s <f-a>`",
            "```{figure} x.png\n:name: f-a-p\n```\n{numref}`F %s <f-a-p>`",
        ),
        (r"\label{eq-a} \eqref{eq-a}", r"\label{eq-a-p} \eqref{eq-a-p}"),
        ("(a remark)\n(b)", "(a remark)\n(b)"),
    ],
)
def test_every_kind_of_label_is_known(text: str, moved: str):
    nb = new_notebook(cells=[new_markdown_cell(text)])
    pages.suffix_labels(nb, "-p")
    assert nb.cells[0].source == moved


@pytest.mark.parametrize("end", ["raise RuntimeError('no digits')", "import os; os._exit(9)"])
def test_a_failure_keeps_the_last_good_page_and_the_notebook_to_read(tmp_path: Path, end: str):
    source, page = tmp_path / "bad.py", tmp_path / "bad.ipynb"
    page.write_text("the last good page")
    source.write_text(f'# %% tags=["parameters"]\na = 1\n\n# %%\nb = 2\n{end}\n\n# %%\nc = 3\n')
    with pytest.raises(NotebookError) as failure:
        execute(source, page, {})
    assert page.read_text() == "the last good page"
    kept = tmp_path / "bad.failed.ipynb"
    assert str(kept) in str(failure.value)
    assert end in str(failure.value)
    assert "c = 3" not in str(failure.value)
    assert end in kept.read_text()

    source.write_text('# %% tags=["parameters"]\na = 1\n')
    execute(source, page, {})
    assert not kept.exists()


def test_a_converted_notebook_names_the_plain_kernel(chapter: Path):
    assert convert(chapter).metadata.kernelspec["name"] == "python3"


def test_plain_papermill_executes_a_converted_chapter(chapter: Path, tmp_path: Path):
    notebook, executed = tmp_path / "tiny.ipynb", tmp_path / "executed.ipynb"
    header = (ROOT / "book" / "dataset.py").read_text().split("# %%")[0]  # names the kernel
    chapter.write_text(header + chapter.read_text())
    for command in (
        ["jupytext", "--to", "ipynb", "--output", notebook, chapter],
        ["papermill", notebook, executed, "-p", "size", "7", "--kernel", "python3", "--no-progress-bar"],
    ):
        program = Path(sys.executable).with_name(command[0])
        subprocess.run([program, *command[1:]], check=True, capture_output=True)
    glued = [o for cell in nbformat.read(executed, 4).cells for o in cell.get("outputs", []) if "k" in str(o)]
    assert "7.0" in str(glued)


def test_the_kernel_is_the_running_interpreter(tmp_path: Path):
    source, page = tmp_path / "which.py", tmp_path / "which.ipynb"
    source.write_text('# %% tags=["parameters"]\na = 1\n\n# %%\nimport sys\nprint(sys.executable)\n')
    execute(source, page, {})
    assert nbformat.read(page, 4).cells[1].outputs[0].text.strip() == sys.executable


class _Links(HTMLParser):
    """Collect what a page loads when it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag in ("script", "link", "img"):
            self.loaded += [value for name, value in attrs if name in ("src", "href")]


def test_a_single_page_loads_nothing_and_resolves_its_roles(chapter: Path, tmp_path: Path):
    execute(chapter, tmp_path / "tiny.ipynb", {"size": 4})
    to_html(tmp_path / "tiny.ipynb", tmp_path / "elsewhere" / "tiny.html")
    html = (tmp_path / "elsewhere" / "tiny.html").read_text()
    links = _Links()
    links.feed(html)
    assert links.loaded
    assert all(link.startswith("data:image/png;base64,") for link in links.loaded)
    assert 'alt="Dot"' in html
    assert '<span class="pasted-text">4.00</span>' in html
    assert "Fig. 1" in html
    assert "Irina Higgins" in html
    assert "window.MathJax" in html
    for words in (
        "on another page another chapter, <em>Architectures</em>, there,",
        "an equation of <em>β study</em> and a figure of <em>Results</em>.",
    ):
        assert words in " ".join(html.split())
    assert "sec-elsewhere" not in html
    assert "[HMP" not in re.sub(r'<span class="label">.*?</span></span>', "", html)


def test_a_cleaned_table_has_no_name_by_chance_no_nan_and_no_header_of_nothing():
    def cleaned() -> str:
        table = pd.DataFrame({"a": [1.0, float("nan")]})
        markup = table.to_html() + table.style.to_html()
        nb = new_notebook(
            cells=[new_code_cell("x", outputs=[new_output("display_data", {"text/html": markup})])],
            metadata={"kernelspec": KERNEL},
        )
        pages.clean(nb)
        return nb.cells[0].outputs[0].data["text/html"]

    assert cleaned() == cleaned()
    assert cleaned().count("undefined</td>") == 2
    assert not re.search(r"<th[^>]*>(\s|&nbsp;)*</th>", cleaned())
