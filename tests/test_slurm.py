"""What the build asks of Slurm and says of it, with stand-ins for its commands."""

import sys
from pathlib import Path

import pytest

from vaelib.errors import InputError
from vaelib.profiles import ROOT
from vaelib.report import build as report
from vaelib.report import slurm
from vaelib.report.progress import Job, Progress

TRAIN, PAGE, LOCAL = Job("train", "a"), Job("page", "b"), Job("data", "mnist")


class Cluster:
    """A folder of commands that stand for Slurm's; each notes how it was called."""

    def __init__(self, folder: Path):
        self.folder = folder
        for command in ("scontrol", "sacct", "squeue", "scancel"):  # a real Slurm is never asked
            self.answers(command, "no answer", 1)

    def answers(self, command: str, text: str = "", code: int = 0) -> None:
        stream = "" if code == 0 else ">&2"
        path = self.folder / command
        path.write_text(
            f'#!/bin/sh\necho "$@" >> {path}.calls\ncat {stream} << END\n{text}\nEND\nexit {code}\n'
        )
        path.chmod(0o755)

    def is_configured(self, min_job_age: str, storage: str) -> None:
        self.answers(
            "scontrol", f"MinJobAge               = {min_job_age}\nAccountingStorageType   = {storage}"
        )

    def calls(self, command: str) -> list[str]:
        path = self.folder / f"{command}.calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> Cluster:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    plugin = tmp_path / "plugins/snakemake_executor_plugin_slurm"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").touch()
    monkeypatch.syspath_prepend(plugin.parent)
    return Cluster(tmp_path)


@pytest.mark.parametrize(
    ("min_job_age", "storage", "sacct_code", "chosen"),
    [
        ("300 sec", "accounting_storage/none", 1, "squeue"),
        ("300 sec", "accounting_storage/slurmdbd", 0, "squeue"),
        ("240 sec", "(null)", 1, "squeue"),
        ("60 sec", "accounting_storage/slurmdbd", 0, "sacct"),
        ("0 sec", "accounting_storage/slurmdbd", 0, "sacct"),
    ],
)
def test_the_status_command_is_chosen_by_what_the_cluster_answers(
    cluster, min_job_age, storage, sacct_code, chosen
):
    cluster.is_configured(min_job_age, storage)
    cluster.answers("sacct", "no accounting", sacct_code)
    assert slurm.status_command() == chosen


@pytest.mark.parametrize(
    ("storage", "sacct_says", "problem"),
    [
        ("accounting_storage/none", "", "its AccountingStorageType is accounting_storage/none"),
        ("accounting_storage/slurmdbd", "Connection refused", "Connection refused"),
    ],
)
def test_a_slurm_that_would_not_tell_how_jobs_ended_is_refused(cluster, storage, sacct_says, problem):
    cluster.is_configured("60 sec", storage)
    cluster.answers("sacct", sacct_says, 1)
    with pytest.raises(
        InputError, match=rf"after 60 s \(MinJobAge\).*\({problem}\).*accepted: MinJobAge of 240"
    ):
        slurm.status_command()


def test_where_no_slurm_answers_or_the_plugin_is_missing_that_is_said_before_work(cluster, monkeypatch):
    cluster.answers("scontrol", "Unable to contact slurm controller", 1)
    with pytest.raises(InputError, match="no Slurm answers here: Unable to contact slurm controller"):
        report.build("smoke", 1, "slurm")
    (cluster.folder / "scontrol").unlink()
    monkeypatch.setenv("PATH", str(cluster.folder))
    with pytest.raises(InputError, match="there is no command scontrol"):
        report.build("smoke", 1, "slurm")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "plugins" not in path])
    monkeypatch.setattr(slurm, "PLUGIN", "snakemake-executor-plugin-nowhere")
    with pytest.raises(InputError, match=r"plugin-nowhere is not installed; pip install"):
        report.build("smoke", 1, "slurm")


@pytest.mark.parametrize("name", ["$HOME", "a`b", 'c"d', "e\\f"])
def test_a_path_that_a_job_s_shell_would_misread_is_refused(name):
    with pytest.raises(InputError, match="would misread; accepted"):
        report.check_path_for_clusters(Path("/data") / name)
    report.check_path_for_clusters(Path("/data/it's {here} é"))


def test_other_batch_systems_are_not_asked_for_slurm():
    names = sorted(path.name for path in (ROOT / "workflow/profiles").iterdir())
    assert [name for name in names if report._is_slurm(name)] == ["slurm"]
    assert not report._is_slurm(None)


@pytest.fixture
def watch(monkeypatch):
    """A watch over a build of two jobs in the queue, and its clock in a list."""
    clock = [0.0]
    monkeypatch.setattr(slurm.time, "monotonic", lambda: clock[0])
    progress = Progress([TRAIN, PAGE, LOCAL], begun=0)
    for line in (
        "Job 3: train a",
        "Job 4: page b",
        "Job 3 has been submitted with SLURM jobid 71 (log: /x/71.log).",
        "Job 4 has been submitted with SLURM jobid 72 (log: /x/72.log).",
    ):
        progress.read(line)
    assert progress.queued == {"3": "71", "4": "72"}
    return slurm.Watch(progress, looked=0), clock


def look(watch, clock, until: float) -> list[Job]:
    """Return what the watch found lost at last, having looked every minute."""
    lost: list[Job] = []
    while clock[0] < until:
        clock[0] += slurm.LOOK_EVERY
        lost = watch.look()
    return lost


def test_a_job_that_slurm_does_not_know_or_ended_long_ago_is_lost_and_ends_the_build_when_no_other_works(
    cluster, watch, capsys
):
    watch, clock = watch
    cluster.answers("squeue", "72|RUNNING|None")
    assert look(watch, clock, 300) == []
    assert "LOST" not in capsys.readouterr().out  # it was seen to be gone at 60 s
    assert look(watch, clock, 900) == []  # the page is still at work
    told = "LOST train a: Slurm job 71 has been unknown for 5:00, and Snakemake has not heard of it"
    assert capsys.readouterr().out.strip() == told
    cluster.answers("squeue", "72|CANCELLED|None")
    assert look(watch, clock, 1200) == []
    assert look(watch, clock, 1260) == [TRAIN, PAGE]
    assert "LOST page b: Slurm job 72 has been cancelled for 5:00" in capsys.readouterr().out
    watch.cancel()
    assert cluster.calls("scancel") == ["71 72"]


def test_a_job_on_this_machine_keeps_the_build_from_ending_and_a_finished_one_is_not_asked_for(
    cluster, watch
):
    watch, clock = watch
    cluster.answers("squeue")
    watch.progress.read("Job 5: data mnist")
    assert look(watch, clock, 600) == []
    watch.progress.read("Finished jobid: 5 (Rule: data)")
    watch.progress.read("Finished jobid: 3 (Rule: train)")
    assert look(watch, clock, 660) == [PAGE]
    watch.progress.read("Finished jobid: 4 (Rule: page)")
    asked = len(cluster.calls("squeue"))
    assert look(watch, clock, 720) == []
    assert len(cluster.calls("squeue")) == asked


def test_a_job_that_comes_back_into_the_queue_is_not_lost(cluster, watch, capsys):
    watch, clock = watch
    for until, state in ((240, "NODE_FAIL"), (300, "REQUEUED"), (540, "NODE_FAIL"), (600, "RUNNING")):
        cluster.answers("squeue", f"71|{state}|None\n72|{state}|None")
        assert look(watch, clock, until) == []
    assert capsys.readouterr().out == ""


def test_why_a_job_waits_and_that_slurm_is_silent_is_said_once(cluster, watch, capsys):
    watch, clock = watch
    drained = "Nodes required for job are DOWN, DRAINED"
    cluster.answers("squeue", f"71|RUNNING|None\n72|PENDING|{drained}")
    look(watch, clock, 180)
    cluster.answers("squeue", "71|RUNNING|None\n72|PENDING|Priority")
    look(watch, clock, 300)
    cluster.answers("squeue", "Unable to contact slurm controller", 1)
    assert look(watch, clock, 1200) == []
    cluster.answers("squeue", "71|RUNNING|None\n72|RUNNING|None")
    look(watch, clock, 1320)
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        f"waits page b: Slurm job 72, {drained}",
        "waits no more page b",
        "Slurm does not answer: Unable to contact slurm controller",
        "Slurm answers again",
    ]
