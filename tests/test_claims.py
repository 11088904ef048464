"""Each rule against tables whose verdict is known, at and beside its thresholds."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.tiny import FIELDS, tiny
from vaelib.claims import ledger as claims
from vaelib.claims import rules as verdicts
from vaelib.claims import trends
from vaelib.claims.ledger import CLAIMS, gather, judge_claims
from vaelib.claims.rules import REFUTED, SUPPORTED, UNDECIDED, WEAK
from vaelib.claims.wording import RULES
from vaelib.metrics import statistics as replicates
from vaelib.profiles import Profile
from vaelib.scores.registry import GROUPS
from vaelib.training.store import RunStore

JITTER = np.array([0.0, 0.01, -0.01, 0.005, -0.005])
BETAS = (1, 2, 4, 8, 16)
SCALE = {"full": True, "swept": True}


def cell(**columns) -> pd.DataFrame:
    """Return a row a seed: a list gives the value of each seed, anything else that of all five."""
    n = max([len(v) for v in columns.values() if isinstance(v, list)], default=5)
    table = {name: v if isinstance(v, list) else [v] * n for name, v in columns.items()}
    return pd.DataFrame({"arch": "ours", "beta": 4.0, "seed": range(n), "latent_dim": 10} | SCALE | table)


def curve(betas=BETAS, seeds=5, arch="article", **columns) -> pd.DataFrame:
    """Return a row a β and seed; columns are functions of (ln β, seed)."""
    rows = [
        {"arch": arch, "beta": float(b), "seed": s, "latent_dim": 10}
        | SCALE
        | {name: f(math.log(b), s) for name, f in columns.items()}
        for b in betas
        for s in range(seeds)
    ]
    return pd.DataFrame(rows)


def counts(variance, kl, seen) -> pd.DataFrame:
    return cell(active_variance=variance, active_kl=kl, active_energy=seen)


@pytest.mark.parametrize(
    ("table", "verdict"),
    [
        (counts([3] * 5, [3] * 5, [3] * 5), SUPPORTED),
        (counts([10] * 5, [3] * 5, [2] * 5), SUPPORTED),
        (counts([10] * 5, [4] * 5, [4] * 5), SUPPORTED),
        (counts([10] * 5, [10] * 5, [3] * 5), REFUTED),
        (counts([10] * 5, [5] * 5, [4] * 5), REFUTED),
        (counts([1] * 5, [1] * 5, [2] * 5), REFUTED),
        (counts([9, 3, 3, 3, 3], [9, 3, 3, 3, 3], [9] * 5), SUPPORTED),
        (counts([9, 9, 3, 3, 3], [9, 9, 3, 3, 3], [9] * 5), UNDECIDED),
        (counts([9, 9, 9, 9, 3], [9, 9, 9, 9, 3], [9] * 5), REFUTED),
        (counts([3, 3, 3], [3, 3, 3], [3] * 3), SUPPORTED),
        (counts([3, 3, 9], [3, 3, 9], [3, 3, 9]), UNDECIDED),
        (counts([3] * 2, [3] * 2, [3] * 2), UNDECIDED),
    ],
)
def test_c1_few_dimensions(table, verdict):
    assert verdicts.few_dimensions(table).verdict == verdict


def test_c1_in_numbers():
    found = verdicts.few_dimensions(counts([10] * 5, [3, 3, 4, 3, 3], [2, 3, 3, 3, 3]))
    low, high = stats.t.interval(0.95, 4, 3.2, stats.sem([3, 3, 4, 3, 3]))
    assert (found.effect, found.low, found.high, found.n) == pytest.approx((3.2, low, high, 5))
    assert found.p == 1 / 32
    assert found.finding == "few in 5 of 5 seeds; means: 10 by variance, 3.2 by KL, 2.8 visible"
    assert verdicts.few_dimensions(counts([10] * 5, [10] * 5, [10] * 5)).p == 1


def axes(interaction, excess=0.0, seeds=5) -> pd.DataFrame:
    excess = excess if isinstance(excess, list) else list(excess + 10 * JITTER[:seeds])
    return cell(
        eta2_interaction_mean=list(interaction + JITTER[: len(excess)]),
        haar_mig_excess=excess,
        haar_sap_excess=excess,
        haar_eta2_interaction_mean_excess=excess,
    )


@pytest.mark.parametrize(
    ("table", "verdict"),
    [
        (axes(0.5), SUPPORTED),
        (axes(0.5, seeds=3), SUPPORTED),
        (axes(0.5, 1.8), SUPPORTED),
        (axes(0.5, 1.95), UNDECIDED),
        (axes(0.5, 2.05), UNDECIDED),
        (axes(0.5, 2.2), REFUTED),
        (axes(0.5, -3.0), SUPPORTED),
        (axes(0.5, [0.0, 0.0, 0.0, 0.0, 9.0]), UNDECIDED),
        (axes(0.31), SUPPORTED),
        (axes(0.301), UNDECIDED),
        (axes(0.299), UNDECIDED),
        (axes(0.29), REFUTED),
        (axes(0.5, seeds=2), UNDECIDED),
    ],
)
def test_c2_linked(table, verdict):
    assert verdicts.linked(table).verdict == verdict


def test_c2_in_numbers():
    found = verdicts.linked(axes(0.5, 1.0))
    assert found.effect == pytest.approx(0.5)
    assert found.p == pytest.approx(stats.ttest_1samp(1 + 10 * JITTER, 2, alternative="less").pvalue)
    assert found.finding.startswith("axes better than random ones by +1.0 [+0.9, +1.1]")


def test_c2_can_be_refuted_whatever_the_number_of_rotations():
    """An excess is in SDs of random axes, of which twenty tell enough; a p of theirs was never below 1/21."""
    assert verdicts.linked(axes(0.5, 4.0, seeds=3)).verdict == REFUTED


def working(numbers, m=10) -> pd.DataFrame:
    """Return runs of which so many latents are seen; the others vary and are not."""
    energy = [[0.06] * n + [0.05] * (m - n) for n in numbers]
    return cell(energy_per_dim=energy, variance_per_dim=[[0.5] * m for _ in numbers])


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ([10] * 5, SUPPORTED),
        ([10, 10, 10, 10, 9], SUPPORTED),
        ([10, 10, 10, 9, 9], UNDECIDED),
        ([10, 9, 9, 9, 9], REFUTED),
        ([0] * 5, REFUTED),
        ([10, 10, 10], SUPPORTED),
        ([10, 10, 9], UNDECIDED),
        ([10, 10], UNDECIDED),
    ],
)
def test_c3_every_dimension(numbers, verdict):
    found = verdicts.every_dimension(working(numbers))
    assert found.verdict == verdict
    assert found.effect == pytest.approx(np.mean(numbers))


def test_c3_a_latent_that_is_seen_and_does_not_vary_does_not_count():
    table = cell(energy_per_dim=[[0.5] * 10] * 5, variance_per_dim=[[0.5] * 9 + [0.01]] * 5)
    found = verdicts.every_dimension(table)
    assert (found.verdict, found.effect, found.low) == (REFUTED, 9, 9)


def separate(collinear=0.0, mi=0.02, d=0.6, distinct=8, seeds=5) -> pd.DataFrame:
    def each(value):
        return value if isinstance(value, list) else [value] * seeds

    return cell(
        collinear=each(collinear),
        pairwise_information_max=each(mi),
        dci_d=each(d),
        name_margin=[[0.21] * n + [0.2] * (9 - n) + [None] for n in each(distinct)],
        active_variance=[10] * seeds,
    )


@pytest.mark.parametrize(
    ("table", "verdict", "words"),
    [
        (separate(), SUPPORTED, "independent in 5, one variation each in 5 of 5"),
        (separate(distinct=7), SUPPORTED, ""),
        (separate(distinct=6), REFUTED, "decorrelated, not disentangled"),
        (separate(d=0.5), REFUTED, "decorrelated, not disentangled"),
        (separate(mi=WEAK + 1e-6), REFUTED, "independent in 0"),
        (separate(mi=WEAK - 1e-6), SUPPORTED, ""),
        (separate(collinear=1.0), REFUTED, "independent in 0"),
        (separate(mi=[0.02, 0.02, 0.02, 0.02, 4.0]), SUPPORTED, "independent in 4"),
        (separate(mi=[0.02, 0.02, 0.02, 4.0, 4.0]), UNDECIDED, "independent in 3"),
        (separate(d=[0.6, 0.6, 0.6, 0.6, 0.4]), SUPPORTED, ""),
        (separate(d=[0.6, 0.6, 0.6, 0.4, 0.4]), UNDECIDED, "one variation each in 3 of 5"),
        (separate(d=[0.6, 0.4, 0.4, 0.4, 0.4]), REFUTED, "decorrelated, not disentangled"),
        (separate(d=[0.6, 0.6, None, None, None]), UNDECIDED, "needs >= 3 seeds, has 2"),
    ],
)
def test_c4_one_each(table, verdict, words):
    found = verdicts.one_each(table)
    assert found.verdict == verdict
    assert words in found.finding


def turned(r2, ris, seeds=5) -> pd.DataFrame:
    return cell(angle_r2=list(r2 + JITTER[:seeds]), ris=list(ris + JITTER[:seeds]), active_variance=10)


@pytest.mark.parametrize(
    ("r2", "ris", "verdict", "words"),
    [
        (0.2, 0.1, SUPPORTED, "not informed"),
        (0.2, 0.6, SUPPORTED, "not informed"),
        (0.6, 0.3, SUPPORTED, "informed, not isolated"),
        (0.6, 0.55, UNDECIDED, "between"),
        (0.4, 0.3, UNDECIDED, "between"),
        (0.8, 0.8, REFUTED, "captured"),
        (0.8, 0.7, UNDECIDED, "between"),
        (0.295, 0.1, UNDECIDED, "between"),
        (0.505, 0.3, UNDECIDED, "between"),
    ],
)
def test_c5_rotation_by_its_intervals_and_the_rule_in_words(r2, ris, verdict, words):
    found = verdicts.rotation(turned(r2, ris))
    assert found.verdict == verdict
    assert found.finding.startswith(f"{words}: ")
    assert found.effect == pytest.approx(ris)
    said = f"({words})" if verdict == UNDECIDED else f"{verdict} ({words})"
    assert said in RULES[verdicts.rotation]


def test_c5_p_is_of_a_captured_rotation():
    values = 0.65 + JITTER
    found = verdicts.rotation(cell(angle_r2=list(values), ris=list(values), active_variance=10))
    assert found.p == pytest.approx(stats.ttest_1samp(values, 0.7, alternative="less").pvalue)
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert verdicts.rotation(turned(0.8, 0.9)).p > 0.99


def test_a_small_p_beside_an_undecided_c5_is_that_of_its_upper_limit_alone():
    found = verdicts.rotation(turned(0.4, 0.3))
    assert (found.verdict, found.p < 0.001) == (UNDECIDED, True)
    assert "alone" in RULES[verdicts.rotation]


def noise(b, s, seed=0):
    return 0.01 * math.sin(7 * b + 3 * s + seed)


def scores(mig=0.0, d=0.0, udr=0.0, active=lambda b, s: 10, **changes) -> pd.DataFrame:
    """Return runs whose three scores rise by so much per unit of ln β."""
    return curve(
        mig=lambda b, s: 0.1 + mig * b + noise(b, s),
        dci_d=lambda b, s: 0.1 + d * b + noise(b, s, 1),
        udr=lambda b, s: 0.3 + udr * b + noise(b, s, 2),
        active_variance=active,
        **changes,
    )


@pytest.mark.parametrize(
    ("table", "article", "ours"),
    [
        (scores(0.05, 0.05, 0.05), SUPPORTED, REFUTED),
        (scores(0.05, 0.05, -0.05), SUPPORTED, REFUTED),
        (scores(0.05, 0, 0), REFUTED, SUPPORTED),
        (scores(-0.05, -0.05, -0.05), REFUTED, SUPPORTED),
        (scores(0, 0, 0), REFUTED, SUPPORTED),
    ],
)
def test_c6_is_decided_by_two_of_three_slopes(table, article, ours):
    assert trends.helped(table).verdict == article
    assert trends.did_not_help(table).verdict == ours


def test_c6_seeds_that_differ_leave_it_undecided():
    """D rises in three seeds and falls in two: neither above 0 for sure nor below what would matter."""
    table = scores(0.05, 0, -0.05)
    table["dci_d"] = 0.3 + np.where(table["seed"] < 3, 0.05, -0.05) * np.log(table["beta"])
    for judge in (trends.helped, trends.did_not_help):
        found = judge(table)
        assert found.verdict == UNDECIDED
        assert found.finding.startswith("not settled: ")


def test_c6_a_rise_that_goes_with_fewer_active_latents_is_not_of_beta():
    table = scores(0.05, 0.05, 0.05, active=lambda b, s: 10 - 2 * round(b / math.log(2)))
    found = trends.helped(table)
    assert found.verdict == UNDECIDED
    assert found.finding.startswith("rises as fewer active latents would")
    assert trends.did_not_help(table).verdict == UNDECIDED


def test_c6_active_latents_that_vary_by_themselves_do_not_hide_a_rise():
    table = scores(0.05, 0.05, 0.05, active=lambda b, s: 10 - (s + round(b)) % 2)
    assert trends.helped(table).verdict == SUPPORTED


def test_c6_in_numbers():
    found = trends.helped(scores(0.05, 0.03, 0.09))
    assert found.effect == pytest.approx(0.05, abs=0.005)
    assert found.low < 0.05 < found.high
    assert found.n == 5
    each = [np.polyfit(np.log(own["beta"]), own["mig"], 1)[0] for _, own in scores(0.05).groupby("seed")]
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 4, np.mean(each), stats.sem(each)))
    assert found.p < 0.001
    assert "MIG from β = 1 to 4" in found.finding
    flat = trends.did_not_help(scores(0, 0, 0))
    assert abs(flat.effect) < 0.01
    assert 0 < flat.p < 0.001


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (scores(0.05, 0.05, 0.05, betas=(1, 4)), "needs >= 3 β above 0 with the same >= 3 seeds, has 2"),
        (scores(0.05, 0.05, 0.05, seeds=1), "needs >= 3 β above 0 with the same >= 3 seeds, has 0"),
        (scores(0.05, 0.05, 0.05, seeds=2), "needs >= 3 β above 0 with the same >= 3 seeds, has 0"),
        (
            scores(0.05, 0.05, 0.05).assign(udr=None, dci_d=None),
            "needs two of MIG, D, UDR at >= 3 β, has MIG",
        ),
    ],
)
def test_c6_says_what_is_missing(table, words):
    for judge in (trends.helped, trends.did_not_help):
        found = judge(table)
        assert (found.verdict, found.finding) == (UNDECIDED, words)
        assert math.isnan(found.effect)


def trade(bce=10.0, kl=-3.0, **changes) -> pd.DataFrame:
    return curve(
        excess_bce=lambda b, s: 100 + bce * b + noise(b, s),
        kl=lambda b, s: 20 + kl * b + noise(b, s),
        **changes,
    )


@pytest.mark.parametrize(
    ("table", "verdict"),
    [
        (trade(), SUPPORTED),
        (trade(betas=(1, 4, 16), seeds=3), SUPPORTED),
        (trade(kl=3.0), REFUTED),
        (trade(bce=-10.0), REFUTED),
        (trade(kl=0.0), UNDECIDED),
        (trade(bce=0.0), UNDECIDED),
        (trade(betas=(1, 4)), UNDECIDED),
        (trade(seeds=2), UNDECIDED),
    ],
)
def test_c7_trades(table, verdict):
    assert trends.trades(table).verdict == verdict


def test_c7_in_numbers():
    found = trends.trades(trade(betas=(1, 4, 16), seeds=3))
    assert 0 < found.p < 0.001
    assert found.effect == pytest.approx(10, abs=0.1)
    assert found.low <= found.effect <= found.high
    assert found.finding == "KL -3.0 [-3.0, -3.0] nats per unit of ln β, over 3 β"


def two_networks(gain_d=0.1, gain_ris=0.1, kl=(24, 10), seeds=5, betas=BETAS) -> pd.DataFrame:
    """Return both networks at rates that fall with β; at equal rate the article's scores so much higher."""

    def of(arch, d, ris, start):
        def rate(b, s):
            return start * math.exp(-b / 2)

        return curve(
            betas,
            seeds,
            arch,
            kl=rate,
            dci_d=lambda b, s: 0.5 + d - 0.01 * rate(b, s) + noise(b, s),
            ris=lambda b, s: 0.5 + ris - 0.01 * rate(b, s) + noise(b, s),
        )

    return pd.concat([of("article", gain_d, gain_ris, kl[0]), of("ours", 0, 0, kl[1])], ignore_index=True)


@pytest.mark.parametrize(
    ("table", "verdict", "words"),
    [
        (two_networks(), SUPPORTED, "at 8 nats: D +0."),
        (two_networks(kl=(24, 20)), SUPPORTED, "at 8, 12, 16 nats"),
        (two_networks(-0.1, -0.1), REFUTED, "at 8 nats: D -0."),
        (two_networks(0.1, -0.1), UNDECIDED, "at 8 nats"),
        (two_networks(0, 0), UNDECIDED, "at 8 nats"),
        (two_networks(kl=(24, 7)), UNDECIDED, "needs β of both networks on both sides of a KL"),
        (two_networks(seeds=2), UNDECIDED, "needs >= 3 seeds of both networks at >= 2 β each, has 2"),
        (two_networks(betas=(4,)), UNDECIDED, "needs >= 3 seeds of both networks at >= 2 β each, has 0"),
        (two_networks().query("arch == 'ours'"), UNDECIDED, "at >= 2 β each, has 0"),
    ],
)
def test_c8_better_at_equal_rate(table, verdict, words):
    found = trends.better(table)
    assert found.verdict == verdict
    assert words in found.finding


def test_c8_reads_scores_off_between_the_betas_of_a_seed():
    table = two_networks(gain_d=0.1, gain_ris=0.2, seeds=2)
    gaps = trends.at_equal_rate(table)
    assert gaps.groupby("seed")["rate"].apply(list).to_dict() == {
        0: list(trends.RATES),
        1: list(trends.RATES),
    }
    known = gaps.dropna()
    assert len(known) > 0
    assert set(known.columns) == {"seed", "rate", "dci_d", "ris"}
    assert trends.at_equal_rate(table[table["arch"] == "ours"]).empty


def test_c8_compares_at_equal_rate_and_not_at_equal_beta():
    """Here our network scores higher at every β, and the article's at every rate."""
    table = two_networks(0.05, 0.05)
    means = table.groupby("arch")["dci_d"].mean()
    assert means["ours"] > means["article"]
    found = trends.better(table)
    assert found.verdict == SUPPORTED
    assert found.effect == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.name}-{claim.network}")
def test_one_seed_decides_no_claim_and_what_is_missing_is_said(claim):
    names = [name for group in GROUPS.values() for name in group.names] + ["udr"]
    lists = ("per_dim", "margin")
    row = {name: [0.5] * 10 if name.endswith(lists) else 0.5 for name in names}
    one = pd.DataFrame(
        [{"arch": a, "beta": 4.0, "seed": 0, "latent_dim": 10} | SCALE | row for a in ("ours", "article")]
    )
    found = claim.judge(claim.rows(one))
    assert found.verdict == UNDECIDED
    assert found.finding.startswith("needs ")
    assert math.isnan(found.p)


def test_runs_whose_scores_are_undefined_do_not_count():
    table = counts([3, 3, 3, None], [3] * 4, [3] * 4)
    assert verdicts.few_dimensions(table).n == 3
    assert verdicts.few_dimensions(table.iloc[1:]).finding == "needs >= 3 seeds, has 2"


def no_runs() -> pd.DataFrame:
    names = [name for group in GROUPS.values() for name in group.names]
    return gather([], Profile("none", {}, {})).reindex(
        columns=[*claims.SETTING, *claims.SCALES, *names, "udr"]
    )


def test_the_ledger_says_how_many_seeds_a_verdict_leaves_out():
    table = cell(angle_r2=[0.2] * 4 + [None], ris=[0.1, 0.1, 0.11, 0.1, None], active_variance=10)
    found = judge_claims(no_runs().merge(table, how="outer")).set_index(["claim", "network"])
    assert found.loc[("C5", "ours"), "n"] == 4
    assert found.loc[("C5", "ours"), "finding"].endswith("; 1 of 5 seeds is left out, undefined")


def test_a_ledger_of_no_runs_is_undecided_throughout():
    found = judge_claims(no_runs())
    assert found["claim"].unique().tolist() == [f"C{k}" for k in range(1, 9)]
    assert (found["verdict"] == UNDECIDED).all()
    assert (found["n"] == 0).all()
    assert found["p_holm"].isna().all()


def test_holm_is_over_the_claims_that_have_a_p():
    cells = pd.concat([axes(0.5), turned(0.6, 0.3).drop(columns=[*claims.SETTING, *claims.SCALES])], axis=1)
    found = judge_claims(pd.concat([no_runs(), cells], ignore_index=True)).set_index(["claim", "network"])
    assert found["p"].notna().sum() == 2
    p = found.loc[("C2", "ours"), "p"]
    assert p == verdicts.linked(axes(0.5)).p
    assert found.loc[("C2", "ours"), "p_holm"] == pytest.approx(p)
    least = found.loc[("C5", "ours"), "p"]
    assert least < p
    assert found.loc[("C5", "ours"), "p_holm"] == pytest.approx(2 * least)


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=8))
def test_a_mean_lies_in_its_interval_and_p_is_a_probability(values):
    mean, low, high = replicates.mean_interval(np.array(values))
    assert low <= mean <= high or math.isclose(low, high)
    assert 0 <= replicates.t_test(np.array(values)) <= 1


def test_one_value_has_a_mean_and_no_interval():
    mean, low, high = replicates.mean_interval(np.array([0.25]))
    assert mean == 0.25
    assert math.isnan(low)
    assert math.isnan(high)


SMALL = Profile("small", FIELDS | {"epochs": 1}, {}, sweep={"image_size": 32, "n_train": 24})


def test_the_table_is_of_the_runs_at_the_scale_of_the_profile(tmp_path, monkeypatch):
    store = RunStore(tmp_path)
    swept = [tiny(epochs=1, image_size=32, n_train=24, seed=seed) for seed in (0, 1)]
    full = [tiny(epochs=1), tiny(epochs=1, seed=1), tiny(epochs=1, arch="ours")]
    for spec in (*full, *swept, tiny(epochs=2), tiny(epochs=1, image_size=32)):
        store.get(spec, progress=False)

    def measured(run, store, config, progress, groups):
        return {"mig": float(run.spec.seed), "kl": float(len(groups))}

    monkeypatch.setattr(claims, "score", measured)
    monkeypatch.setattr(claims, "agreement_of_seeds", lambda runs, _: {run.id: len(runs) for run in runs})
    runs = claims.runs_at_scale(SMALL, tmp_path)
    assert sorted(run.spec.id for run in runs) == sorted(spec.id for spec in (*full, *swept))
    found = gather(runs, SMALL, tmp_path, progress=False)
    told = found[["arch", "beta", "seed", "full", "swept", "udr"]]
    on_16, on_32 = (4.0 * (64 / side) ** 2 for side in (16, 32))
    assert set(told.itertuples(index=False, name=None)) == {
        ("article", on_16, 0, True, False, 2),
        ("article", on_16, 1, True, False, 2),
        ("article", on_32, 0, False, True, 2),
        ("article", on_32, 1, False, True, 2),
        ("ours", on_16, 0, True, False, 1),
    }
    assert set(found["kl"]) == {len(claims.FEW_GROUPS)}
    chosen = claims.at_setting(found, tiny(epochs=1, seed=5))  # its β is 4, on images of 16 pixels
    assert list(chosen["seed"]) == [0, 1]
    assert claims.at_setting(found, tiny(epochs=1, beta=1.0)).empty
    elsewhere = Profile("other", FIELDS | {"epochs": 9}, {})
    assert claims.runs_at_scale(elsewhere, tmp_path) == []
    assert gather(runs, elsewhere, tmp_path).empty


def test_all_is_measured_at_the_scale_of_the_report_and_the_beta_of_the_presentation():
    at_scale, deck = SMALL.run(), trends.DECK_BETA / 16
    assert claims.groups_needed(at_scale.changed(beta=deck), SMALL) == tuple(GROUPS)
    assert claims.groups_needed(at_scale, SMALL) == claims.FEW_GROUPS
    assert claims.groups_needed(at_scale.changed(beta=deck, epochs=2), SMALL) == claims.FEW_GROUPS
    # The run that stands for all with the same baselines may have any β.
    assert claims.groups_needed(at_scale, SMALL, baselines=True) == tuple(GROUPS)
    assert claims.groups_needed(at_scale.changed(epochs=2), SMALL, baselines=True) == claims.FEW_GROUPS


def test_claims_at_one_beta_are_judged_at_full_scale_and_the_others_by_the_sweep():
    table = pd.concat([cell(), curve(arch="ours")], ignore_index=True)
    table["swept"] = [False] * 5 + [True] * (len(table) - 5)
    table["full"] = ~table["swept"]
    for claim in CLAIMS:
        if claim.network != "article":
            assert set(claim.rows(table)["swept"]) == {claim.beta is None}


def test_what_the_sweep_decides_is_measured_on_it():
    names = {name for group in claims.FEW_GROUPS for name in GROUPS[group].names}
    asked = {"active_variance", "excess_bce", "kl", *trends.TRENDS, *trends.BETTER} - {"udr"}
    assert asked <= names
