"""What is published of a store: the records of every run of a plan, and all else that the pages read."""

import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from vaelib import published
from vaelib.claims.ledger import gather, judge_claims
from vaelib.profiles import Page, Profile, in_checkout
from vaelib.reads import heard
from vaelib.report import notebooks, plan
from vaelib.report.build import given_parameters, page_runs
from vaelib.training.run import Run
from vaelib.training.store import RunStore

DEMO = "demo"
"""The page whose networks run in the browser: it needs the weights of all its runs."""


def publish(profile: Profile, store: Path, folder: Path = published.PUBLISHED) -> pd.DataFrame:
    """Pack what a store holds of a profile's plan into `folder`; return a row an archive: runs, MB.

    Of every finished run its records; the weights and the cache that the pages read when all that can be
    cached is. To know which, every page whose runs are finished is executed once more.
    """
    finished = {
        block.title: [run for spec in block.runs if (run := RunStore(store).find(spec))]
        for block in plan.blocks(profile)
    }
    runs = [run for own in finished.values() for run in own]
    pages = [
        p for p in profile.pages.values() if {s.id for s in page_runs(profile, p)} <= {r.id for r in runs}
    ]
    reads = _reads(profile, pages, store)
    weights = {name for name, what in reads if what == "model"}
    if DEMO in {page.name for page in pages}:
        weights |= {spec.id for spec in page_runs(profile, profile.pages[DEMO])}
    rows = []
    for title, own in finished.items():
        published.pack_runs(_file_name(title), (run.folder for run in own), weights, folder)
        rows.append(_row(folder / f"{_file_name(title)}.zip", len(own)))
    with heard() as of_ledger:
        verdicts = ledger(runs, profile, store)
    cache = {name for name, what in reads | of_ledger if what == "cache"}
    published.pack_cache(in_checkout(store), cache, folder)
    kept = published.remove_weights_but(weights, folder)
    published.write_manifest(verdicts, folder)
    rows += [_row(folder / "cache.zip", 0), {"file": "weights", "runs": len(kept), "MB": _megabytes(kept)}]
    return pd.DataFrame(rows)


def _reads(profile: Profile, pages: Iterable[Page], store: Path) -> set[tuple[str, str]]:
    """Return what pages read; where something was made that is cached from then on, what they read then."""
    reads: set[tuple[str, str]] = set()
    with tempfile.TemporaryDirectory() as scratch:
        for page in (bar := tqdm(list(pages))):
            bar.set_description(page.name)
            given = given_parameters(profile, page, str(store))
            output = Path(scratch) / "page.ipynb"
            read = notebooks.execute(page.source, output, given, page.name)
            if any(what == "made" for _, what in read):
                read = notebooks.execute(page.source, output, given, page.name)
            reads |= read
    return reads


def ledger(runs: Iterable[Run], profile: Profile, store: Path) -> dict[str, Any]:
    """Return the verdicts on the presentation's claims as plain values, by claim and network."""
    judged = judge_claims(gather(list(runs), profile, store, progress=False))
    names = judged["claim"] + " " + judged["network"]
    rows = judged.drop(columns=["claim", "network"]).set_axis(names, axis=0)
    return json.loads(rows.to_json(orient="index"))


def _file_name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower().replace("β", "beta")).strip("-")


def _row(path: Path, runs: int) -> dict[str, Any]:
    return {"file": path.name, "runs": runs, "MB": _megabytes([path])}


def _megabytes(paths: Iterable[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / 1e6
