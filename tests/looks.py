"""What a browser says of how a page looks, and axe of who can read it."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

READ = """() => [...document.querySelectorAll(".drawn svg")].map((drawing) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const ink = (color) => {
        const [r, g, b] = color.match(/[\\d.]+/g).map((value) => linear(value / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    let ground = drawing;
    while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
    const two = [getComputedStyle(drawing).color, getComputedStyle(ground).backgroundColor].map(ink);
    const scales = [...drawing.innerHTML.matchAll(/scale\\((0\\.\\d+) -/g)];
    const points = Math.min(...scales.map((found) => 100 * found[1]));
    const pixels = drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
    return { text: points * pixels, contrast: Math.max(...two) / Math.min(...two) };
})"""


SCROLLED = """() => [...document.querySelectorAll("article table")].flatMap((table) => {
    let frame = table.parentElement;
    while (frame && getComputedStyle(frame).overflowX === "visible") frame = frame.parentElement;
    return frame.scrollWidth > frame.clientWidth ? [[frame.scrollWidth, frame.clientWidth]] : [];
})"""

NAMED = """() => [...document.querySelectorAll(".cell_output > .output.text_html")].every(
    (frame) => (frame.scrollWidth > frame.clientWidth) === (frame.getAttribute("role") === "group")
        && frame.hasAttribute("role") === frame.hasAttribute("aria-label")
)"""
"""Whether what scrolls sideways has a name for a reader's software, and nothing else has one."""

THEMES = {"region", "summary-name", "aria-allowed-role", "aria-deprecated-role", "aria-required-children"}
"""Findings of axe in what the theme and its bibliography write on their own."""

OF_COLOUR = ["color-contrast", "link-in-text-block"]
"""What can differ between light and dark; axe takes longer for it than for all the rest."""
QUICK = {"resultTypes": ["violations"], "selectors": False}
"""No reports of what is right, which take half of axe's time."""

LOOKS = """() => {
    const seen = new Set();
    for (const element of document.body.querySelectorAll("*")) {
        delete element.dataset.look;
        const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
        if (!texts.length && !element.matches("input, select, textarea, button")) continue;
        const style = getComputedStyle(element);
        if (style.visibility === "hidden" || !element.getClientRects().length) continue;
        const parts = [element.tagName, style.color, style.fontSize, style.fontWeight,
            style.textDecorationLine, getComputedStyle(element.parentElement).color];
        for (let up = element, opaque = false; up; up = up.parentElement) {
            const { opacity, backgroundColor, backgroundImage } = getComputedStyle(up);
            if (opacity !== "1" || backgroundImage !== "none") parts.push(opacity, backgroundImage);
            if (!opaque && backgroundColor !== "rgba(0, 0, 0, 0)") parts.push(backgroundColor);
            opaque ||= backgroundColor.startsWith("rgb(");
        }
        const look = parts.join();
        if (seen.has(look)) continue;
        seen.add(look);
        element.dataset.look = seen.size;
    }
}"""
"""Mark one element with text of each look: colours, what is behind them, size and weight of the text."""

LOOKED = {"include": [["[data-look]"]]}
"""The elements that `LOOKS` marked."""


def found_wrong(page: Page, context: Any = None, **options: Any) -> set[str]:
    """Return the rules of axe that a page, or a part of it, breaks."""
    found = Axe().run(page, context=context, options=QUICK | options).response
    return {violation["id"] for violation in found["violations"]}
