"""A Sphinx extension: vector figures are part of the page, in the ink of its text."""

import base64
import hashlib
import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

from vaelib.plots.style import INK


def inlined(svg: str, alt: str) -> str:
    """Return a drawing as part of an HTML page: described, ids its own, ink that of the text around it."""
    mark = hashlib.sha256(svg.encode()).hexdigest()[:8]
    drawing = svg[svg.index("<svg") :]
    view = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) [\d.]+"', drawing)
    if view is None:
        raise ValueError("a drawing without viewBox has no size")
    body = drawing[drawing.index(">") + 1 :].replace(INK, "currentColor")
    used = set(re.findall(r'(?:url\(#|href="#)([\w-]+)', body))
    body = re.sub(r' id="([\w.-]+)"', lambda m: f' id="{mark}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'(url\(#|href="#)([\w-]+)', rf"\g<1>{mark}-\g<2>", body)
    body = re.sub(r"\s*<metadata>.*?</metadata>|<!--.*?-->", "", body, flags=re.DOTALL)
    about = f'role="img" aria-label="{escape(alt)}" style="--points: {view[1]}"'
    return f'<svg {about} {view[0]} xmlns:xlink="http://www.w3.org/1999/xlink">{body}'


def with_files(markup: str, folder: Path, link: str) -> str:
    """Return a drawing whose images are files of a folder, which a page reaches by `link`."""

    def written(found: re.Match[str]) -> str:
        content = base64.b64decode(found[1])
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.png"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        return f'href="{link}/{name}"'

    return re.sub(r'href="data:image/png;base64,([A-Za-z0-9+/=]+)"', written, markup)


def put_in(app: Sphinx, doctree: nodes.document, page: str) -> None:
    if app.builder.format != "html":
        return
    for image in list(doctree.findall(nodes.image)):
        file = Path(app.srcdir) / image["uri"]
        if file.suffix == ".svg":
            markup = inlined(file.read_text(encoding="utf-8"), image.get("alt", ""))
            if app.builder.name == "html":  # of a page that is one file, they stay a part of it
                link = relative_uri(app.builder.get_target_uri(page), "_images")
                markup = with_files(markup, Path(app.outdir) / "_images", link)
            frame = f'<div class="drawn" tabindex="0" role="group" aria-label="figure">{markup}</div>'
            image.replace_self(nodes.raw("", frame, format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", put_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
