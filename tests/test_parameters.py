"""Parameters of chapters: what a chapter declares it accepts, and all else is one line, before work."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.anything import FLAT, VALUES
from vaelib.cli import main
from vaelib.errors import InputError
from vaelib.profiles import BOOK, Page, Profile
from vaelib.report.build import check_defaults
from vaelib.report.parameters import check_chapter, check_parameters, declared, defaults, runs_read
from vaelib.spec import RunSpec

CELL = """# %% tags=["parameters"]
profile = "smoke"
store = "runs"
arch = "ours"  # which network
betas = [1, 4]
also = []  # further runs
also_betas = [2.0]
label = None
dark = False
size = 3
share = 0.5  # of all [0.1 to 1]
dims = [1, 2]  # two of them [2 of 1 to 10]
turns = (
    90.0  # the range of the spec is wider [1 to 180]
)
"""
CHAPTERS = sorted(BOOK.glob("*.py"))


@pytest.fixture(scope="module")
def chapter(tmp_path_factory) -> Path:
    source = tmp_path_factory.mktemp("book") / "tiny.py"
    source.write_text(CELL)
    return source


def test_parameters_are_names_and_defaults(chapter):
    assert defaults(chapter) == {
        "profile": "smoke",
        "store": "runs",
        "arch": "ours",
        "betas": [1, 4],
        "also": [],
        "also_betas": [2.0],
        "label": None,
        "dark": False,
        "size": 3,
        "share": 0.5,
        "dims": [1, 2],
        "turns": 90.0,
    }


def test_meaning_and_range_stand_beside_the_default(chapter):
    said = {name: (parameter.accepted, parameter.meaning) for name, parameter in declared(chapter).items()}
    assert said["arch"] == ("article, ours", "which network")
    assert said["betas"] == ("a list, one or more of: any number from 0.0 up", "")
    assert said["also"] == ("a list, none or more of: fields of runs", "further runs")
    assert said["also_betas"] == said["betas"]
    assert said["label"] == ("anything", "")
    assert said["dark"] == ("True or False", "")
    assert said["size"] == ("a whole number", "")
    assert said["share"] == ("any number from 0.1 to 1", "of all")
    assert said["dims"] == ("a list, 2 of: any whole number from 1 to 10", "two of them")
    assert said["turns"] == ("any number from 1 to 180", "the range of the spec is wider")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# %%\na = 1\n", "has 0 cells"),
        ('# %% tags=["parameters"]\na = 1\n\n# %% tags=["parameters"]\nb = 1\n', "has 2 cells"),
        ('# %% tags=["parameters"]\nimport os\n', "names set to literals"),
        ('# %% tags=["parameters"]\na = 1 + b\n', "names set to literals"),
    ],
)
def test_a_notebook_without_plain_parameters_is_refused(tmp_path, text, problem):
    source = tmp_path / "odd.py"
    source.write_text(text)
    with pytest.raises(InputError, match=problem):
        defaults(source)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"betta": 1}, r"'betta' of notebook tiny is unknown; accepted: profile, .*Did you mean 'betas'\?"),
        (
            {"betas": 4},
            r"betas 4 is refused; accepted: a list, one or more of: any .* betas = \[1, 4\]",
        ),
        ({"betas": []}, r"betas \[\] is refused; accepted: a list, one or more of"),
        ({"betas": ["4"]}, "accepted: a list, one or more of"),
        ({"betas": [True]}, "accepted: a list, one or more of"),
        ({"betas": [1, -1]}, "betas -1 is refused; accepted: any number from 0.0 up"),
        ({"also_betas": [10**400]}, "also_betas 10+… is refused"),
        ({"also": [3]}, r"also \[3\] is refused; accepted: a list, none or more of: fields of runs"),
        ({"also": [{"betas": 3}]}, "betas 3 is refused; accepted: a list of values"),
        ({"also": [{"betas": []}]}, r"betas \[\] is refused; accepted: a list of values"),
        ({"also": [{"nrom": "none"}]}, "Did you mean 'norm'"),
        ({"dark": 1}, "dark 1 is refused; accepted: True or False, as in dark = False"),
        ({"size": True}, "size True is refused; accepted: a whole number, as in size = 3"),
        ({"size": 3.0}, "size 3.0 is refused; accepted: a whole number"),
        ({"share": 2}, "share 2 is refused; accepted: any number from 0.1 to 1"),
        ({"share": "x" * 1000}, "share 'x+… is refused"),
        ({"dims": [1]}, r"dims \[1\] is refused; accepted: a list, 2 of: any whole number from 1 to 10"),
        ({"dims": [1, 11]}, "dims 11 is refused; accepted: any whole number from 1 to 10"),
        ({"turns": 0.0}, "turns 0.0 is refused; accepted: any number from 1 to 180"),
        ({"store": 5}, "store 5 is refused; accepted: a text, as in store = 'runs'"),
        ({"arch": "artcle"}, "parameter arch 'artcle' is unknown; accepted: article, ours.*mean 'article'"),
        ({"profile": "smok"}, "Did you mean 'smoke'"),
    ],
)
def test_parameters_that_cannot_work_are_refused(chapter, values, said):
    with pytest.raises(InputError, match=said) as refused:
        check_parameters(chapter, values)
    assert "\n" not in str(refused.value)


def test_parameters_given_overlay_the_defaults(chapter):
    checked = check_parameters(chapter, {"betas": [0.5, 2], "label": [1], "share": 1})
    assert checked == defaults(chapter) | {"betas": [0.5, 2], "label": [1], "share": 1}


def test_a_notebook_without_a_store_reads_no_runs():
    values = {"profile": "smoke", "rotation_range": 45.0}
    assert runs_read(values) == []
    assert len(runs_read(values | {"store": "runs", "seeds": [0, 1]})) == 2


OF_CHAPTERS = [(source, name) for source in CHAPTERS for name in defaults(source)]
FIELDS_OF_RUNS = st.sampled_from([f.name + plural for f in fields(RunSpec) for plural in ("", "s")])


@given(
    st.sampled_from(OF_CHAPTERS),
    VALUES | st.lists(st.dictionaries(FIELDS_OF_RUNS, FLAT, max_size=2), max_size=2),
)
def test_any_value_of_a_chapter_s_parameter_is_accepted_or_refused_in_a_line(parameter, value):
    source, name = parameter
    refused = ""
    try:
        assert check_parameters(source, {name: value})[name] == value
    except InputError as error:
        refused = str(error)
    assert "\n" not in refused
    assert not refused or "accepted" in refused


@pytest.mark.parametrize("source", CHAPTERS, ids=lambda source: source.stem)
def test_every_number_of_a_chapter_has_a_meaning_and_a_range_that_holds_its_default(source):
    for name, parameter in declared(source).items():
        assert parameter.meaning
        parameter.check(parameter.default, source.stem)
        if parameter.kind in (int, float):
            assert parameter.least is not None, name


@pytest.mark.parametrize("source", CHAPTERS, ids=lambda source: source.stem)
def test_a_chapter_checks_its_own_parameters_before_it_works(source):
    """Whoever runs it, Jupyter or papermill: nothing but imports comes before."""
    code = source.read_text().split('tags=["parameters"', 1)[1].split("# %%")[1:]
    cell = next(cell for cell in code if not cell.startswith(" [markdown]")).split("\n", 1)[1]
    before, found, _ = cell.partition(f'check_chapter("{source.stem}", globals())\n')
    assert found
    assert not re.sub(r"(?ms)^(from \S+ )?import (\(.*?\)|[^(\n]*)$", "", before).strip()


def test_a_chapter_run_by_hand_refuses_a_value_out_of_range():
    with pytest.raises(InputError, match="notebook results: parameter n_samples -5 is refused"):
        check_chapter("results", defaults(BOOK / "results.py") | {"n_samples": -5, "np": None})


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("results", "n_samples", "-5"),
        ("beta_study", "betas", "[]"),
        ("dataset", "rotation_range", "0"),
        ("dataset", "n_shown", "0"),
        ("results", "prior_seed", str(2**64)),
        ("results", "prior_seed", "0x" + "f" * 5000),
        ("factor_capture", "named_dims", "[1]"),
    ],
)
def test_a_value_that_draws_nothing_is_refused_before_work(name, parameter, value):
    result = CliRunner().invoke(main, ["notebook", name, "-p", parameter, value])
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert re.match(
        rf"Error: notebook {name}: parameter {parameter} .* is refused; accepted: ", result.output
    )


def test_a_default_of_all_pages_that_no_notebook_has_is_refused_with_the_nearest():
    page = Page("results", "results", {}, {"betta": 1, "beta": 1})
    with pytest.raises(InputError, match=r"profile odd: parameter 'betta' is unknown; .*mean 'beta'\?"):
        check_defaults(Profile("odd", {}, {"results": page}))
    check_defaults(Profile("even", {}, {"results": Page("results", "results", {}, {"beta": 1})}))
