"""A Sphinx extension: what can be had of each page, and the code that draws the figures."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx

from vaelib.fingerprint import PACKAGE
from vaelib.report.house import CODE, computing_modules
from vaelib.report.pages import figure_of
from vaelib.report.provenance import FILES, files_of


def put_files(app: Sphinx, error: Exception | None) -> None:
    """Write beside the pages what can be downloaded of each: notebooks, drawings and their numbers."""
    if app.builder.name != "html" or error:
        return
    for executed in Path(app.srcdir).glob("book/*.ipynb"):
        folder = Path(app.outdir) / FILES / executed.stem
        folder.mkdir(parents=True)
        shutil.copy(executed, folder)
        nb = nbformat.read(executed, 4)
        shutil.copy(executed.with_name(f"{nb.metadata['notebook']}.py"), folder)
        for cell in nb.cells:
            for end, text in files_of(cell).items() if figure_of(cell) else ():
                (folder / f"{figure_of(cell)['name']}.{end}").write_text(text, encoding="utf-8")


def sources(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each module that draws, or computes what is drawn; its functions are targets."""
    draw = {f"plots/{path.stem}" for path in (PACKAGE / "plots").glob("*.py")}
    for name in sorted(draw | computing_modules()) if app.builder.name == "html" else ():
        text = (PACKAGE / f"{name}.py").read_text(encoding="utf-8")
        body = highlight(text, PythonLexer(), HtmlFormatter(lineanchors="line", cssclass="highlight source"))
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                body = body.replace(f'line-{first}"', f'{node.name}"')
        title = f"vaelib.{name.replace('/', '.')}"
        yield f"{CODE}/{name}", {"title": title, "body": f"<h1>{title}</h1>{body}"}, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", put_files)
    app.connect("html-collect-pages", sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
