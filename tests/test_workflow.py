"""What a build says when Snakemake stops, and where it caches for a user without a home."""

import os

import pytest

from vaelib.report import workflow
from vaelib.report.progress import cause

HEADER = """\
Assuming unrestricted shared filesystem usage.
host: somewhere
Building DAG of jobs...
Using shell: /usr/bin/bash
Provided cores: 2
Rules claiming more threads will be scaled down.
"""


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("WorkflowError:\nFailed to open book.sqlite\n", "  WorkflowError:"),
        (
            'Traceback (most recent call last):\n  File "x", line 1\n    x()\nOSError: no room\n',
            "  OSError: no room",
        ),
        ("\x1b[31mMissingInputException in rule page\x1b[0m\n", "  MissingInputException in rule page"),
    ],
)
def test_the_cause_comes_first_when_snakemake_stops(said, first):
    assert cause(HEADER + said).splitlines()[0] == first
    assert len(cause(HEADER + said + "more\n" * 30).splitlines()) == 8


def test_without_a_word_of_an_error_the_last_lines_are_shown():
    assert cause(HEADER + "killed\n").splitlines()[-1] == "  killed"


@pytest.mark.parametrize("home", ["a file", "nowhere", "read-only"])
def test_a_home_that_cannot_be_written_stops_no_build(tmp_path, monkeypatch, home):
    """Snakemake keeps its cache there, and stops with a traceback where it cannot."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(workflow, "STATE", tmp_path / "state")
    if home == "a file":
        (tmp_path / "file").touch()
        monkeypatch.setenv("HOME", str(tmp_path / "file"))
    elif home == "nowhere":
        monkeypatch.setenv("HOME", "/proc/none")
    else:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert workflow._environment("mark")["XDG_CACHE_HOME"] == str(tmp_path / "state" / "cache")


def test_a_home_that_can_be_written_is_used(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "XDG_CACHE_HOME" not in workflow._environment("mark")
