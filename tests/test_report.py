"""A report in miniature is built, edited, broken, killed and gone on with, by the real workflow."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests import toy
from vaelib.errors import InputError
from vaelib.fingerprint import PACKAGE
from vaelib.profiles import ROOT, Page, Profile, load_profile
from vaelib.report import build as report
from vaelib.report import progress, recipes
from vaelib.spec import RunSpec


class Toy:
    """A toy report in a folder; its commands note what they do in the file `events`."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, *cluster: str, path: str = "") -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "vaelib.cli", "book", *cluster],
            cwd=self.folder,
            env=os.environ
            | {"PYTHONPATH": str(self.folder / "src"), "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def build(self, *cluster: str, path: str = "") -> tuple[int, str, list[str]]:
        """Return exit code, output and the rules that ran, with their names."""
        (self.folder / "events").write_text("")
        process = self.start(*cluster, path=path)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output, self.events()

    def events(self) -> list[str]:
        return (self.folder / "events").read_text().split("\n")[:-1]

    def append(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(path.read_text() + text)

    def runs(self) -> list[Path]:
        return sorted(self.folder.glob("runs/*/done.json"))

    def html(self) -> str:
        return (self.folder / "_build/html/index.html").read_text()

    def processes(self) -> list[psutil.Process]:
        """Return the processes that work in the folder; zombies have no command line."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and process.cwd() == str(self.folder) and process.cmdline():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def start_and_wait_for_training(self) -> subprocess.Popen:
        (self.folder / "events").write_text("")
        (self.folder / "slow").touch()
        process = self.start()
        wait_until(lambda: sum(event.startswith("train") for event in self.events()) == 2)
        return process


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> tuple[Path, list[str]]:
    """Lay a toy report and build it once; return its folder and what that did."""
    folder = toy.lay(tmp_path_factory.mktemp("report") / "toy")
    code, output, events = Toy(folder).build()
    assert code == 0, output
    return folder, events


@pytest.fixture
def built(first, tmp_path) -> Toy:
    return Toy(Path(shutil.copytree(first[0], tmp_path / "toy")))


def test_first_build_does_each_job_once_and_in_order(first):
    folder, events = first
    assert len(events) == 6
    assert events[0] == "data"
    assert sorted(event.split()[0] for event in events[1:5]) == ["page", "page", "train", "train"]
    assert events[5] == "book"
    assert Toy(folder).html().count("parameters") == 2


def test_a_report_is_built_wherever_it_lies(tmp_path):
    """A deep path full of what shells and Snakemake read otherwise; the smoke book is built in one, too."""
    report_there = Toy(toy.lay(tmp_path / "it's {here} for $HOME `echo` é" / "/".join(["deep" * 12] * 3)))
    code, output, events = report_there.build()
    assert code == 0, output
    assert len(events) == 6
    assert report_there.build()[2] == []


def test_new_times_of_equal_files_and_strays_redo_nothing(built):
    """Whatever the times of files, what editors and file managers leave, and what no page imports."""
    for path in built.folder.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts and "_build" not in path.parts:
            path.touch()
    (built.folder / "book/.ipynb_checkpoints").mkdir()
    for stray in ("intro.md~", ".DS_Store", ".ipynb_checkpoints/first-checkpoint.py"):
        (built.folder / "book" / stray).write_text("x = 2\n")
    built.append("src/vaelib/training/loop.py", "x = 1\n")
    code, output, events = built.build()
    assert (code, events) == (0, [])
    assert "Nothing to do" in output
    assert str(built.folder / "_build/html/index.html") in output


def test_an_edit_redoes_what_depends_on_it(built):
    def edit(*names: str) -> tuple[int, str, list[str]]:
        for name in names:
            old = (built.folder / name).stat()
            built.append(name, "x = 1\n")
            os.utime(built.folder / name, ns=(old.st_atime_ns, old.st_mtime_ns))  # contents count, not times
        return built.build()

    code, output, events = edit("book/first.py", "src/vaelib/models/affine.py")
    assert (code, events) == (0, ["page first", "book"])
    assert re.search(r"page first +changed: book/first.py, src/vaelib/models/affine.py\n", output)
    code, output, events = edit("book/intro.md")
    assert (code, events) == (0, ["book"])
    assert re.search(r"book html +changed: book/intro.md\n", output)


def test_a_page_that_reads_scores_has_them_measured_first(built):
    experiments = json.loads((built.folder / "experiments.yml").read_text())
    experiments["pages"]["second"]["scores"] = True
    (built.folder / "experiments.yml").write_text(json.dumps(experiments))
    built.append("book/second.py", "\n# %%\nfrom vaelib.scores.measure import score\n")
    code, output, events = built.build()
    assert code == 0, output
    run = events[0].split()[1]
    assert sorted(events[:2]) == [f"baselines {run}", f"score {run}"]
    assert events[2:] == ["page second", "book"]
    built.append("src/vaelib/scores/rotation.py", "\nADDED = 1\n")
    assert built.build()[2] == ["page second", "book"]  # other code, the same numbers
    versions = built.folder / "src/vaelib/versions.py"
    versions.write_text(versions.read_text().replace('"rotation": ', '"rotation": 1'))
    assert sorted(built.build()[2]) == [f"baselines {run}", "book", "page second", f"score {run}"]
    assert built.build()[2] == []


def test_one_run_stands_for_all_that_share_their_baselines(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "SPECS", tmp_path)
    pages = {
        "conclusion": Page(
            "conclusion", "conclusion", {"seeds": [0, 1], "archs": ["ours", "article"]}, scores=True
        )
    }
    needs = report.plan(Profile("quick", {"n_train": 24}, pages))["conclusion"]
    assert len(needs.runs) == 4
    assert needs.scores == needs.runs
    assert [name.split("-")[0] for name in needs.baselines] == ["ours", "article"]


def test_a_finished_run_that_came_with_the_checkout_is_taken_as_it_is(built):
    for name in (".snakemake", "_build", "logs"):
        shutil.rmtree(built.folder / name)
    for done in built.runs():
        done.write_text("from elsewhere")
        os.utime(done, (1e9, 1e9))
    code, _, events = built.build()
    assert code == 0
    assert sorted(events) == ["book", "data", "page first", "page second"]
    assert [done.read_text() for done in built.runs()] == ["from elsewhere"] * 2


def test_a_clock_set_back_stops_nothing(built):
    """All files, finished runs among them, are of a time that has not come yet."""
    for path in (path for path in built.folder.rglob("*") if path.is_file()):
        os.utime(path, (4e9, 4e9))
    shutil.rmtree(built.runs()[0].parent)
    built.append("book/second.py", "x = 1\n")
    code, output, events = built.build()
    assert code == 0, output
    assert len(events) in (3, 4)  # a run, the page or both that read it, the book
    assert len(built.runs()) == 2


def test_a_damaged_order_to_train_is_written_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "SPECS", tmp_path)
    spec = RunSpec(seed=1)
    for left in (None, b"", b"{", b"\xff", spec.to_json().replace('"seed":1', '"seed":3').encode()):
        if left is not None:
            (tmp_path / f"{spec.id}.json").write_bytes(left)
        report.write_specs([spec])
        assert (tmp_path / f"{spec.id}.json").read_text() == spec.to_json()


def test_a_removed_page_or_run_is_made_again(built):
    (built.folder / "book/second.ipynb").unlink()
    shutil.rmtree(next(built.folder.glob("runs/article-b4*")))
    _, _, events = built.build()
    assert sorted(event.split("-")[0] for event in events) == [
        "book",
        "page first",
        "page second",
        "train article",
    ]


def test_a_page_that_fails_is_shown_and_the_last_good_one_stays(built):
    page, html = (built.folder / "book/first.ipynb").read_text(), built.html()
    built.append("book/first.py", "# broken\n")
    built.append("book/second.py", "# fine\n")
    for _ in range(2):  # a failure is not forgotten
        code, output, events = built.build()
        assert code == 1
        assert "page first" in events
        assert "book" not in events
        assert "ValueError: the last line of the trouble" in output
        assert "logs/page/first.log" in output
        assert (built.folder / "book/first.ipynb").read_text() == page
        assert "# fine" in (built.folder / "book/second.ipynb").read_text()
        assert built.html() == html
    source = built.folder / "book/first.py"
    source.write_text(source.read_text().replace("# broken", "# mended"))
    code, _, events = built.build()
    assert (code, events) == (0, ["page first", "book"])
    assert "# mended" in built.html()


def test_a_training_that_fails_is_shown_and_stops_no_other(built):
    shutil.rmtree(built.folder / "runs")
    (built.folder / "diverge").write_text("b1")
    code, output, events = built.build()
    assert code == 1
    assert sorted(event.split("-s0")[0] for event in events) == [
        "page first",
        "train article-b1",
        "train article-b4",
    ]
    assert len(built.runs()) == 1
    assert re.search(
        r"train article-b1-\S+ failed. The last lines of logs/train/article-b1-\S+\.log:", output
    )
    assert "run article-b1 diverged at epoch 3" in output
    assert re.search(r"not finished: train article-b1-\S+\. What is done is kept", output)


def test_a_finished_run_outlives_its_job(built):
    """A job that fails after its run was finished (killed at its end, no room for its log) takes nothing."""
    shutil.rmtree(built.folder / "runs")
    (built.folder / "late").touch()
    assert built.build()[0] == 1
    assert len(built.runs()) == 2
    (built.folder / "late").unlink()
    code, output, events = built.build()
    assert (code, events) == (0, []), output


@pytest.mark.parametrize("victims", ["driver", "all"])
def test_a_killed_build_goes_on_with_the_same_command(built, victims):
    kept = built.runs()
    shutil.rmtree(built.folder / "runs")
    process = built.start_and_wait_for_training()
    orphans = [other for other in built.processes() if other.pid != process.pid]
    assert len(orphans) >= 3
    for victim in [process, *(orphans if victims == "all" else [])]:
        os.kill(victim.pid, signal.SIGKILL)
    process.wait()
    again = built.start()
    wait_until(lambda: not any(other.is_running() for other in orphans))
    (built.folder / "slow").unlink()
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output
    assert "Going on with a build that was cut short" in output
    assert built.runs() == kept


def test_a_stopped_build_leaves_no_process_and_no_finished_run_is_lost(built):
    kept, lost = built.runs()
    shutil.rmtree(lost.parent)
    (built.folder / "events").write_text("")
    (built.folder / "slow").touch()
    process = built.start()
    wait_until(lambda: any(event.startswith("train") for event in built.events()))
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "the same command goes on from here" in output
    assert built.processes() == []
    assert built.runs() == [kept]


def test_two_builds_at_once_are_refused(built):
    shutil.rmtree(built.folder / "runs")
    process = built.start_and_wait_for_training()
    other = built.start()
    output, _ = other.communicate(timeout=60)
    assert other.returncode == 2
    assert "another build is at work" in output
    (built.folder / "slow").unlink()
    process.communicate(timeout=60)
    assert process.returncode == 0


KUBECTL = f"""#!{sys.executable}
import os, subprocess, sys, yaml
verb, given = sys.argv[1], sys.argv[2:]
if verb == "create":
    job = yaml.safe_load(sys.stdin)
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["volumeMounts"][0]["mountPath"] == container["workingDir"] == os.getcwd()
    quiet = {{name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}}
    process = subprocess.Popen(container["command"], cwd=container["workingDir"], **quiet)
    print(f"job.batch/vaelib-{{process.pid}}")
elif verb == "get":
    done = os.path.exists("book/second.ipynb")
    print("1/" if done else "/")
"""


@pytest.mark.parametrize("cluster", ["local-submit", "kubernetes"])
def test_jobs_go_through_a_cluster(built, cluster, tmp_path):
    """A submit script, and a stand-in for kubectl that runs the job's container command on this machine."""
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)
    (built.folder / "book/second.ipynb").unlink()
    code, output, events = built.build(cluster, path=str(tmp_path))
    assert code == 0, output
    assert events == ["page second", "book"]


def test_snakemake_accepts_the_slurm_profile(built):
    """Its plugin is not installed here: another executor takes its place, the rest of the file is read."""
    stand_in = ["--executor", "cluster-generic", "--cluster-generic-submit-cmd", "false"]
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "workflow/profiles/slurm", *stand_in]
    dry = subprocess.run(
        [*command, "--dry-run", "--forceall", "--config", "profile=toy"],
        cwd=built.folder,
        env=os.environ | {"PYTHONPATH": str(built.folder / "src")},
        capture_output=True,
        text=True,
    )
    assert dry.returncode == 0, dry.stderr
    assert "mem_mb=4000" in dry.stdout


def test_a_book_with_errors_does_not_replace_the_last_good_one(tmp_path):
    folder = toy.lay(tmp_path / "toy")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/intro\n")

    def assemble() -> int:
        command = [sys.executable, "-c", "from vaelib.report import build; build.assemble()"]
        environment = os.environ | {"PYTHONPATH": str(folder / "src")}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True).returncode

    page = folder / "_build/html/book/intro.html"
    assert assemble() == 0
    assert "Toy" in page.read_text()
    (folder / "book/intro.md").write_text("# New\n\n{ref}`nowhere`\n")
    assert assemble() != 0
    assert "Toy" in page.read_text()
    (folder / "book/intro.md").write_text("# New\n")
    assert assemble() == 0
    assert "New" in page.read_text()
    assert sorted(path.name for path in (folder / "_build").iterdir()) == ["html"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Missing output files: book/a.ipynb, _build/report/made/page/a", "is not there yet"),
        ("Missing output files: _build/report/made/page/a", "did not finish last time"),
        ("Forced execution", "was cut short"),
        ("Input files updated by another job: runs/x/done.json", "what it reads is made anew"),
        ("Updated input files: runs/x/done.json", "newer: runs/x/done.json"),
        (
            "Params have changed since last execution: Union of exclusive params before and now across all "
            """output: before: '{"a": "1", "b": "2"}' now: '{"a": "1", "b": "3", "c": "4"}' """,
            "changed: b, c",
        ),
    ],
)
def test_reasons_in_words(reason, words):
    assert progress.in_words(reason) == words


def test_progress_tells_what_is_done_at_work_and_to_come_and_for_how_long(monkeypatch, capsys):
    seconds = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds[0])
    jobs = [progress.Job("train", name) for name in "abcdef"] + [progress.Job("page", "p")]
    told = progress.Progress(jobs, begun=0)
    for at, line in (
        (0, "Job 1: train a"),
        (0, "Job 2: train b"),
        (60, "Finished jobid: 1 (Rule: train)"),
        (60, "Job 3: train c"),
        (70, "Error in rule train:"),
        (70, "    jobid: 2"),
        (70, "Job 4: train d"),
        (100, "Finished jobid: 3 (Rule: train)"),
        (4000, "Finished jobid: 4 (Rule: train)"),
    ):
        seconds[0] = at
        told.read(line)
    ahead = [line.strip() for line in capsys.readouterr().out.splitlines() if "to come" in line]
    assert ahead == [
        # b has had its minute; c, d, e and f take one each, two at a time
        "train: 1 done, 1 at work, 4 to come, about 2:00 left",
        # the mean is 50 s: d has 20 s to go, e and f 50 s each
        "train: 2 done, 1 at work, 2 to come, about 1:00 left",
        "train: 3 done, 0 at work, 2 to come, about 22:23 left",
    ]
    assert told.failed == [jobs[1]]


def test_a_page_depends_on_the_modules_it_imports_and_theirs(tmp_path):
    notebook = tmp_path / "a.py"
    notebook.write_text("from vaelib.plots.style import *\nfrom vaelib import profiles\n")
    package = PACKAGE
    names = {path.relative_to(package).as_posix() for path in recipes.modules_read(notebook)}
    assert {"plots/style.py", "profiles.py", "spec.py", "architectures.py", "report/notebooks.py"} <= names
    unread = {"cli.py", "report/workflow.py", "report/progress.py", "report/build.py", "training/loop.py"}
    assert not {*unread, "data/mnist.py"} & names
    assert all((package / name).exists() for name in unread)


def test_contents_and_pages_must_agree():
    pages = {"nowhere": Page("nowhere", "results", {})}
    with pytest.raises(InputError, match=r"_toc\.yml lacks book/nowhere"):
        report.check_contents(Profile("smoke", {}, pages))


def test_an_unknown_cluster_is_refused():
    with pytest.raises(InputError, match=r"cluster 'slrum' is unknown; .* Did you mean 'slurm'"):
        report.build("smoke", 1, "slrum")


def test_the_workflow_imports_no_torch():
    code = "import sys, vaelib.report.build, vaelib.report.notebooks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_file_that_a_parameter_names_is_part_of_the_page_s_recipe():
    profile = load_profile("smoke")
    page = profile.pages["performance"]
    assert json.loads(recipes.page_recipe(profile, page, []))["benchmarks/results.json"]
