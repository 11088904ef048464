"""What the book and the command line say of scores, word for word."""

import pandas as pd

from vaelib.claims.ledger import judge_claims
from vaelib.profiles import ROOT
from vaelib.report.tables import TABLED, bands, score_table
from vaelib.report.verdicts import claim_texts, ledger_counts
from vaelib.scores.alignment import HAAR
from vaelib.scores.registry import GROUPS


def judged(*verdicts: str) -> pd.DataFrame:
    return pd.DataFrame({"verdict": verdicts})


def test_verdicts_are_counted_in_words():
    some = judged("refuted", "supported", "refuted")
    assert ledger_counts(some) == "Of 3 claims, 1 is supported and 2 refuted"
    assert ledger_counts(judged("undecided")) == "Of 1 claims, 1 is undecided"
    every = judged("undecided", "supported", "refuted")
    assert ledger_counts(every) == "Of 3 claims, 1 is supported, 1 refuted and 1 undecided"


def row(**changes):
    told = {"verdict": "refuted", "finding": "captured: R² 0.90", "of": "RIS", "effect": 0.8, "low": 0.7}
    told |= {"high": 0.9, "n": 3, "p": 0.125, "p_holm": 0.5}
    return next(pd.DataFrame([told | changes]).itertuples())


def test_a_claim_is_told_with_interval_seeds_and_both_probabilities():
    assert claim_texts(row()) == {
        "verdict": "refuted",
        "effect": "RIS: 0.800 [0.700, 0.900], n = 3, p 0.125 (Holm 0.500)",
        "found": "captured: R² 0.90",
    }


def test_what_is_not_known_is_left_out():
    nan = float("nan")
    few = row(effect=0.8, low=nan, high=nan, n=1, p=nan, p_holm=nan)
    assert claim_texts(few)["effect"] == "RIS: 0.800, n = 1"
    assert claim_texts(row(effect=nan, low=nan, high=nan, n=0, p=nan, p_holm=nan))["effect"] == "none, n = 0"


def test_a_code_has_the_mean_and_the_ends_of_its_seeds():
    table = score_table(
        {
            "ours": [{"mig": 0.1, "ris": None}, {"mig": 0.3, "ris": 0.5}],
            "PCA-10": [{"mig": 0.25, "ris": float("nan")}],
            "random axes": bands([{f"haar_{n}": [0.1, k] for n in HAAR} for k in (0.2, 0.3)]),
        }
    )
    assert list(table.columns) == list(TABLED.values())
    assert table.loc["ours", ["MIG", "RIS", "SAP"]].tolist() == ["0.20 [0.10, 0.30]", "0.50", "–"]
    assert table.loc["PCA-10", ["MIG", "RIS"]].tolist() == ["0.25", "–"]
    assert table.loc["random axes", ["MIG", "RIS", "D"]].tolist() == ["0.10 to 0.30", "0.10 to 0.30", "–"]


def test_every_column_is_a_score():
    assert set(TABLED) <= {name for group in GROUPS.values() for name in group.names}


def test_every_claim_is_a_row_of_the_conclusion_and_each_row_a_claim():
    text = (ROOT / "book/conclusion.py").read_text()
    nobody = pd.DataFrame(columns=["arch", "beta", "seed", "latent_dim", "full", "swept"])
    nobody = nobody.astype({"full": bool, "swept": bool})
    nobody = nobody.reindex(columns=[*nobody, *(n for g in GROUPS.values() for n in g.names), "udr"])
    keys = [f"{claim.claim}_{claim.network}" for claim in judge_claims(nobody).itertuples()]
    for key in keys:
        for part in ("verdict", "effect", "found"):
            assert f"{{glue:text}}`{key}_{part}`" in text, (key, part)
    assert text.count("_verdict`") == len(keys)
