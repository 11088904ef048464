"""The smoke book through a real Slurm of one node: job cancelled, build stopped, node drained, book finished.

Not part of `make test`: tests/slurm/start && .venv/bin/pytest -m cluster -s tests/test_slurm_cluster.py
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.checkout import lay_checkout

pytestmark = pytest.mark.cluster

PATIENCE = 60 * 60


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def queue(state: str = "all") -> list[str]:
    """Return the Slurm ids of the jobs that wait or work."""
    return said("squeue", "--noheader", "--format=%i", "--me", f"--states={state}").split()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    return lay_checkout(tmp_path_factory.mktemp("slurm") / "checkout")


@pytest.fixture(autouse=True)
def node_in_service() -> Iterator[str]:
    name = said("sinfo", "--noheader", "--format=%N")
    yield name
    if "drain" in said("sinfo", "--noheader", "--format=%T"):
        said("scontrol", "update", f"nodename={name}", "state=resume")


class Build:
    """The command that builds the book through Slurm, given once."""

    def __init__(self, checkout: Path):
        self.output = checkout.parent / "output"
        with self.output.open("a") as sink:
            sink.write("\n$ vaelib book --profile smoke --cluster slurm\n")
            sink.flush()
            self.begin = sink.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vaelib.cli", "book", "--profile", "smoke", "--cluster", "slurm"],
                cwd=checkout,
                env=os.environ | {"PYTHONPATH": f"{checkout / 'src'}:{os.environ.get('PYTHONPATH', '')}"},
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.output.read_text()[self.begin :]

    def wait_for(self, what: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not what():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(1)


@pytest.fixture
def give(checkout) -> Iterator[Callable[[], Build]]:
    """Give the command; what is at work when a test ends is stopped."""
    given: list[Build] = []

    def again() -> Build:
        given.append(Build(checkout))
        return given[-1]

    yield again
    for build in given:
        if build.process.poll() is None:
            build.process.send_signal(signal.SIGINT)
            build.process.wait(timeout=120)


def test_a_job_cancelled_in_slurm_fails_and_a_stopped_build_leaves_nothing_in_the_queue(give):
    build = give()
    build.wait_for(lambda: queue("running"))
    said("scancel", queue("running")[0])
    build.wait_for(lambda: re.search(r"(FAILED|LOST) \w+ \S+", build.said()))
    build.wait_for(lambda: queue("running"))
    build.process.send_signal(signal.SIGINT)
    assert build.process.wait(timeout=60) != 0
    assert "the same command goes on from here" in build.said()
    end = time.monotonic() + 60
    while queue("pending,running,completing"):
        assert time.monotonic() < end
        time.sleep(1)


def test_the_same_command_goes_on_says_what_a_drained_node_keeps_waiting_and_finishes(
    give, checkout, node_in_service
):
    done = {path: path.stat().st_mtime_ns for path in checkout.glob("runs/*/done.json")}
    build = give()
    build.wait_for(lambda: queue("running"))
    said("scontrol", "update", f"nodename={node_in_service}", "state=drain", "reason=tests")
    build.wait_for(lambda: re.search(r"waits \w+ \S+: Slurm job \d+, ", build.said()))
    said("scontrol", "update", f"nodename={node_in_service}", "state=resume")
    assert build.process.wait(timeout=PATIENCE) == 0, build.said()
    assert f"The book is ready: {checkout}/_build/html/index.html" in build.said()
    assert (checkout / "_build/html/index.html").exists()
    assert {path: path.stat().st_mtime_ns for path in done} == done
    print(build.output.read_text())
    if "accounting_storage/none" not in said("scontrol", "show", "config"):
        listing = said("sacct", "-X", "--format=JobID,Comment%32,State%20,Elapsed,ExitCode")
        print(listing)
        assert len(re.findall(r"\bCOMPLETED\b", listing)) > 20
        assert "CANCELLED" in listing


def test_with_the_book_finished_nothing_goes_to_the_queue(give):
    last = said("scontrol", "show", "config").split("NEXT_JOB_ID")[1].split()[1]
    build = give()
    assert build.process.wait(timeout=PATIENCE) == 0
    assert "Nothing to do" in build.said()
    assert last == said("scontrol", "show", "config").split("NEXT_JOB_ID")[1].split()[1]
