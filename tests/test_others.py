"""Networks of others beside ours: what the page shows is what was measured."""

import pytest

from vaelib.errors import InputError
from vaelib.files import write_json
from vaelib.report.others import others_found

FOUND = {"purity": 0.5, "ris": 0.4, "content": 0.1, "error_median": 12.34, "error_above_20": 30.0}
ROWS = [
    {"network": "ours", "images": 1000, "core_seconds": 60.0, **FOUND, "purity": 0.98},
    {"network": "theirs", "images": 3000, "core_seconds": 1800.0, **FOUND},
    {"network": "yet others", "images": 300, "core_seconds": 1800.0, **FOUND},
]


def test_costs_and_purities_are_those_of_the_file(tmp_path):
    write_json(tmp_path / "poses.json", {"digits": 50, "rows": ROWS})
    table, said = others_found(str(tmp_path / "poses.json"))
    assert table["ms an image"].tolist() == ["60.0", "600.0", "6000.0"]
    assert table["minutes of a core"].tolist() == ["1", "30", "30"]
    assert said == {
        "others_minutes": "30",
        "others_slower": "10 to 100",
        "others_digits": "50",
        "ours_purity": "0.980",
        "others_purity": "0.500 (theirs) and 0.500 (yet others)",
    }


@pytest.mark.parametrize("content", ["[]", "{}", '{"digits": 1, "rows": [{}, {}]}', "no JSON"])
def test_a_file_that_is_none_is_refused_with_the_command_that_writes_it(tmp_path, content):
    path = tmp_path / "poses.json"
    with pytest.raises(InputError, match="python -m benchmarks"):
        others_found(str(path))
    path.write_text(content)
    with pytest.raises(InputError, match="python -m benchmarks"):
        others_found(str(path))
