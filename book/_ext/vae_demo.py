"""The live demo on the page that has a place for it, and nothing of it on any other."""

import shutil
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from vaelib.report.build import DEMO

CODE = Path(__file__).resolve().parents[1] / "_demo"
# Not under _static in the source: Jupyter Book links every script that lies there on each page.
SCRIPTS = ("kernel.js", "network.js", "pose.js", "networks.js", "digits.js", "demo.js")
PLACE = 'id="vae-demo"'


def copy_demo(app: Sphinx) -> None:
    """Copy before the pages are written, so that their links carry the scripts' checksums."""
    if app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "vae-demo"
        for folder in filter(Path.exists, (CODE, DEMO)):
            shutil.copytree(folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.c"))


def add_scripts(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    if PLACE in context.get("body", ""):
        for name in SCRIPTS:
            app.add_js_file(f"vae-demo/{name}", loading_method="defer")
        app.add_css_file("vae-demo/demo.css")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", copy_demo)
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
