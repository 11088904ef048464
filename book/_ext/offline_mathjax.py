"""Serve MathJax from the built site: copy what its TeX-to-HTML component needs out of the installed package."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from sphinx.application import Sphinx

COMPONENT = "tex-mml-chtml.js"
NEEDED = (COMPONENT, "output/chtml/fonts/woff-v2", "input/tex/extensions")


def copy_mathjax(app: Sphinx) -> None:
    """Copy before the pages are written, so that their links carry the script's checksum."""
    if app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "mathjax"
    with as_file(files("sphinx-mathjax-offline") / "static" / "mathjax") as mathjax:
        for name in NEEDED:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if (mathjax / name).is_dir():
                shutil.copytree(mathjax / name, target / name, dirs_exist_ok=True)
            else:
                shutil.copyfile(mathjax / name, target / name)


def setup(app: Sphinx) -> dict[str, bool]:
    app.config.mathjax_path = f"mathjax/{COMPONENT}"
    app.connect("builder-inited", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
