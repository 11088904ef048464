"""That tests at random cost more than they may fails a run in which all of them pass."""

import os
import subprocess
import sys

from vaelib.profiles import ROOT

TESTS = """
import time
from hypothesis import given, settings, strategies as st

@settings(deadline=None, max_examples=3, database=None)
@given(st.integers())
def test_dear(n):
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass

def test_plain():
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
"""


def test_a_budget_that_is_overdrawn_fails_the_run(tmp_path):
    """What a worker has spent counts; what other tests have does not."""
    (tmp_path / "test_it.py").write_text(TESTS)
    words = ["-p", "tests.budget", "-p", "no:cacheprovider", "-n", "1", "-c", os.devnull, "--rootdir", "."]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "test_it.py"],
        cwd=tmp_path,
        env=os.environ | {"HYPOTHESIS_BUDGET": "0.03", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    assert "test_it.py::test_dear" in done.stdout
    assert "test_plain" not in done.stdout
