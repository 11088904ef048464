"""An HTML page as the tests read it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote


class Page(HTMLParser):
    """What a page loads when it is read, and how it describes its images."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.alts: list[str | None] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.text = path.read_text()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        values = dict(attrs)
        self.ids |= {values["id"]} if values.get("id") else set()
        self.links += [values["href"]] if tag == "a" and values.get("href") else []
        if tag in ("script", "link", "img", "iframe", "source"):
            self.loaded += [values[name] for name in ("src", "href") if values.get(name)]
        if tag == "img":
            self.alts.append(values.get("alt"))
        if tag == "svg" and values.get("role") == "img":
            self.alts.append(values.get("aria-label"))


def assert_own_files(path: Path) -> None:
    """Fail when a page loads anything from another host, or a file that is not there."""
    for link in Page(path).loaded:
        assert not re.match(r"(https?:)?//", link), f"{path.name} loads {link}"
        if not link.startswith("data:"):
            assert (path.parent / link.split("?")[0].split("#")[0]).exists(), f"{path.name}: {link}"


def assert_links_lead_somewhere(folder: Path) -> None:
    """Fail when a link between the pages of a folder leads to no file, or to no place in it."""
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html") if "_static" not in path.parts}
    for path, page in pages.items():
        for link in page.links:
            if not re.match(r"(https?|mailto|data):|//", link):
                name, _, place = unquote(link).partition("#")
                target = (path.parent / name.split("?")[0]).resolve() if name else path
                assert target.exists(), f"{path.name}: {link}"
                if place and target in pages:
                    assert place in pages[target].ids, f"{path.name}: {link}"
