"""The directive `checked-references`: how many entries of the bibliography were checked, and against what."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from docutils import nodes
from pybtex.database import parse_file
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

KINDS = {
    "venue": "the page of the proceedings, the journal or the publisher",
    "authors": "the paper itself or a page of its authors",
    "bibliographies": "two or more independent bibliographies that agree",
}
"""What the field `checked` of an entry can say, and in words; the strongest first."""


def checked_sentence(checked: Iterable[str | None]) -> str:
    """Return in words how many entries were checked against what, from their fields `checked`.

    Raises `ValueError` for a field that says something else than `KINDS`.
    """
    counts = Counter(checked)
    missing = counts.pop(None, 0)
    if unknown := set(counts) - set(KINDS):
        raise ValueError(f"checked = {sorted(unknown)} is refused; accepted: {', '.join(KINDS)}.")
    sources = [f"{words} ({counts[kind]})" for kind, words in KINDS.items() if counts[kind]]
    number = counts.total()
    whole = f"Of {number + missing} entries, {number} were" if missing else f"All {number} entries were"
    return f"{whole} checked against a source: {', '.join(sources) or 'none'}."


class CheckedReferences(SphinxDirective):
    """The sentence of `checked_sentence` about the book's files of entries, as a paragraph."""

    def run(self) -> list[nodes.Node]:
        checked: list[str | None] = []
        for name in self.config.bibtex_bibfiles:
            path = Path(self.env.srcdir) / name
            self.env.note_dependency(str(path))
            checked += [entry.fields.get("checked") for entry in parse_file(str(path)).entries.values()]
        return [nodes.paragraph("", checked_sentence(checked))]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("checked-references", CheckedReferences)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
