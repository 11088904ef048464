import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, xlog1py
from statsmodels.formula.api import ols

from tests.figure import assert_transparent_and_drawn
from tests.tiny import tiny
from vaelib.claims import ablation
from vaelib.errors import InputError
from vaelib.models.affine import LinearTheory, linear_theory, pixel_changes, principal_angles
from vaelib.models.build import build_vae
from vaelib.models.losses import beta_eff, matched_beta
from vaelib.plots import ablation as plots
from vaelib.profiles import load_profile
from vaelib.report import build as report
from vaelib.report import parameters
from vaelib.report import theory as reading_theory
from vaelib.spec import REDUCTIONS, RunSpec

BASE = RunSpec(arch="ours", image_size=32, beta=1.0)


@dataclasses.dataclass(frozen=True)
class Finished:
    """A run as `ablation.results` looks at it."""

    spec: RunSpec
    kl: tuple[float, ...] = (1.0, 0.2, 0.07, 0.03, 0.001)

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def metrics(self) -> dict:
        test = {"all": {"kl": sum(self.kl), "recon": 200.0}}
        return {"kl_per_dim": list(self.kl), "active_units": 4, "test": test}


@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_beta_4_of_a_program_is_beta_4_whatever_the_size_of_the_images(size, reduction):
    at_64 = RunSpec(reduction=reduction)
    sums_pixels = reduction in ("sum", "mean_latents")
    matched = RunSpec(reduction=reduction, image_size=size, beta=4 * (size / 64) ** 2 if sums_pixels else 4)
    assert matched_beta(matched) == pytest.approx(matched_beta(at_64))
    assert ablation.stated_beta(matched) == pytest.approx(4)


def test_the_six_readings_of_beta_4_span_what_is_said_of_them():
    betas = [matched_beta(RunSpec(reduction=reduction)) for reduction in REDUCTIONS]
    assert betas == pytest.approx([4, 0.4, 4 * 4096 / 784, 0.4 * 4096 / 784, 1638.4, 16_384])
    assert len({ablation.reading(RunSpec(reduction=reduction)) for reduction in REDUCTIONS}) == 6


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "as stated"),
        ({"seed": 3}, "as stated"),
        ({"reduction": "mean_pixels_784", "likelihood": "gaussian", "beta": 4.0}, "as stated"),
        ({"reduction": "mean_pixels_784", "beta": 1.0}, "beta 1"),
        ({"beta": 7.0}, "beta 28"),
        ({"activation": "relu"}, "activation relu"),
        ({"norm": "none", "init": "he"}, "norm none, init he"),
        ({"lr": 1e-4}, "lr 0.0001"),
        ({"arch": "article"}, "arch article"),
        ({"arch": "article", "norm": "batch"}, "arch article, norm batch"),
        ({"depth": 4}, "depth 4"),
    ],
)
def test_a_run_is_named_by_what_sets_it_apart(fields, said):
    spec = RunSpec.from_dict({"arch": "ours", "image_size": 32, "beta": 1.0} | fields)
    assert ablation.words(ablation.changes(spec, BASE)) == said


def test_counts_under_every_definition():
    table = ablation.results([Finished(BASE)], BASE)
    row = table.iloc[0]
    assert [row[name] for name in ablation.COUNTS] == [4, 4, 3, 2, 1]
    assert row["log_kl"] == pytest.approx(math.log(row["kl"]))
    silent = ablation.results([Finished(BASE, (1e-9,) * 5)], BASE).iloc[0]
    assert silent["log_kl"] == pytest.approx(math.log(ablation.SILENT_KL))


def test_a_cell_is_summed_up_over_its_seeds():
    runs = [Finished(dataclasses.replace(BASE, seed=s), (1.0,) * n) for s, n in enumerate((3, 5, 4))]
    cells = ablation.summary(ablation.results(runs, BASE), ["changed", "reading"], "kl_0.05")
    assert cells.loc[("as stated", "sum BCE, KL summed")].tolist() == [4, 3, 5, 3]


def design(a, b, r):
    """A table of runs whose count of latents is 100·row + 10·reading + seed."""
    rows = [
        {"changed": f"a{i}", "reading": f"b{j}", "seed": k, "kl_0.05": 100 * i + 10 * j + k}
        for i in range(a)
        for j in range(b)
        for k in reversed(range(r))
    ]
    return pd.DataFrame(rows)


def test_a_balanced_design_is_read_off_the_table_by_seed():
    values, changed, readings = ablation.balanced(design(2, 3, 4), "kl_0.05", 2)
    assert (values.shape, changed, readings) == ((2, 3, 2), ["a0", "a1"], ["b0", "b1", "b2"])
    assert values[1, 2].tolist() == [120, 121]


@pytest.mark.parametrize("profile", ["smoke", "quick", "published"])
def test_every_scale_crosses_its_activations_with_a_reading_in_all_seeds(profile):
    scale = load_profile(profile)
    page = scale.pages["ablation"]
    specs = report.page_runs(scale, page)
    base = specs[0]
    crossed = pd.DataFrame(
        [
            {
                "changed": ablation.words(ablation.changes(spec, base)),
                "reading": ablation.reading(spec),
                "matched_beta": matched_beta(spec),
                "seed": spec.seed,
            }
            for spec in specs
            if spec.image_size == base.image_size
        ]
    )
    kinds = [ablation.AS_STATED, "activation relu", "activation leaky_relu"]
    crossed = crossed[crossed["changed"].isin(kinds)]
    seeds = len(parameters.check_parameters(page.source, report.given_parameters(scale, page))["seeds"])
    for design in (crossed, crossed[crossed["matched_beta"] < 100]):
        values, _, readings = ablation.balanced(design, "seed", seeds)
        assert values.shape[2] == seeds
        assert readings


def test_readings_that_lack_a_run_are_left_out_and_none_left_is_refused():
    table = design(2, 3, 2)
    table = table[~((table["changed"] == "a1") & (table["reading"] == "b1") & (table["seed"] == 1))]
    values, _, readings = ablation.balanced(table, "kl_0.05", 2)
    assert (values.shape, readings) == ((2, 2, 2), ["b0", "b2"])
    assert ablation.balanced(table, "kl_0.05", 1)[0].shape == (2, 3, 1)
    with pytest.raises(InputError, match="no reading has 3 runs with each of a0, a1"):
        ablation.balanced(table, "kl_0.05", 3)


EFFECTS = {
    "first": np.array([1.0, -1.0])[:, None, None] * np.ones((2, 3, 2)),
    "second": np.array([1.0, 0.0, -1.0])[None, :, None] * np.ones((2, 3, 2)),
    "interaction": np.outer([1, -1], [1, 0, -1])[..., None] * np.ones((2, 3, 2)),
    "seed": np.array([1.0, -1.0])[None, None] * np.ones((2, 3, 2)),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_variance_of_one_kind_has_all_of_the_share(name):
    found = ablation.shares(5 + EFFECTS[name])
    assert found == pytest.approx({other: float(other == name) for other in EFFECTS}, abs=1e-12)


def test_shares_of_effects_that_are_added_are_those_of_their_variances():
    weights = {"first": 3.0, "second": 2.0, "interaction": 1.0, "seed": 0.5}
    parts = {name: weight * EFFECTS[name] for name, weight in weights.items()}
    total = sum((part**2).sum() for part in parts.values())
    expected = {name: (part**2).sum() / total for name, part in parts.items()}
    assert ablation.shares(sum(parts.values())) == pytest.approx(expected)


@given(arrays(float, st.tuples(*[st.integers(2, 4)] * 3), elements=st.floats(-100, 100)))
def test_shares_are_those_of_a_linear_model(values):
    assume(values.std() > 1e-3)
    found = ablation.shares(values)
    assert sum(found.values()) == pytest.approx(1)
    a, b, _ = (axis.ravel() for axis in np.indices(values.shape))
    fitted = ols("y ~ C(a) * C(b)", pd.DataFrame({"a": a, "b": b, "y": values.ravel()})).fit()
    squares = sm.stats.anova_lm(fitted, typ=2)["sum_sq"]
    assert list(found.values()) == pytest.approx((squares / squares.sum()).tolist(), abs=1e-6)


def test_what_cannot_be_told_is_not_a_number():
    rng = np.random.default_rng(0)
    assert all(np.isnan(list(ablation.shares(np.full((2, 3, 2), 4.0)).values())))
    one_seed = ablation.shares(rng.normal(size=(2, 3, 1)))
    assert np.isnan([one_seed["interaction"], one_seed["seed"]]).all()
    assert 0 < one_seed["first"] + one_seed["second"] < 1
    one_row = ablation.shares(rng.normal(size=(1, 3, 2)))
    assert np.isnan([one_row["first"], one_row["interaction"]]).all()
    assert one_row["second"] + one_row["seed"] == pytest.approx(1)
    with pytest.raises(InputError, match=r"\(2, 3\) is refused"):
        ablation.shares(np.zeros((2, 3)))


def test_gaussian_thresholds_are_twice_the_principal_variances():
    rng = np.random.default_rng(0)
    x = 0.5 + rng.normal(size=(500, 2)) @ np.array([[0.3, 0, 0, 0], [0, 0.1, 0.1, 0]])
    theory = linear_theory(x, "gaussian", 3)
    expected = 2 * np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1][:3]
    assert theory.thresholds == pytest.approx(expected)
    assert abs(theory.basis[0, 0]) > 0.99
    assert theory.kl(theory.thresholds[0] / math.e**2)[0] == pytest.approx(1)
    assert theory.kl(theory.thresholds[0]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("p", [0.5, 0.1])
def test_k_equal_binary_pixels_fall_silent_at_beta_k_whatever_their_rate(p):
    on = np.arange(100) < 100 * p
    other = np.arange(100) % 2 == 0  # independent of the first where both halves have the same share
    x = np.stack([on] * 3 + [other] * 2, axis=1).astype(float)
    assert linear_theory(x, "bernoulli", 2).thresholds == pytest.approx([3, 2])


def test_a_pixel_that_is_never_lit_changes_nothing():
    x = np.random.default_rng(0).uniform(size=(60, 5))
    dark = np.concatenate([x, np.zeros((60, 1))], axis=1)
    for likelihood in ("gaussian", "bernoulli"):
        with_it, without = (linear_theory(pixels, likelihood, 5) for pixels in (dark, x))
        assert with_it.thresholds == pytest.approx(without.thresholds)
        assert with_it.basis[5] == pytest.approx(0)


def gain(x, likelihood, beta, step):
    """Return what a first step away from silence adds to the ELBO: one latent along the leading direction.

    The encoder is the best one to that order; the expectation over the latent is by quadrature.
    """
    p = x.mean(0)
    curvature = p * (1 - p)
    direction = linear_theory(x, likelihood, 1).basis[:, 0] / curvature
    v = step * direction
    logits = np.log(p / (1 - p))
    slope = curvature if likelihood == "bernoulli" else 2 * curvature**2
    pull = v if likelihood == "bernoulli" else 2 * curvature * v
    variance = 1 / (1 + v @ (slope * v) / beta)
    mean = (x - p) @ pull / beta
    nodes, weights = np.polynomial.hermite_e.hermegauss(30)
    z = mean[:, None] + math.sqrt(variance) * nodes
    drawn = expit(logits + z[..., None] * v)
    if likelihood == "bernoulli":
        nll = -(x[:, None] * np.log(drawn) + xlog1py(1 - x[:, None], -drawn)).sum(2)
        silent = -(x * logits + np.log(1 - p)).sum(1)
    else:
        nll, silent = ((x[:, None] - drawn) ** 2).sum(2), ((x - p) ** 2).sum(1)
    kl = 0.5 * (mean**2 + variance - 1 - math.log(variance))
    return float((silent - nll @ weights / weights.sum() - beta * kl).mean())


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_a_code_pays_below_the_largest_threshold_and_not_above(likelihood):
    x = expit(np.random.default_rng(1).normal(size=(300, 6)) @ np.diag([3, 2, 1, 1, 0.5, 0.5]) - 0.5)
    x[:, 1] = 0.7 * x[:, 0] + 0.3 * x[:, 1]
    threshold = linear_theory(x, likelihood, 1).thresholds[0]
    assert gain(x, likelihood, 0.97 * threshold, 0.03) > 0
    assert gain(x, likelihood, 1.03 * threshold, 0.03) < 0


def test_principal_angles_are_those_of_the_planes():
    e = np.eye(4)
    turned = np.stack([math.cos(0.3) * e[0] + math.sin(0.3) * e[2], e[1]], axis=1)
    assert principal_angles(e[:, :2], 5 * turned) == pytest.approx([0, math.degrees(0.3)], abs=1e-6)
    assert principal_angles(e[:, :1], e[:, 3:]) == pytest.approx([90])


def test_pixels_change_by_the_slope_of_the_sigmoid():
    rng = np.random.default_rng(0)
    matrix, offset = rng.normal(size=(5, 2)), rng.normal(size=5)
    step = 1e-6
    numeric = (expit(offset + step * matrix[:, 1]) - expit(offset)) / step
    assert pixel_changes(matrix, offset)[:, 1] == pytest.approx(numeric, abs=1e-5)


def test_a_decoder_that_follows_the_theory_changes_pixels_along_principal_directions():
    x = np.random.default_rng(0).uniform(size=(400, 8)) ** np.arange(1, 9)
    p = x.mean(0)
    theory = linear_theory(x, "gaussian", 3)
    matrix = theory.basis / (p * (1 - p))[:, None]
    assert principal_angles(pixel_changes(matrix, np.log(p / (1 - p))), theory.basis).max() < 1e-5


@pytest.mark.parametrize(("likelihood", "m", "said"), [("poisson", 2, "gaussian"), ("gaussian", 9, "1 to")])
def test_theory_refuses_what_it_is_not_made_for(likelihood, m, said):
    with pytest.raises(InputError, match=said):
        linear_theory(np.zeros((4, 8)), likelihood, m)


def test_an_untrained_affine_run_beside_the_theory_of_its_likelihood():
    spec = tiny(arch="ours", beta=2.0, latent_dim=3)
    run = SimpleNamespace(
        spec=spec,
        metrics={"kl_per_dim": [0.9, 0.0, 0.3]},
        model=build_vae(spec),
        measured=lambda kind, of, make: make(),
    )
    thresholds = beta_eff(spec) * np.exp(2 * np.array([1.0, 0.5, 0.0]))
    theory = LinearTheory(thresholds, np.eye(spec.n_pixels)[:, :3])
    table = ablation.against_theory([run], {"bernoulli": theory})
    row = table.iloc[0]
    assert (row["likelihood"], row["in use: theory"], row["in use: found"]) == ("BCE", 2, 2)
    assert row["KL, nats: theory"] == pytest.approx(1.5)
    assert row["KL, nats: found"] == pytest.approx(1.2)
    assert 0 <= row["angles: median"] <= row["angles: largest"] <= 90
    words = reading_theory.theory_in_words(table)
    assert words.startswith("1 of 1 use as many latents as theory predicts, 0 fewer, 0 more")
    assert words.endswith("they carry 80% of the predicted nats")
    assert reading_theory.theory_in_words(table[:0]) == "no run"


def test_agreement_of_two_sizes():
    cells = [("as stated", "sum"), ("as stated", "mean"), ("relu", "sum"), ("relu", "mean")]
    index = pd.MultiIndex.from_tuples(cells, names=["changed", "reading"])
    small = pd.DataFrame({"mean": [10.0, 3.0, 10.0, 5.0]}, index)
    large = pd.DataFrame({"mean": [9.0, 4.5, 10.0, 4.0]}, index)
    assert ablation.agreement_of_sizes(small, large) == {
        "cells": 4,
        "near": 3,
        "contrasts": 5,
        "same_sign": 4,
    }
    assert ablation.agreement_of_sizes(small, small)["same_sign"] == 5
    with pytest.raises(InputError, match="differ"):
        ablation.agreement_of_sizes(small, large.iloc[:2])


def cells(rows, readings, spread=0.5):
    index = pd.MultiIndex.from_product([rows, readings], names=["changed", "reading"])
    table = pd.DataFrame({"mean": 3.5, "least": 3.5 - spread, "most": 3.5 + spread}, index)
    return table.assign(matched_beta=np.arange(len(index)) % len(readings) * 20.9 + 0.4)


def spectra(m=5):
    betas = np.array([0.4, 4.0, 21.0])
    return betas, np.outer(1 / betas, np.arange(m, 0, -1))


TWO_ROWS = cells(["as stated", "activation relu"], ["a", "b", "c"])
FIGURES = {
    "count_matrix": lambda: plots.count_matrix({"in use": TWO_ROWS}, 10),
    "count_matrix_with_holes": lambda: plots.count_matrix(dict.fromkeys("xy", TWO_ROWS.iloc[:4]), 10),
    "count_matrix_of_one_cell": lambda: plots.count_matrix({"in use": cells(["a"], ["b"], spread=0)}, 10),
    "kl_against_beta": lambda: plots.kl_against_beta(
        {"Bernoulli": spectra(), "Gaussian": spectra()},
        {"Bernoulli": np.arange(50.0, 0, -10), "Gaussian": np.arange(5.0, 0, -1)},
    ),
    "kl_against_beta_of_one_run": lambda: plots.kl_against_beta(
        {"Gaussian": (np.array([4.0]), np.ones((1, 5)))}, {"Gaussian": np.arange(5.0, 0, -1)}
    ),
    "attribution": lambda: plots.attribution(
        {
            "latents in use": ablation.shares(EFFECTS["first"] + EFFECTS["seed"]),
            "log KL": ablation.shares(np.random.default_rng(0).normal(size=(2, 3, 1))),
        },
        ("activation", "reading"),
    ),
    "attribution_of_nothing": lambda: plots.attribution(
        {"latents in use": ablation.shares(np.ones((1, 2, 1)))}, ("activation", "reading")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_transparent_and_drawn(name):
    assert_transparent_and_drawn(FIGURES[name]())


def test_cells_of_the_matrix_say_mean_and_span():
    drawn = [text.get_text() for text in FIGURES["count_matrix"]().axes[0].texts]
    assert drawn == ["3.5\n3–4"] * 6
    assert [t.get_text() for t in FIGURES["count_matrix_of_one_cell"]().axes[0].texts] == ["3.5"]
    assert [len(ax.texts) for ax in FIGURES["count_matrix_with_holes"]().axes[:2]] == [4, 4]
