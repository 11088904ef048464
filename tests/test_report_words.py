"""Tables and words of chapters on numbers whose meaning is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from vaelib.claims.ablation import AS_STATED
from vaelib.claims.turns import isolation_table, turned_distances
from vaelib.metrics.probes import Estimate
from vaelib.metrics.rotation import Isolation
from vaelib.report import capture, pose, screening, side_by_side, sweep
from vaelib.scores.turned import isolation
from vaelib.spec import RunSpec

POINTS = [("ours", 4.0), ("article", 1.0), ("article", 4.0)]


def run(kl: float, recon: float, seed: int = 0, beta: float = 1.0, active: int = 10):
    """Return a run as tables look at it."""
    parts = {
        part: {"kl": kl, "recon": recon + extra, "neg_elbo": kl + recon + extra, "n": 100}
        for part, extra in (("all", 0.0), ("upright", -5.0), ("rotated", 5.0))
    }
    metrics = {"test": parts, "active_units": active, "kl_per_dim": [kl - 1, 1.0]}
    return SimpleNamespace(spec=RunSpec(seed=seed, beta=beta), metrics=metrics)


# Of two networks


def test_the_reconstruction_at_a_rate_lies_on_the_line_between_the_runs_on_either_side():
    runs = {POINTS[1]: [run(20.0, 100.0)], POINTS[2]: [run(10.0, 140.0)], POINTS[0]: [run(15.0, 130.0)]}
    assert side_by_side.mean_term(runs, "kl")[POINTS[0]] == 15
    assert side_by_side.same_rate_in_words(runs, "article", 15.0).startswith("120.0 nats")
    assert side_by_side.same_rate_in_words(runs, "article", 30.0).startswith("unknown")
    table = side_by_side.points_of_runs(runs, {"ours": "our network", "article": "the article's"})
    assert table[["network", "beta", "kl"]].iloc[0].tolist() == ["the article's", 1.0, 20.0]


def test_gains_are_given_where_two_seeds_reach_the_rate():
    gaps = pd.DataFrame({"seed": [0, 1], "rate": [8.0, 8.0], "dci_d": [0.1, 0.3], "ris": [0.1, np.nan]})
    table = side_by_side.gains_at_rates(gaps)
    assert table.loc["D", "8 nats"].startswith("+0.200 [")
    assert table.loc["D", "8 nats"].endswith("n = 2")
    assert table.loc["RIS", "8 nats"] == table.loc["D", "16 nats"] == "not reached by two seeds of both"


def test_the_nearest_rate_is_described_unless_it_is_the_same_setting():
    texts = dict.fromkeys(side_by_side.MEASURES, "1")
    assert side_by_side.near_in_words(texts, texts, (4, 4)).startswith("No other β")
    assert "β = 4 → 1" in side_by_side.near_in_words(texts, texts, (4, 1))


# Of a sweep over β


def measured(active: float, beta: float = 4.0, **changes) -> pd.DataFrame:
    row = {"arch": "article", "network": "the article's network", "beta": beta, "full": False, "swept": True}
    row |= {"mig": 0.1, "dci_d": 0.3, "udr": 0.2, "ris": 0.4, "kl": 9.0, "active_variance": active}
    return pd.DataFrame([row | changes | {"seed": k} for k in range(3)])


def test_d_of_a_collapsed_code_is_called_meaningless_with_its_number_of_runs():
    table = measured(1.0)
    table.loc[0, "dci_d"] = np.nan
    texts = sweep.scores_over_beta(table, {}, 1.0).iloc[0]
    assert texts["D"] == "not meaningful, n = 2"
    assert texts["RIS"] == "0.4 (0.4 to 0.4)"
    texts = sweep.scores_over_beta(table.assign(active_variance=5.0), {}, 1.0).iloc[0]
    assert texts["D"] == "0.3 (0.3 to 0.3), n = 2"


def test_both_betas_stand_in_a_table_of_small_images():
    table = sweep.with_networks(measured(5.0), 4.0)
    assert table["beta"].tolist() == [1.0] * 3
    assert "β = 1 (as 4 at 64 px)" in sweep.scores_over_beta(table, {}, 4.0).index[0]


def test_sizes_are_compared_only_where_they_differ():
    large, small = measured(9.0, full=True, swept=False), measured(8.5)
    both = pd.concat([large, small], ignore_index=True)
    assert sweep.sizes_section(both, (32, 32), (4.0, 4.0)) is None
    text = sweep.sizes_section(both, (64, 32), (1.0, 4.0)).data
    assert "within one in 1 of 1 cells" in text
    assert "β = 4, 64 pixels" in text
    assert "β = 1 (as 4 at 64 px), 32 pixels" in text


def test_a_value_of_beta_has_six_meanings():
    table = sweep.loss_readings(RunSpec(beta=4.0))
    assert table["effective β"].tolist()[:2] == ["4", "0.4"]
    assert sweep.reading_ratio(RunSpec(beta=4.0)) == pytest.approx(16_384 / 0.4)


def test_the_trade_is_read_off_the_terms():
    runs = [run(20.0, 100.0, beta=1.0), run(10.0, 150.0, beta=4.0, active=8)]
    words = sweep.trade_in_words(sweep.terms_of_runs(runs))
    assert words["recon_direction"] == "rises at every step"
    assert words["kl_direction"] == words["active_units_direction"] == "falls at every step"
    assert (words["beta_best"], words["recon_rotated_high"]) == (1.0, 155.0)
    assert str(words["seeds_note"]).startswith("One seed")


@pytest.mark.parametrize("article", ["supported", "refuted", "undecided"])
@pytest.mark.parametrize("ours", ["supported", "refuted", "undecided"])
def test_whether_beta_separates_says_both_verdicts(article, ours):
    said = sweep.separated({"verdict_article": article, "verdict_ours": ours})
    assert ("do not settle" in said) == ("undecided" in (article, ours))
    if article == "supported" != ours:  # that of ours is that it does not
        assert "article" in said or "both" in said


# Of one network's latents


@pytest.mark.parametrize(
    ("ris", "said"), [(0.3, "No dimension"), (0.6, "a part of"), (0.8, "One dimension carries the")]
)
def test_the_answer_on_the_angle_goes_by_the_limits_of_the_claims(ris, said):
    assert said in capture.captured_in_words(Isolation(Estimate(ris, ris, ris), 0.5, 1))


def test_a_code_in_which_nothing_moves_has_no_answer():
    nothing = Isolation(Estimate(*[float("nan")] * 3), float("nan"), None)
    assert "undefined" in capture.rotation_in_words(nothing, nothing, pd.Series(dtype=float), 5)
    assert capture.captured_in_words(nothing) == "No dimension carries anything."


def test_the_angle_isolated_better_than_by_a_linear_code_is_said_so():
    high, low = (Isolation(Estimate(v, v - 0.05, v + 0.05), v, 1) for v in (0.8, 0.4))
    shares = pd.Series([0.1, 0.3], index=[1, 2])
    assert "the angle more than a linear code" in capture.rotation_in_words(high, low, shares, 9)
    assert "the angle less than a linear code" in capture.rotation_in_words(low, high, shares, 9)
    assert "about as much as" in capture.rotation_in_words(low, low, shares, 9)


def test_undefined_importances_leave_cells_empty():
    assert np.isnan(capture.importances({"dci_importance": None}, 3)).all()
    words = capture.beside_in_words({"dci_importance": None}, {})
    assert words["importance_most"] == "undefined"


# Of the pose and of turns


@pytest.mark.parametrize(("ris", "said"), [([0.8, 0.9], "Yes"), ([0.2, 0.9], "in 1 of 2 seeds")])
def test_whether_the_pose_captures_the_angle(ris, said):
    assert said in pose.pose_captures(ris)


def test_a_bar_moves_as_far_from_itself_as_it_is_turned():
    images = np.zeros((24, 28, 28), dtype=np.uint8)
    images[:, 4:24, 12:16] = 255
    images[12:, 4:24, 2:26] = 255
    distances, crossings = turned_distances(images, np.arange(24) // 12, 16, np.array([0.0, 45.0, 90.0]))
    assert distances["ratio"].iloc[0] == 0
    assert distances["ratio"].iloc[1] > 0
    assert set(crossings) == {"same", "different"}


def test_a_code_that_is_the_angle_isolates_it():
    angles = np.linspace(-90, 90, 5)
    codes = np.tile(angles / 50, 6).reshape(6, 5, 1)
    found = isolation_table(
        [("the angle", 90.0, isolation(codes)), ("silence", 45.0, isolation(np.zeros((6, 5, 2))))]
    )
    assert found[["network", "range"]].iloc[0].tolist() == ["the angle", 90.0]
    assert found["eta2_angle"].iloc[0] == pytest.approx(1)
    assert found.loc[1, ["eta2_angle", "purity"]].isna().all()


# Of the screening


def screened() -> pd.DataFrame:
    rows = [
        (changed, reading, seed, kl, beta)
        for changed in (AS_STATED, "activation relu")
        for reading, beta in (("sum BCE, KL summed", 4.0), ("mean BCE, KL summed", 1e4))
        for seed, kl in enumerate((3, 3) if beta < 100 and changed == AS_STATED else (9, 10))
    ]
    table = pd.DataFrame(rows, columns=["changed", "reading", "seed", screening.IN_USE, "matched_beta"])
    counts = dict.fromkeys(
        ("au", "kl_0.01", "kl_0.1", "kl_0.25", "visible", "kl", "log_kl"), table[screening.IN_USE]
    )
    return table.assign(**counts, id="x").astype({"kl": float, "log_kl": float})


def test_what_leaves_three_of_ten_is_named_and_the_parts_add_up():
    table = screened()
    readings = ("sum BCE, KL summed", "mean BCE, KL summed")
    found, designs = screening.attributed(screening.crossed_cells(table), 2)
    assert designs == "2 activations × 2 losses × 2 seeds and 2 activations × 1 losses × 2 seeds"
    assert sum(found["in use, 2 losses"].values()) == pytest.approx(1)
    words = screening.screening_words(table, readings, found, 2)
    assert words["answer"] == "Two to four latents are left in 1 of 4 cells: as stated, sum BCE, KL summed."
    assert words["summed"] == "3 (3 to 3) in use, 3 (3 to 3) visible"
    assert words["averaged_article"] == "no run"
    assert "differ by up to 1" in words["seeds_note"]
    panels = screening.count_panels(screening.crossed_cells(table))
    assert panels["in use"].loc[("as stated: identity", readings[0]), "mean"] == 3
    single = screening.one_at_a_time(table, readings)
    assert single.loc[AS_STATED, (readings[0], "seeds")] == "2"


def test_sizes_of_images_agree_cell_by_cell():
    table = screened()
    assert "not checked" in screening.sizes_in_words(table, None)
    assert "Of 4 cells trained on large images as well, 4 have" in screening.sizes_in_words(table, table)
