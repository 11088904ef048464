# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     name: python3
#     display_name: Python 3
#     language: python
# ---

# %% [markdown]
# (sec-comparison)=
# # Comparison
#
# The presentation sets the article's network beside its own (*our network* in this report) and finds it "much better". **Is the article's network better?** We ask first at the same setting,
# then at the same rate, that is, where the codes of both say equally many nats about an image. The three chapters before are repeated for the article's network on the pages below this one.

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
archs = ["ours", "article"]  # the two networks [2]
beta = 4.0  # weight of the KL term at the same setting
seeds = [0]  # seeds of each network and β
also_archs = ["article"]  # networks that are also trained with the following values of β
also_betas = [1.0, 4.0, 16.0, 64.0]  # values of β among which the nearest rate is sought
also = []  # further runs, in which β is swept with several seeds
traversal_digit = 3  # digit whose code is varied [0 to 9]
steps = 7  # images along a dimension [3 to 21]
n_moved = 200  # test images decoded with each dimension moved [2 to 2000]

# %% tags=["hide-input"]
import numpy as np

from vaelib import ARCHITECTURES, RunStore, load_profile
from vaelib.claims import RATES, at_equal_rate, better, gather, groups_needed
from vaelib.data import as_float, load_split
from vaelib.models import decode, encode, matched_beta, traversal_ranges, traverse
from vaelib.plots import (
    angle_r2,
    beta_name,
    image_grid,
    rates_of_networks,
    scores_at_rate,
    spectra_of_networks,
    traversal_panels,
)
from vaelib.report import (
    BETTER_IN_WORDS,
    angle_estimates,
    check_chapter,
    gains_at_rates,
    glue_all,
    mean_term,
    measures_of,
    measures_table,
    moving_traversals,
    near_in_words,
    points_of_runs,
    same_rate_in_words,
)
from vaelib.scores import baseline_scores, baseline_titles, profiles_of, score_titles

check_chapter("comparison", globals())
prof = load_profile(profile)
named = {"archs": archs, "beta": beta, "seeds": seeds, "also_archs": also_archs, "also_betas": also_betas}
runs = RunStore(store).by_setting(prof.runs(named))
titles = {arch: ARCHITECTURES[arch].title for arch in archs}
first, second = archs
spec = runs[first, beta][0].spec
at_64 = matched_beta(spec) / spec.beta  # β of equal β_norm at 64 pixels, for β = 1 here
test = load_split(spec, "test")
rates = mean_term(runs, "kl")
betas = sorted(b for arch, b in runs if arch == second)
near = min(betas, key=lambda b: abs(rates[second, b] - rates[first, beta]))
compared = {"first": (first, beta), "second": (second, beta), "near": (second, near)}
labels = {(arch, b): f"{titles[arch]}, {beta_name(b, at_64)}" for arch, b in compared.values()}
glue_all({f"kl_{name}": rates[point] for name, point in compared.items()})
glue_all(
    {
        "first": titles[first],
        "second": titles[second],
        "profile_name": profile,
        "beta": beta,
        "beta_name": beta_name(beta, at_64),
        "beta_near": beta_name(near, at_64),
        "betas": ", ".join(beta_name(b, at_64) for b in betas),
        "near_note": "the run at the same setting itself" if near == beta else "a run at another setting",
        "seeds_text": "one seed each" if len(seeds) == 1 else f"{len(seeds)} seeds each",
        "n_test": len(test),
        "latent_dim": spec.latent_dim,
        "traversal_digit": traversal_digit,
        "seeds_note": "One seed each: how much of a difference is the networks' and how much the seed's, these numbers cannot tell"
        if len(seeds) == 1
        else f"Means over {len(seeds)} seeds, with the least and the largest in brackets",
    }
)

# %% [markdown]
# ## The same setting, the same rate
#
# Both networks were trained alike, on the same images in as many batches of the same size, with {glue:text}`beta_name` (profile "{glue:text}`profile_name`", {glue:text}`seeds_text`). Equal β
# does not make them equal: each network settles where a further nat no longer pays, and that may be another rate. A code with more nats reconstructs better for that reason alone.
# {numref}`fig-networks-plane` shows where the networks end. At β = {glue:text}`beta:g`, {glue:text}`first` uses {glue:text}`kl_first:.2f` nats. Among the runs of {glue:text}`second`
# ({glue:text}`betas`) the nearest rate, {glue:text}`kl_near:.2f` nats, is that of **{glue:text}`beta_near`**, {glue:text}`near_note`. It stands for "the nearest rate" below.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-networks-plane", "caption": "Both networks in the plane of rate and distortion, test images; lower and further left is better. A curve joins the values of β of one network."}, "image": {"alt": "Plot of reconstruction against KL with labelled points for the values of beta, a colour and a marker for each network."}}
rates_of_networks(points_of_runs(runs, titles), at_64)

# %% [markdown]
# ## What one sees
#
# {numref}`fig-networks-reconstructions` decodes the same test digits with each network, {numref}`fig-networks-traversals` varies every dimension from the code of one upright
# {glue:text}`traversal_digit`, each over its own 1–99 % range ({ref}`sec-factor-capture`).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-networks-reconstructions", "caption": "Test digits and their reconstructions from the mean code: upright above, rotated below. First seed."}, "image": {"alt": "Grid of ten digits a row: upright test digits, their reconstructions by each network, then the rotated digits and their reconstructions."}}
found = {point: profiles_of(runs[point], spec, n_moved) for point in labels}
codes = {point: encode(runs[point][0].model, test.images).mu for point in labels}
digits = test.factors.drop_duplicates("digit").sort_values("digit").index.to_numpy(copy=True)
rows = []
for chosen in (digits, digits + len(test) // 2):
    rows.append(as_float(test.images[chosen])[:, 0].numpy())
    rows += [decode(runs[point][0].model, codes[point][chosen]) for point in labels]
image_grid(np.stack(rows), ["upright", *labels.values(), "rotated", *labels.values()])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-networks-traversals", "caption": "Every dimension varied from the code of the same test digit, one row per dimension, sorted by KL within each network. First seed."}, "image": {"alt": "Panels of small images side by side, one for each network and setting; each row shows one latent dimension moving from low to high."}}
start = np.flatnonzero(test.factors["digit"] == traversal_digit)[0]
panels = []
for point in labels:
    mu, kl = codes[point], found[point][0].per_dim["kl"]
    values = traversal_ranges(mu, steps)
    order = kl.sort_values(ascending=False, kind="stable").index - 1
    panels.append([traverse(runs[point][0].model, mu[start], [dim], values[dim])[0] for dim in order])
traversal_panels(np.array(panels), list(labels.values()), cols=len(panels))

# %% [markdown]
# The same images in motion, every dimension through its range and back. (They stand still in print, and for readers whose system asks for less motion.)

# %% tags=["hide-input"]
moving_traversals(np.array(panels), list(labels.values()))

# %% [markdown]
# ## What one measures
#
# How the nats are spread over the dimensions is in {numref}`fig-networks-spectra`, and how well the angle of rotated digits can be read from the best single dimension and from all of them in
# {numref}`fig-networks-angle`.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-networks-spectra", "caption": "KL of the dimensions on test images, sorted within each run and averaged over seeds."}, "image": {"alt": "Lines of KL against the rank of the dimension, one for each network and setting."}}
spectra_of_networks(
    {labels[p]: np.mean([np.sort(c.per_dim["kl"])[::-1] for c in found[p]], axis=0) for p in labels}
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-networks-angle", "caption": "R² of the angle on rotated test digits: the best single dimension by a line, and all dimensions by their nearest neighbours. Bars: 95 % over resampled test images of one run; a row is a run."}, "image": {"alt": "For each run two points with error bars: the R squared of the angle from the best dimension and from all dimensions."}}
angle_r2(angle_estimates({labels[point]: own for point, own in found.items()}, seeds))

# %% [markdown]
# The measures are those of {ref}`sec-factor-capture`. {glue:text}`seeds_note`.

# %% tags=["hide-input"]
texts = {name: measures_of(runs[point], found[point]) for name, point in compared.items()}
for name, own in texts.items():
    glue_all({f"{key}_{name}_text": text for key, text in own.items()})
glue_all(
    {
        "same_rate_text": same_rate_in_words(runs, second, rates[first, beta]),
        "near_text": near_in_words(texts["first"], texts["near"], (beta, near)),
    }
)
measures_table({labels[point]: texts[name] for name, point in compared.items()})

# %% [markdown]
# ## Separated, at equal rate
#
# A code with more nats has more to separate, so scores of separation are compared at equal rate, too. {numref}`fig-scores-rate` has D (is a latent used for one factor alone?), MIG and RIS of
# the networks in which β is swept ({ref}`sec-beta-study`, images of {glue:text}`sweep_size` pixels) against the nats they spend. The grey lines are codes of the same images that were trained
# for none of it. Where hardly a nat is spent a high D is no merit: a single dimension that says a little about four factors and nothing about the fifth has $D=1-\ln 4/\ln 5\approx 0.14$.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-scores-rate", "caption": "D, MIG and RIS against the rate. A dot is a run, a thin line joins the runs of one seed, a bold one the means of each β. Grey: principal components, independent components, both networks untrained. Marks at the top: the rates of the table."}, "image": {"alt": "Three panels with the rate in nats on the horizontal axis and a score on the vertical one; dots in one colour for each network, joined by thin lines with a bold line through their means, and four grey horizontal lines."}}
measured = gather([RunStore(store).get(one) for one in prof.runs(named | {"also": also})], prof, store)
swept = measured[measured["swept"]].assign(network=lambda table: table["arch"].map(titles))
shown = score_titles("dci_d", "mig", "ris")
baselines = {}
for arch in archs:
    called = baseline_titles(spec.latent_dim, titles[arch])
    small = prof.run(arch=arch, **prof.sweep)
    scored = baseline_scores(
        small, store, names=["pca", "ica", "untrained"], groups=groups_needed(small, prof)
    )
    baselines |= {called[name]: {score: own.scores[score] for score in shown} for name, own in scored.items()}
scores_at_rate(swept, shown, baselines, RATES)

# %% tags=["hide-input"]
verdict = better(swept)
glue_all(
    {
        "sweep_size": small.image_size,
        "verdict": verdict.verdict,
        "verdict_finding": verdict.finding,
        "n_seeds_rate": verdict.n,
        "answer": BETTER_IN_WORDS[verdict.verdict],
    }
)
gains_at_rates(at_equal_rate(swept.dropna(subset=[*shown, "kl"])))

# %% [markdown]
# In brackets: 95 % intervals by Student's t over seeds. By the rule for C8 ({ref}`sec-conclusion`), which averages over the rates that all seeds of both reach, that the article's network is
# better is *{glue:text}`verdict`* ({glue:text}`verdict_finding:s`; n = {glue:text}`n_seeds_rate`). All other scores of both networks, beside those of the baselines, are in
# {ref}`sec-conclusion`.

# %% [markdown]
# ## Answer
#
# **{glue:text}`answer`** ({glue:text}`verdict_finding:s`.) On {glue:text}`n_test:,d` test images; {glue:text}`first` → {glue:text}`second`, {glue:text}`seeds_text`:
#
# - At {glue:text}`beta_name`: reconstruction {glue:text}`recon_first_text` → {glue:text}`recon_second_text` nats, rate {glue:text}`kl_first_text` → {glue:text}`kl_second_text` nats.
# - {glue:text}`near_text` At the rate of {glue:text}`first` the reconstruction of {glue:text}`second` is {glue:text}`same_rate_text`; that of {glue:text}`first` is
#   {glue:text}`recon_first_text`.
# - Visible dimensions, of {glue:text}`latent_dim`, at β = {glue:text}`beta:g`: {glue:text}`visible_first_text` → {glue:text}`visible_second_text`; active ones: {glue:text}`active_first_text`
#   → {glue:text}`active_second_text`.
# - Two dimensions correlate on average by {glue:text}`correlation_first_text` → {glue:text}`correlation_second_text`; the same change is made to different images with agreement
#   {glue:text}`agreement_first_text` → {glue:text}`agreement_second_text`.
# - The angle from the best dimension has R² {glue:text}`best_first_text` → {glue:text}`best_second_text`, from all dimensions {glue:text}`all_first_text` → {glue:text}`all_second_text`.
#
# {glue:text}`seeds_note`.
