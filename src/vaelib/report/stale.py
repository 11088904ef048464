"""Marks of figures whose numbers are of older versions than the library's: a Sphinx extension.

A figure keeps the versions of what it rests on when it is drawn; they are compared with the library's
when the book is put together.
"""

from collections.abc import Iterable, Mapping
from html import escape

import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx

from vaelib.objectives import OBJECTIVES
from vaelib.spec import RunSpec
from vaelib.versions import BASELINES, MEASURED, SCORES

VERSIONS = "versions"
"""Where the line under a figure keeps versions in its metadata."""

Versions = Mapping[str, Mapping[str, int]]


def versions_of(specs: Iterable[RunSpec], reads: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the versions that a figure rests on: of objectives by its runs, of numbers by what it read.

    `reads` has "name:version" of what was measured or fitted; anything else in it does not count. Of several
    versions the oldest.
    """
    trained = {(spec.objective, int(spec.training_version or 0)) for spec in specs}
    parts = [read.partition(":") for read in reads]
    measured = {(name, int(version)) for name, _, version in parts if version}
    found = {"trained": trained, "measured": measured}
    return {how: dict(sorted(pairs, reverse=True)) for how, pairs in found.items()}  # the oldest is the last


def _todays() -> Versions:
    fitted = {name.replace(" ", "_"): version for name, version in (BASELINES | MEASURED).items()}
    return {
        "trained": {name: objective.version for name, objective in OBJECTIVES.items()},
        "measured": SCORES | fitted | {"agreement_of_seeds": SCORES["agreement"]},
    }


def stale_in_words(versions: Versions) -> str:
    """Return what of a figure is of an older version than the library's, or nothing.

    >>> stale_in_words({"trained": {"beta_vae": 1}, "measured": {"rate": 2}})
    'out of date: trained by version 1 of beta_vae, now 2'
    >>> stale_in_words({"trained": {"beta_vae": 2}, "measured": {}})
    ''
    """
    found = [
        f"{how} by version {version} of {name}, now {now[name]}"
        for how, now in _todays().items()
        for name, version in versions.get(how, {}).items()
        if version < now.get(name, version)
    ]
    return f"out of date: {'; '.join(found)}" if found else ""


def mark(nb: NotebookNode) -> bool:
    """Say at the start of the line under each figure in what it is out of date; return whether any is."""
    any_is = False
    for cell in nb.cells:
        words = stale_in_words(cell.metadata.get(VERSIONS, {}))
        if words:
            any_is = True
            opening, _, rest = cell.source.partition(">")
            cell.source = f'{opening}><strong class="stale">{escape(words)}</strong> · {rest}'
    return any_is


def mark_page(app: Sphinx, page: str, text: list[str]) -> None:
    """Mark the figures of an executed notebook as Sphinx reads it."""
    if app.env.doc2path(page).endswith(".ipynb"):
        nb = nbformat.reads(text[0], 4)
        if mark(nb):
            text[0] = nbformat.writes(nb)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", mark_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
