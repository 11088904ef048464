"""What a person or a disk can hand over, at random: it is read, or refused in one line, and no more.

On every run a few examples; `make fuzz` goes on for an hour, and prints the seed of each round.
"""

import gzip

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.anything import examples, reshaped
from vaelib.data.mnist import SHA256, load_mnist
from vaelib.errors import InputError
from vaelib.profiles import EXPERIMENTS, load_profile
from vaelib.report.build import check_contents, check_defaults, plan
from vaelib.spec import RunSpec

BYTES = st.binary(max_size=40)
OWN = yaml.safe_load(EXPERIMENTS.read_text(encoding="utf-8"))


def refused(call, *given) -> str:
    """Return the line in which a call refuses what it is given; nothing where it takes it."""
    try:
        call(*given)
    except InputError as error:
        return str(error)
    return ""


def planned(path) -> None:
    """Do all that a build does before its first job, but for writing specs."""
    profile = load_profile("smoke", path)
    check_contents(profile)
    check_defaults(profile)
    plan(profile)


@examples(8)
@given(st.data())
def test_any_change_in_what_is_built_is_planned_or_refused(tmp_path_factory, data):
    smoke = {"pages": OWN["pages"], "profiles": {"smoke": OWN["profiles"]["smoke"]}}
    folder = tmp_path_factory.mktemp("yaml")
    changed = data.draw(reshaped(smoke))
    (folder / "experiments.yml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vaelib.report.build.SPECS", folder)
        said = refused(planned, folder / "experiments.yml")
    assert "\n" not in said


@pytest.mark.parametrize("value", ["2024-13-45", "9" * 5000, "0x" + "f" * 5000, "&a [*a]", "!!python/none"])
def test_any_odd_value_of_yaml_is_refused(tmp_path, value):
    path = tmp_path / "experiments.yml"
    profiles = f"{{s: {{spec: {{seed: {value}}}, parameters: {{}}}}}}"
    path.write_text(f"pages: {{a: {{notebook: a}}}}\nprofiles: {profiles}")
    said = refused(load_profile, "s", path)
    assert said.startswith("experiments.yml")
    assert "\n" not in said


@given(st.text())
def test_any_text_as_a_spec_is_read_or_refused(text):
    assert "\n" not in refused(RunSpec.from_json, text)


@examples(30)
@given(BYTES | BYTES.map(gzip.compress) | BYTES.map(lambda rest: b"\0\0\x08\x03" + rest))
def test_any_bytes_as_a_file_of_digits_are_named(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("mnist")
    for name in SHA256:
        (folder / f"{name}.gz").write_bytes(content)
    said = refused(load_mnist, "test", folder)
    assert said.startswith("MNIST folder")
    assert "\n" not in said
