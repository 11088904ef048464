"""The looks that pages of the book are judged by are those that differ."""

from tests.browser import browser, needs_browser, opened  # noqa: F401
from tests.looks import LOOKED, LOOKS, OF_COLOUR, found_wrong


@needs_browser
def test_grey_on_grey_and_a_link_that_is_only_blue_are_found(browser, tmp_path):  # noqa: F811
    """Planted in a page, once in each theme, among words that look alike."""
    styles = """[data-theme=dark] {background: #222; color: #eee} [data-theme=dark] .a {color: #333}
        .b {color: #555; text-decoration: none} [data-theme=dark] .b {color: #bbb}"""
    words = "<p>One</p><p>Two</p><p class=a>Three</p><p>Words about <a class=b href=#>this</a> and so on.</p>"
    head = f"<!DOCTYPE html><html lang=en><title>Planted</title><style>{styles}</style>"
    (tmp_path / "planted.html").write_text(f"{head}<main>{words}</main></html>")
    page = opened(browser, (tmp_path / "planted.html").as_uri())
    for theme, wrong in (
        ("light", {"link-in-text-block"}),
        ("dark", {"color-contrast", "link-in-text-block"}),
    ):
        page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
        page.evaluate(LOOKS)
        assert found_wrong(page, LOOKED, runOnly=OF_COLOUR) == wrong
    page.context.close()
