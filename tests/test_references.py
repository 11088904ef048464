"""Every source that the book or the library names is in the bibliography, checked; and no other is."""

import re
from collections import Counter
from pathlib import Path

import pytest
from pybtex.database import Entry, parse_file

from vaelib.fingerprint import PACKAGE
from vaelib.profiles import ROOT

BOOK = ROOT / "book"
ENTRIES = parse_file(str(BOOK / "references.bib")).entries
PAGES = [*BOOK.glob("*.py"), *BOOK.glob("*.md")]

NEEDED = {
    "article": {"author", "title", "journal", "volume", "pages", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "incollection": {"author", "title", "booktitle", "editor", "publisher", "pages", "year"},
    "book": {"author", "title", "publisher", "year"},
    "misc": {"author", "title", "howpublished", "year"},
}
FORMS = {
    "year": r"(19|20)\d\d",
    "volume": r"\d+",
    "number": r"\d+",
    "pages": r"\d+--\d+|Article \d+",
    "doi": r"10\.\d{4,9}/\S+",
    "eprint": r"\d{4}\.\d{4,5}",
    "archiveprefix": "arXiv",
    "url": r"https://[\w.-]+/\S+",
}
NAMED = re.compile(r"((?:van der )?[A-Z][\w-]+)(?: et al\.| & [A-Z][\w-]+)? ((?:19|20)\d\d)\b")
"""A source as docstrings name it: Holm 1979, Kim & Mnih 2018, Chen et al. 2018."""


def _cited() -> Counter[str]:
    groups = [re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", page.read_text()) for page in PAGES]
    return Counter(key.strip() for keys in groups for group in keys for key in group.split(","))


def _lacking(entry: Entry) -> list[str]:
    """Return what is wrong with an entry: fields that its kind needs, how it is found, forms of fields."""
    there = {*entry.fields, *entry.persons}
    wrong = sorted(NEEDED[entry.type] - there)
    if entry.type != "incollection" and not there & {"doi", "eprint", "url"}:
        wrong.append("doi, eprint or url")
    if ("eprint" in there) != ("archiveprefix" in there):
        wrong.append("eprint with archiveprefix")
    for name, value in entry.fields.items():
        if not re.fullmatch(FORMS.get(name, ".+"), value):
            wrong.append(f"{name} = {value}")
    return wrong


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_has_the_fields_of_its_kind_and_can_be_found(key):
    assert _lacking(ENTRIES[key]) == []
    assert re.fullmatch(rf"[a-z]+{ENTRIES[key].fields['year']}[a-z]*", key)


def test_a_poor_entry_is_noticed():
    poor = {"title": "A", "volume": "3", "pages": "1-9", "year": "1998", "doi": "https://doi.org/10.1/2"}
    assert _lacking(Entry("article", poor)) == ["author", "journal", "pages = 1-9", f"doi = {poor['doi']}"]
    assert _lacking(Entry("misc", poor | {"doi": "10.1234/5"}))[-1] == "pages = 1-9"
    assert "doi, eprint or url" in _lacking(Entry("book", {"title": "A"}))


def test_no_two_entries_are_of_one_work():
    for name in ("title", "doi", "eprint", "url"):
        values = [entry.fields[name].lower() for entry in ENTRIES.values() if name in entry.fields]
        assert [value for value, times in Counter(values).items() if times > 1] == []


def test_what_is_cited_is_in_the_bibliography_and_nothing_else_is():
    assert set(_cited()) == set(ENTRIES)


def _first_author(entry: Entry) -> str:
    first = entry.persons["author"][0]
    return "".join([*first.prelast_names, *first.last_names]).lower()


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_a_source_that_the_library_names_is_in_the_bibliography(file: Path):
    known = {(_first_author(entry), entry.fields["year"]) for entry in ENTRIES.values()}
    text = " ".join(file.read_text().split())
    named = {(name.replace(" ", "").lower(), year) for name, year in NAMED.findall(text)}
    assert named <= known


def test_the_page_says_what_the_entries_were_checked_against(monkeypatch):
    monkeypatch.syspath_prepend(str(BOOK / "_ext"))
    from checked_references import checked_sentence

    said = checked_sentence(entry.fields.get("checked") for entry in ENTRIES.values())
    assert sum(map(int, re.findall(r"\((\d+)\)", said))) == len(ENTRIES)
    some = checked_sentence(["venue", None, "authors", "venue"])
    assert some.startswith("Of 4 entries, 3 were checked")
    assert "the publisher (2)" in some
    assert checked_sentence([None]).endswith(": none.")
    with pytest.raises(ValueError, match=r"hearsay.*accepted: venue, authors, bibliographies"):
        checked_sentence(["hearsay"])
