"""What the scripts of `local-submit` tell Snakemake of a job, whatever becomes of it."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from vaelib.profiles import ROOT

SCRIPTS = ROOT / "workflow/profiles/local-submit"


def submit(folder: Path, job: str) -> str:
    script = folder / "snakejob.page.1.sh"
    script.write_text(job)
    return subprocess.check_output([SCRIPTS / "submit.sh", script], cwd=folder, text=True).strip()


def status(folder: Path, number: str) -> str:
    return subprocess.check_output([SCRIPTS / "status.sh", number], cwd=folder, text=True).strip()


def status_at_end(folder: Path, number: str) -> str:
    end = time.monotonic() + 30
    while (said := status(folder, number)) == "running":
        assert time.monotonic() < end, "it does not end"
        time.sleep(0.05)
    return said


@pytest.mark.parametrize(("code", "said"), [(0, "success"), (3, "failed")])
def test_a_job_that_ends_is_known_by_its_exit_code(tmp_path, code, said):
    assert status_at_end(tmp_path, submit(tmp_path, f"sleep 0.1; exit {code}")) == said


@pytest.mark.parametrize("with_its_shell", [True, False])
def test_a_job_that_is_killed_has_failed(tmp_path, with_its_shell):
    number = submit(tmp_path, "echo $$ > job; exec sleep 60")
    end = time.monotonic() + 30
    while not (tmp_path / "job").exists() or not (tmp_path / "job").read_text():
        assert time.monotonic() < end, "it does not begin"
        time.sleep(0.05)
    assert status(tmp_path, number) == "running"
    if with_its_shell:
        os.kill(int(number), signal.SIGKILL)
    os.kill(int((tmp_path / "job").read_text()), signal.SIGKILL)
    assert status_at_end(tmp_path, number) == "failed"


def test_a_process_that_has_the_number_of_a_job_now_is_none(tmp_path):
    assert status(tmp_path, str(os.getpid())) == "failed"
