"""The demo in a browser, opened from disk, as on this machine and as on one a quarter as fast."""

import shutil
import statistics
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from vaelib.errors import InputError
from vaelib.report.build import BUILD

PAGE = BUILD / "html" / "book" / "demo.html"
SLOWDOWNS = (1, 4)
"""A phone of the middle range takes about four times as long as a desktop."""
MOVES = 60
NETWORKS = 2
"""Those that the demo starts with."""

DRAGGED = """async (moves) => {
    const slider = document.querySelector('[aria-label="first network"] .latent input');
    slider.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
    const work = [], between = [];
    let last = null;
    for (let i = 0; i < moves; i++) {
        slider.value = 3 * Math.sin(i / 8);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((resolve) => requestAnimationFrame((frame) => {
            work.push(performance.now() - frame);
            if (last !== null) between.push(frame - last);
            last = frame;
            resolve();
        }));
    }
    window.dispatchEvent(new PointerEvent("pointerup"));
    return { work, between };
}"""

FILLED = """async () => {
    const panel = document.querySelector('[aria-label="first network"]');
    const grid = [...panel.querySelectorAll("canvas")].at(-1);
    const until = (done) => new Promise((resolve) => {
        const look = () => (done() ? resolve() : requestAnimationFrame(look));
        look();
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const before = grid.dataset.filled, start = performance.now();
    panel.querySelector(".latent input").dispatchEvent(new Event("input", { bubbles: true }));
    await until(() => grid.dataset.filled !== before);
    return performance.now() - start;
}"""


def demo(turns: int = 3) -> list[dict]:
    """Return a row for each of the first networks and slowdown of the processor, medians over turns.

    ready: seconds until the page answers; frame: milliseconds of a frame that a dragged slider takes, image
    and slice of the grid; between: milliseconds from frame to frame meanwhile, 95th percentile; grid:
    milliseconds until the grid is filled. Raises `InputError` when the demo is not built.
    """
    if not PAGE.exists():
        raise InputError(f"{PAGE} does not exist: make book builds it.")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for slowdown in SLOWDOWNS:
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            rate = {"rate": slowdown}
            page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", rate)
            ready = statistics.median(_seconds_until_ready(page) for _ in range(turns))
            choice = page.locator('[aria-label="first network"] select')
            for network in choice.locator("option").all_text_contents()[:NETWORKS]:
                choice.select_option(label=network)
                page.wait_for_timeout(1000 * slowdown)
                dragged = [page.evaluate(DRAGGED, MOVES) for _ in range(turns)]
                between = [ms for turn in dragged for ms in turn["between"]]
                rows.append(
                    {
                        "network": network,
                        "slowdown": slowdown,
                        "ready": round(ready, 2),
                        "frame": round(statistics.median(ms for turn in dragged for ms in turn["work"]), 1),
                        "between": round(statistics.quantiles(between, n=20)[-1], 1),
                        "grid": round(statistics.median(page.evaluate(FILLED) for _ in range(turns))),
                    }
                )
            page.close()
        browser.close()
    return rows


def _seconds_until_ready(page: Page) -> float:
    page.goto(Path(PAGE).as_uri())
    page.wait_for_selector("#vae-demo[data-ready]")
    return page.evaluate("performance.now()") / 1000
