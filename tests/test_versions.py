"""Numbers that are kept are those of their version; what shares no number shares no version."""

import json

import pytest

from tests import golden
from vaelib import versions
from vaelib.scores.registry import GROUPS

CASES = {name: (version, measured, share) for name, version, measured, share in golden.cases()}


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_their_version(name):
    version, measured, share = CASES[name]
    path = golden.path_of(name, version)
    assert path.exists(), f"no golden numbers of {path.stem}: python -m tests.golden"
    changed = golden.differences(measured(), json.loads(path.read_text()), share)
    assert not changed, f"raise the version of {name} in versions.py, then python -m tests.golden: {changed}"


def test_golden_numbers_are_defined():
    undefined = [path.name for path in golden.FOLDER.glob("*.json") if "null" in path.read_text()]
    assert not undefined


def test_there_are_golden_numbers_of_nothing_else():
    wanted = {golden.path_of(name, version) for name, (version, *_) in CASES.items()}
    assert set(golden.FOLDER.glob("*.json")) == wanted


def test_everything_that_is_trained_or_measured_has_a_version():
    assert set(versions.SCORES) == {name for name in GROUPS if GROUPS[name].names} | {"agreement"}
    assert set(versions.MEASURED) == set(golden.MEASURED)


def test_a_number_that_changes_is_noticed_and_rounding_is_not():
    kept = {"a": [1.0, 2.0], "b": "name", "c": None, "d": True}
    assert golden.differences(kept | {"a": [1.0, 2.01]}, kept, 1e-2) == []
    for change in ({"a": [1.0, 2.1]}, {"a": [1.0]}, {"a": [1.0, None]}, {"b": "other"}, {"c": 0.0}):
        assert len(golden.differences(kept | change, kept, 1e-2)) == 1
    assert golden.differences({"a": [1.0, 2.0]}, kept, 1e-2)
