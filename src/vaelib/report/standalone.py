"""One executed notebook as one HTML file: styles, images and MathJax inside, nothing fetched when read."""

import base64
import copy
import json
import mimetypes
import re
import tempfile
from html import unescape
from importlib.resources import files
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from vaelib.profiles import ROOT
from vaelib.report import elsewhere
from vaelib.yaml_files import read_yaml

ASSETS = ROOT / "book" / "_assets"
MATHJAX = {
    "options": {
        "enableMenu": False,  # its speech entry would load an engine from another host
        "ignoreHtmlClass": "mathjax_ignore",
        "processHtmlClass": "math",
    }
}


def page_html(nb: NotebookNode) -> str:
    """Return the page that the book would show, with its own list of sources.

    References to other pages turn into their titles: the other pages are not there.
    """
    with tempfile.TemporaryDirectory(prefix="html-") as work:
        out = _build(nb, Path(work))
        page = json.loads((out / "page.fjson").read_text(encoding="utf-8"))
        body = re.sub(
            r'(src|href)="(?:\.\./)*(_images/[^"]+)"',
            lambda m: f'{m[1]}="{_data_uri(out / m[2])}"',
            page["body"],
        )
        static = sorted((out / "_static").glob("*.css"))
        styles = [
            path.read_text(encoding="utf-8")
            for path in [*static, ASSETS / "house.css", ASSETS / "standalone.css"]
        ]
    scripts = [(ASSETS / "enlarge.js").read_text(encoding="utf-8")]
    if 'class="math' in body:
        mathjax = files("sphinx-mathjax-offline") / "static" / "mathjax" / "tex-svg-full.js"
        scripts += [f"window.MathJax = {json.dumps(MATHJAX)};", mathjax.read_text(encoding="utf-8")]
    title = unescape(re.sub(r"<[^>]+>", "", page["title"]))
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            *(f"<style>{style}</style>" for style in styles),
            *(f"<script>{script}</script>" for script in scripts),
            f'</head>\n<body><main class="bd-content"><article class="bd-article">\n{body}',
            "</article></main></body>\n</html>\n",
        ]
    )


def _build(nb: NotebookNode, work: Path) -> Path:
    """Let Sphinx resolve roles, numbers and citations; its JSON builder writes the body without a theme."""
    config = read_yaml(ROOT / "_config.yml", {"type": "object"})
    settings = {
        "extensions": [
            "myst_nb",
            "sphinx_design",
            "sphinxcontrib.bibtex",
            "vaelib.report.figures",
            "vaelib.report.stale",
        ],
        "root_doc": "page",
        "html_theme": "basic",
        "html_permalinks": False,
        "numfig": True,
        "nb_execution_mode": "off",
        "myst_enable_extensions": config["parse"]["myst_enable_extensions"],
        "bibtex_bibfiles": [str(ROOT / path) for path in config["bibtex_bibfiles"]],
        "bibtex_reference_style": config["sphinx"]["config"]["bibtex_reference_style"],
    }
    nb = copy.deepcopy(nb)
    elsewhere.in_words(nb)
    if "{cite" in nbformat.writes(nb):
        sources = new_markdown_cell("## Sources\n\n```{bibliography}\n```", id="sources")
        nb.cells = [*nb.cells, sources]
    source, out = work / "source", work / "out"
    source.mkdir()
    nbformat.write(nb, source / "page.ipynb")
    with docutils_namespace(), patch_docutils():
        Sphinx(source, None, out, work / "trees", "json", settings, status=None, warning=None).build()
    return out


def _data_uri(path: Path) -> str:
    kind = mimetypes.guess_type(path.name)[0]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
