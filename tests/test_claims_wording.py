"""The rules in words say what the code decides, branch by branch."""

import re

import numpy as np
import pandas as pd

from vaelib.claims import RULES, planted
from vaelib.claims.ledger import CLAIMS
from vaelib.claims.rules import SUPPORTED, UNDECIDED
from vaelib.report.verdicts import claims_by_verdict


def test_every_rule_is_worded_and_says_how_it_supports_refutes_and_what_its_p_is():
    assert (
        set(RULES)
        == {claim.judge for claim in CLAIMS}
        == {r for c in planted.CASES.values() for _, r, *_ in c}
    )
    for text in RULES.values():
        assert {"supported", "refuted"} <= set(re.findall(r"\w+", text.lower()))
        assert re.search(r"\bp is that|p is the larger", text)


def test_verdicts_are_listed_in_their_order():
    rows = [("C1", "ours", "a", UNDECIDED), ("C2", "ours", "b", SUPPORTED)]
    text = claims_by_verdict(pd.DataFrame(rows, columns=["claim", "network", "statement", "verdict"]))
    assert text == "Supported: C2 (our network: b). Undecided: C1 (our network: a)."
    assert np.char.count(text, ".") == 2
