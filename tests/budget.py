"""What tests at random may cost on every run: more examples of one leave less to the others."""

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import is_hypothesis_test, settings

SECONDS = float(os.environ.get("HYPOTHESIS_BUDGET", 60))
"""Seconds of a core that all tests of hypothesis take together at most; `make fuzz` has an hour."""

spent: dict[str, float] = {}
"""Seconds by test."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    begun = time.process_time()
    try:
        return (yield)
    finally:
        if is_hypothesis_test(getattr(item, "obj", None)):
            spent[item.nodeid] = time.process_time() - begun


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error) -> None:
    """Take over what a worker of pytest-xdist has spent."""
    spent.update(getattr(node, "workeroutput", {}).get("spent", {}))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["spent"] = spent
    elif over_budget() and not exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if over_budget():
        dear = sorted(spent, key=lambda test: -spent[test])[:3]
        named = ", ".join(f"{test} {spent[test]:.1f} s" for test in dear)
        terminalreporter.write_line(
            f"FAILED the budget of tests at random: {sum(spent.values()):.0f} s of a core; accepted: "
            f"{SECONDS:g} s. The dearest: {named}. Give them fewer examples (tests.anything.examples)."
        )


def over_budget() -> bool:
    return settings.get_current_profile_name() != "fuzz" and sum(spent.values()) > SECONDS
