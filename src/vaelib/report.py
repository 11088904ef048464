"""What the report consists of, when a part of it is out of date, and `build`, which brings all up to date."""

import ast
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vaelib import driver
from vaelib.architectures import encoder_layout
from vaelib.errors import BuildError, InputError, check_choice
from vaelib.files import sha256, write_atomic
from vaelib.profiles import ROOT, Page, Profile, load_profile
from vaelib.spec import DATA_FIELDS, NETWORK_FIELDS, RunSpec

BOOK = ROOT / "book"
BUILD = ROOT / "_build"
SPECS = BUILD / "report" / "specs"
CLUSTERS = ROOT / "workflow" / "profiles"
PACKAGE = Path(__file__).parent
STORE = "runs"

NOT_DRAWN = ("cli", "driver", "progress", "report", "standalone", "training")
"""Modules that no page of the book depends on: a run's identity already says how it was trained."""


def build(profile: str, jobs: int | None = None, cluster: str | None = None) -> None:
    """Bring data, runs, pages and book up to date, `jobs` at a time, and say where the book is.

    `cluster` names a folder of `workflow/profiles/`; without one all jobs run on this machine. Raises
    `InputError` before work starts, `BuildError` when a job fails.
    """
    check_contents(load_profile(profile))
    _bring_times_back()
    try:
        done = driver.run(_arguments(["all"], profile, jobs, cluster))
    except BuildError:
        plan(load_profile(profile))  # names a wrong parameter better than Snakemake does
        raise
    said = "The book is ready" if done else "Nothing to do, the book is up to date"
    print(f"{said}: {BUILD / 'html/index.html'}\nTo read it in a browser: make serve")


def train_runs(specs: Sequence[RunSpec], jobs: int | None = None, cluster: str | None = None) -> None:
    """Train the runs that are not finished, `jobs` at a time, long ones first."""
    write_specs(specs)
    _bring_times_back()
    targets = [f"{STORE}/{spec.id}/done.json" for spec in specs]
    done = driver.run(_arguments(targets, "quick", jobs, cluster))
    print(f"{len(specs)} runs are there{'' if done else ' already'}: vaelib runs lists them")


def _arguments(targets: list[str], profile: str, jobs: int | None, cluster: str | None) -> list[str]:
    if cluster is None:
        where = ["--cores", str(jobs or "all")]
    else:
        check_choice("cluster", cluster, sorted(path.parent.name for path in CLUSTERS.glob("*/config.yaml")))
        where = ["--workflow-profile", str(CLUSTERS / cluster), *(["--jobs", str(jobs)] if jobs else [])]
    # --keep-incomplete: what a job wrote before it failed is whole (one rename) and may be a finished run.
    how = ["--keep-going", "--keep-incomplete", "--rerun-incomplete", "--rerun-triggers", *driver.TRIGGERS]
    how += ["--scheduler", "greedy", "--max-checksum-file-size", "50MB"]
    return [*targets, *where, *how, "--config", f"profile={profile}"]


def _bring_times_back() -> None:
    """Set times ahead of the clock to now: Snakemake fails a job whose output is older than its input.

    A clock that was set back, or a folder of runs from another machine, leaves such times.
    """
    files = [*BOOK.glob("*.ipynb"), *(ROOT / STORE).glob("*/done.json"), *(BUILD / "report").rglob("*")]
    for path in files:
        if path.stat().st_mtime > time.time():
            os.utime(path)


def check_contents(profile: Profile) -> None:
    """Raise `InputError` when `_toc.yml` lacks a page, or lists what is neither page nor text."""
    listed = set(_files(yaml.safe_load((ROOT / "_toc.yml").read_text())))
    pages = {f"book/{name}" for name in profile.pages}
    if unlisted := sorted(pages - listed):
        raise InputError(f"_toc.yml lacks {', '.join(unlisted)} of experiments.yml; add an entry to it.")
    texts = {str(path.relative_to(ROOT).with_suffix("")) for path in BOOK.rglob("*.md")}
    if unknown := sorted(listed - pages - texts):
        raise InputError(
            f"_toc.yml lists {', '.join(unknown)}; accepted: pages of experiments.yml and book/*.md."
        )


def _files(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in ("root", "file") if key in node)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _files(child)


def given_parameters(profile: Profile, page: Page) -> dict[str, Any]:
    """Return what the build passes to a page's notebook: its entry in the profile, and profile and store."""
    from vaelib import notebooks

    declared = notebooks.parameters(page.source)
    everywhere = {"profile": profile.name, "store": STORE}
    return {name: value for name, value in everywhere.items() if name in declared} | page.parameters


def page_runs(profile: Profile, page: Page) -> list[RunSpec]:
    """Return the runs that a page reads; raises `InputError` on parameters its notebook does not accept."""
    from vaelib import notebooks

    return notebooks.runs_read(notebooks.check_parameters(page.source, given_parameters(profile, page)))


@dataclass(frozen=True)
class Needs:
    """What a page reads, by run id: trained runs, the scores of runs, and those of the baselines of runs."""

    runs: list[str]
    scores: list[str]
    frames: list[str]


def plan(profile: Profile) -> dict[str, Needs]:
    """Return what each page needs, and leave the specs of its runs where the jobs look for them.

    A page that imports `vaelib.scoring`, directly or not, reads the scores of all its runs and of their
    baselines: one run stands for all that share pictures, network and kind.
    """
    needs, stands_for = {}, {}
    for name, page in profile.pages.items():
        specs = page_runs(profile, page)
        write_specs(specs)
        ids, scored = [spec.id for spec in specs], PACKAGE / "scoring.py" in modules_read(page.source)
        for spec in specs if scored else ():
            stands_for.setdefault(_frame_of(spec), spec.id)
        frames = dict.fromkeys(stands_for[_frame_of(spec)] for spec in specs if scored)
        needs[name] = Needs(ids, ids if scored else [], list(frames))
    return needs


def _frame_of(spec: RunSpec) -> tuple:
    return tuple(getattr(spec, name) for name in (*DATA_FIELDS, *NETWORK_FIELDS))


def score_recipe() -> str:
    """Return, as JSON, a fingerprint of the modules that decide scores; what is up to date is only read."""
    return json.dumps(_fingerprints(modules_read(PACKAGE / "scoring.py")))


def write_specs(specs: Sequence[RunSpec]) -> None:
    """Write `<id>.json` for each spec; what is there stays, unless it was damaged."""
    for spec in specs:
        path, text = SPECS / f"{spec.id}.json", spec.to_json()
        if not path.exists() or path.read_bytes() != text.encode():
            write_atomic(path, text)


def training_cost(spec: RunSpec) -> int:
    """Return a number that grows with a run's training time: pictures seen times multiply-adds a picture."""
    channels, work = 1, 0
    for conv, side in encoder_layout(spec.arch, spec.image_size):
        work += channels * conv.channels * (conv.kernel * side) ** 2
        channels = conv.channels
    return work * spec.n_train * spec.epochs


def page_recipe(profile: Profile, page: Page, runs: Sequence[str]) -> str:
    """Return, as JSON, a fingerprint of all that decides a page: text, parameters, runs, modules, files."""
    given = json.dumps(page.parameters | {"profile": profile.name}, sort_keys=True)
    recipe = _fingerprints([page.source, *modules_read(page.source), *_files_named(page)])
    return json.dumps(recipe | {"its parameters": _short(given), "its runs": _short(" ".join(runs))})


def _files_named(page: Page) -> list[Path]:
    """Return the files of the checkout that a parameter of the page names."""
    from vaelib import notebooks

    values = (notebooks.parameters(page.source) | page.parameters).values()
    return [ROOT / value for value in values if isinstance(value, str) and (ROOT / value).is_file()]


def book_recipe() -> str:
    """Return, as JSON, a fingerprint of all that decides the book except its executed pages."""
    notebooks = {*BOOK.glob("*.py"), *BOOK.glob("*.ipynb")}
    files = {path for path in BOOK.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return json.dumps(_fingerprints([ROOT / "_config.yml", ROOT / "_toc.yml", *sorted(files - notebooks)]))


def _fingerprints(files: Sequence[Path]) -> dict[str, str]:
    return {str(path.relative_to(ROOT)): sha256(path)[:12] for path in files}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def modules_read(source: Path) -> list[Path]:
    """Return this package's files that a notebook imports, directly or not, and those that execute it."""
    found: set[Path] = set()
    ahead = {*_imports(source), "vaelib.notebooks"}
    while ahead:
        files = {file for name in ahead for file in _module_files(name)} - found
        found |= files
        ahead = {name for file in files for name in _imports(file)}
    return sorted(found)


@functools.cache
def _imports(file: Path) -> set[str]:
    """Return the dotted names a file imports; `from a import b` counts as `a` and `a.b`."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_text())))
    except SyntaxError as error:
        raise InputError(f"{file}, line {error.lineno}, is not Python: {error.msg}.") from error
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _module_files(name: str) -> list[Path]:
    parts = name.split(".")
    if parts[0] != "vaelib" or parts[1:2] in ([module] for module in NOT_DRAWN):
        return []
    path = PACKAGE.joinpath(*parts[1:])
    files = [PACKAGE.joinpath(*parts[1:n], "__init__.py") for n in range(1, len(parts) + 1)]
    return [file for file in (path.with_suffix(".py"), *files) if file.is_file()]


def execute_page(name: str, profile: str) -> None:
    """Execute one page's notebook into `book/<name>.ipynb`; the last good page stays when that fails."""
    from vaelib import notebooks

    chosen = load_profile(profile)
    check_choice("page", name, chosen.pages)
    page = chosen.pages[name]
    notebooks.execute(page.source, BOOK / f"{name}.ipynb", given_parameters(chosen, page), page=name)


def assemble() -> None:
    """Build the book strictly beside the last good one, and put it in its place by a rename.

    Raises `BuildError` on any warning (a broken reference, a missing picture, an unknown role).
    """
    fresh, html, last = BUILD / "fresh", BUILD / "html", BUILD / "html.last"
    if last.exists() and not html.exists():  # stopped between the two renames below
        last.rename(html)
    shutil.rmtree(fresh, ignore_errors=True)
    command = Path(sysconfig.get_path("scripts")) / "jupyter-book"
    strict = ["--all", "-W", "-n", "--keep-going"]  # --all: warnings of unchanged pages are not repeated
    told = ["-q", "--path-output", str(fresh)]  # -q: nothing but warnings, so that they end the log
    built = subprocess.run([command, "build", ".", *strict, *told], cwd=ROOT)
    if built.returncode or not (fresh / "_build/html/index.html").exists():
        raise BuildError("the book has errors (above); the last good one stays in place.")
    shutil.rmtree(last, ignore_errors=True)
    if html.exists():
        html.rename(last)
    (fresh / "_build/html").rename(html)
    shutil.rmtree(last, ignore_errors=True)
    shutil.rmtree(fresh)
