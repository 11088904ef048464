"""A report in miniature: the real Snakefile, report and driver over commands that take no time."""

import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

COMMANDS = """
import pathlib, sys, time

ROOT = pathlib.Path(__file__).parents[2]

def note(text):
    with (ROOT / "events").open("a") as file:
        file.write(text + "\\n")

def write_atomic(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_text(text)
    path.with_suffix(".part").rename(path)

def main(command, *rest):
    if command == "book":
        from vaelib.report import build as report
        from vaelib.errors import InputError
        try:
            report.build("toy", 2, *rest)
        except report.BuildError as error:
            sys.exit(f"Error: {error}")
        except InputError as error:
            print(f"Error: {error}", file=sys.stderr)
            sys.exit(2)
    elif command == "data":
        note("data")
    elif command == "train":
        spec = pathlib.Path(rest[1])
        done = ROOT / "runs" / spec.stem / "done.json"
        note(f"train {spec.stem}")
        while (ROOT / "slow").exists():
            time.sleep(0.05)
        diverge = ROOT / "diverge"
        if diverge.exists() and f"-{diverge.read_text()}-" in spec.stem:
            sys.exit(f"Error: run article-{diverge.read_text()} diverged at epoch 3, step 14")
        write_atomic(done, "{}")
        if (ROOT / "late").exists():
            sys.exit("killed while it ended")
    elif command == "score":
        kind = "baselines" if "--baselines" in rest else "score"
        note(f"{kind} {pathlib.Path(rest[rest.index('--spec') + 1]).stem}")
    elif command == "page":
        note(f"page {rest[0]}")
        source = (ROOT / "book" / f"{rest[0]}.py").read_text()
        if "broken" in source:
            sys.exit("first line of the trouble\\nValueError: the last line of the trouble")
        write_atomic(ROOT / "book" / f"{rest[0]}.ipynb", source)
    elif command == "assemble":
        note("book")
        pages = "".join(path.read_text() for path in sorted((ROOT / "book").glob("*.ipynb")))
        write_atomic(ROOT / "_build/html/index.html", pages)

main(*sys.argv[1:])
"""

NOTEBOOK = """# %% tags=["parameters"]
profile = "toy"
store = "runs"
beta = 4.0
# %%
from vaelib.{module} import *
"""


def lay(folder: Path) -> Path:
    """Lay the toy report into `folder`: two pages, a run each, and the package with stub commands."""
    shutil.copytree(ROOT / "src/vaelib", folder / "src/vaelib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "workflow", folder / "workflow")
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "src/vaelib/cli.py").write_text(COMMANDS)
    (folder / "book").mkdir()
    for name, module in (("first", "models.affine"), ("second", "metrics")):
        (folder / "book" / f"{name}.py").write_text(NOTEBOOK.format(module=module))
    (folder / "book/intro.md").write_text("# Toy\n")
    (folder / "_config.yml").write_text("title: Toy\n")
    chapters = [{"file": "book/first"}, {"file": "book/second"}]
    (folder / "_toc.yml").write_text(
        json.dumps({"format": "jb-book", "root": "book/intro", "chapters": chapters})
    )
    pages = {"first": {"notebook": "first"}, "second": {"notebook": "second", "parameters": {"beta": 1}}}
    profiles = {"toy": {"spec": {"n_train": 24, "epochs": 1}, "parameters": {}}}
    (folder / "experiments.yml").write_text(json.dumps({"pages": pages, "profiles": profiles}))
    return folder
