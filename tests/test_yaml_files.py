"""Files that people write are refused by line, key and remedy, whatever is in them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaelib.errors import InputError
from vaelib.profiles import EXPERIMENTS, load_profile

FILE = """\
pages:
  results: {notebook: results}
profiles:
  small:
    spec: {image_size: 32}
    parameters:
      results: {beta: 1}
"""


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("notebook: results}", "notebok: results}", "line 2: notebok is unknown in pages → results; accepted: notebook, parameters, scores. Did you mean 'notebook'?"),
        ("    spec:", "    sepc:", "line 5: sepc is unknown in profiles → small; accepted: spec, defaults, sweep, parameters, plan. Did you mean 'spec'?"),
        ("    parameters:", "    paramters:", "paramters is unknown in profiles → small"),
        ("{image_size: 32}", "3", "line 5: profiles → small → spec is 3; accepted: names with values (name: value)."),
        ("{image_size: 32}", "", "line 5: profiles → small → spec is None; accepted: names with values"),
        ("{beta: 1}", "[1]", "line 7: profiles → small → parameters → results is [1]; accepted: names with values"),
        ("{notebook: results}", "{}", "line 2: pages → results lacks notebook."),
        ("{notebook: results}", "{notebook: [results]}", "line 2: pages → results → notebook is ['results']; accepted: a text."),
        ("{notebook: results}", "{notebook: results, scores: 1}", "scores is 1; accepted: true or false."),
        ("  small:", "  2024:", "line 4: key 2024 is no text; put it in quotes."),
        ("  results: {notebook: results}", "  results: {notebook: results}\n  results: {notebook: house}", "line 3: key results is there twice; keep one of them."),
        ("spec: {image_size: 32}", "spec: {image_size: 32, image_size: 64}", "line 5: key image_size is there twice"),
        ("spec: {image_size: 32}", "spec: {image_size: 32", "line 6: "),
        ("spec: {image_size: 32}", "spec: *nobody", "line 5: found undefined alias"),
        (FILE, "", "line 1: the file is None; accepted: names with values"),
        (FILE, "[]", "line 1: the file is []; accepted: names with values"),
        (FILE, "pages: {a: {notebook: a}}", "line 1: the file lacks profiles."),
        ("pages:\n  results: {notebook: results}", "pages: {}", "line 1: pages"),
        ("image_size: 32", "imagesize: 32", "imagesize"),
    ],
)  # fmt: skip
def test_a_file_of_experiments_is_refused_in_a_line(tmp_path, before, after, said):
    assert before in FILE
    file = tmp_path / "experiments.yml"
    file.write_text(FILE.replace(before, after), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_profile("small", file)
    assert said in str(refused.value)
    assert str(refused.value).startswith("experiments.yml")
    assert "\n" not in str(refused.value)


def test_keys_of_a_merge_may_be_given_again(tmp_path):
    file = tmp_path / "experiments.yml"
    text = FILE.replace("{image_size: 32}", "&s {image_size: 32}").replace(
        "{beta: 1}", "{<<: *s, image_size: 16}"
    )
    file.write_text(text, encoding="utf-8")
    assert load_profile("small", file).pages["results"].parameters == {"image_size": 16}


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "experiments.yml"
    file.write_bytes(b"pages: \xff")
    with pytest.raises(InputError, match=r"experiments.yml, byte 7: this is not UTF-8; save it as such"):
        load_profile("small", file)


@given(st.text(), st.integers(0, len(FILE)), st.integers(0, 40))
def test_any_edit_of_the_file_is_read_or_refused(tmp_path_factory, text, start, length):
    file = tmp_path_factory.mktemp("yaml") / "experiments.yml"
    file.write_text(FILE[:start] + text + FILE[start + length :], encoding="utf-8")
    with contextlib.suppress(InputError):
        load_profile("small", file)


def test_the_report_s_own_file_is_accepted():
    for name in ("smoke", "quick", "published"):
        assert load_profile(name, EXPERIMENTS).pages
