"""The rules in words say what the code decides, branch by branch."""

import re

import numpy as np
import pandas as pd
import pytest

from vaelib.claims import RULES, planted, rules
from vaelib.claims.ledger import CLAIMS
from vaelib.claims.rules import REFUTED, SUPPORTED, UNDECIDED
from vaelib.report.tables import claims_by_verdict


def test_every_rule_is_worded_and_says_how_it_supports_refutes_and_what_its_p_is():
    assert (
        set(RULES)
        == {claim.judge for claim in CLAIMS}
        == {r for c in planted.CASES.values() for _, r, *_ in c}
    )
    for text in RULES.values():
        assert {"supported", "refuted"} <= set(re.findall(r"\w+", text.lower()))
        assert re.search(r"\bp is that|p is the larger", text)


def cell(r2: float, ris: float) -> pd.DataFrame:
    """Return three seeds with a spread that no limit of the rules is within."""
    own = {"arch": "ours", "beta": 4.0, "latent_dim": 10, "active_variance": 10}
    return pd.DataFrame(
        [own | {"seed": k, "angle_r2": r2 + 0.01 * k, "ris": ris + 0.01 * k} for k in (-1, 0, 1)]
    )


@pytest.mark.parametrize(
    ("r2", "ris", "verdict", "what"),
    [
        (0.2, 0.2, SUPPORTED, "not informed"),
        (0.2, 0.6, SUPPORTED, "not informed"),
        (0.4, 0.3, UNDECIDED, "between"),
        (0.6, 0.3, SUPPORTED, "informed, not isolated"),
        (0.6, 0.6, UNDECIDED, "between"),
        (0.6, 0.8, REFUTED, "captured"),
    ],
)
def test_every_branch_of_c5_is_the_one_that_is_printed(r2, ris, verdict, what):
    found = rules.rotation(cell(r2, ris))
    assert found.verdict == verdict
    assert found.finding.startswith(f"{what}:")
    assert f"({what})" in RULES[rules.rotation]
    assert f"{verdict} ({what})" in RULES[rules.rotation] or verdict == UNDECIDED


def test_a_small_p_beside_an_undecided_c5_is_that_of_its_upper_limit_alone():
    found = rules.rotation(cell(0.4, 0.3))
    assert (found.verdict, found.p < 0.001) == (UNDECIDED, True)
    assert "alone" in RULES[rules.rotation]


def test_verdicts_are_listed_in_their_order():
    rows = [("C1", "ours", "a", UNDECIDED), ("C2", "ours", "b", SUPPORTED)]
    text = claims_by_verdict(pd.DataFrame(rows, columns=["claim", "network", "statement", "verdict"]))
    assert text == "Supported: C2 (our network: b). Undecided: C1 (our network: a)."
    assert np.char.count(text, ".") == 2
