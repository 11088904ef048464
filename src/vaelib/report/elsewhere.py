"""References of a page that stands alone to what is on other pages: in words, as the others are not there."""

import functools
import re
from pathlib import Path

from nbformat import NotebookNode

from vaelib.profiles import BOOK
from vaelib.report.pages import DEFINITIONS, LABEL, labels_of

REFERENCE = re.compile(rf"\{{(ref|numref|eq)\}}`(?:([^`<]*?)\s*<{LABEL}>|{LABEL})`")
IN_BOOK = re.compile(r'<a href="(?:\.\./_|\w+\.html)[^"]*">(.*?)</a>', re.DOTALL)
"""A link to another page of the book, or to what it has beside its pages."""
KINDS = {"eq": "an equation", "numref": "a figure"}


def in_words(nb: NotebookNode) -> None:
    """Turn references to labels that the notebook does not define into the titles that they lead to.

    A section is named by its title, an equation or a figure by the chapter that it stands in; a reference
    with words of its own keeps them.
    """
    own = labels_of(nb)

    def words(match: re.Match[str]) -> str:
        label = match[3] or match[4]
        if label in own:
            return match[0]
        text = (match[2] or "").strip()
        if text and "%s" not in text:
            return text
        section, chapter = titles().get(label, ("", ""))
        if match[1] in KINDS:
            return f"{KINDS[match[1]]} of *{chapter}*" if chapter else f"{KINDS[match[1]]} of another chapter"
        return f"*{section or chapter}*" if section or chapter else "another chapter"

    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = REFERENCE.sub(words, cell.source)
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                output.data["text/markdown"] = REFERENCE.sub(words, output.data["text/markdown"])
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = IN_BOOK.sub(r"\1", output.data["text/html"])
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if "caption" in figure:
            figure["caption"] = REFERENCE.sub(words, figure["caption"])


@functools.cache
def titles() -> dict[str, tuple[str, str]]:
    """Return, by label, the title of the section that it stands before, if any, and that of its chapter."""
    found = {}
    for path in sorted([*BOOK.glob("*.py"), *BOOK.glob("*.md")]):
        text = _markdown(path)
        heading = re.search(r"(?m)^# (.+)$", text)
        chapter = heading[1] if heading else path.stem
        for section in re.finditer(rf"(?m)^\({LABEL}\)=\s*\n+#+ (.+)$", text):
            found[section[1]] = (section[2], chapter)
        others = [match[2] for pattern in DEFINITIONS for match in pattern.finditer(text)]
        others += re.findall(rf'"figure": \{{"name": "{LABEL}"', path.read_text(encoding="utf-8"))
        found = dict.fromkeys(others, ("", chapter)) | found
    return found


def _markdown(path: Path) -> str:
    """Return a chapter's prose: that of a notebook stands in comments."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"(?m)^# ?", "", text.split("# %% [markdown]", 1)[-1]) if path.suffix == ".py" else text
