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
# # What does a β-VAE see in rotated digits?
#
# A variational autoencoder {cite:p}`kingma2014,rezende2014` squeezes an image into a few numbers, its *latents*, and draws it again from them. The β-VAE {cite:p}`higgins2017` weighs the price of
# those numbers by a factor β, in the hope that each of them comes to stand for one thing that varies. Turned digits put that hope to the test, since one thing that
# varies in them is known exactly: the angle. **Does one number carry it?** This report takes up a student presentation that trained two networks once each and judged by eye, and measures what it saw.

# %% tags=["parameters", "last"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
archs = ["article", "ours"]  # the two networks of the presentation [2]
beta = 4.0  # weight of the KL term in the presentation
seeds = [0]  # seeds of each network
also = [
    {"arch": "article", "objective": "pose", "beta": 1.0}
]  # the network with a pose, and runs in which β is swept
turned_per_class = 20  # unseen digits of each class that are turned [1 to 500]
moved = 0.5  # range from which a latent counts as moved as a digit turns; the prior's SD is 1 [0.01 to 10]

# %% tags=["remove-input"]
import numpy as np
from IPython.display import HTML

from vaelib import RunStore, load_profile
from vaelib.claims import CAPTURED, at_setting, gather, judge_claims
from vaelib.data import as_float, rotation_sweep
from vaelib.metrics import latents_moved, rotation_isolation
from vaelib.report import (
    answer,
    check_chapter,
    glue_all,
    ledger_counts,
    span,
    trained_apart,
    turning_digit,
    verdict_strip,
)
from vaelib.scores import turned_codes

check_chapter("intro", globals())
scale = load_profile(profile)
runs = [RunStore(store).get(spec) for spec in scale.runs(globals())]
posed = [run for run in runs if run.spec.objective == "pose"]
plain = RunStore(store).get(scale.run(arch=archs[0], beta=beta, seed=seeds[0]))
size, limit = plain.spec.image_size, plain.spec.rotation_range
sizes = {run.spec.image_size for run in [plain, *posed]}
sweeps = {side: rotation_sweep(side, turned_per_class, limit / 18, limit) for side in sizes}
sweep = sweeps[size]
codes = {run.id: turned_codes(run, sweeps[run.spec.image_size]) for run in [plain, *posed]}
isolation = [rotation_isolation(codes[run.id], draws=1).ris.value for run in posed]
scores = gather(runs, scale, store)
judged = judge_claims(scores)
verdict = judged.set_index(["claim", "network"])["verdict"]["C5", archs[0]]
at_beta = at_setting(scores, plain.spec)
apart = trained_apart(plain.spec, posed[0].spec)

shown = 4 * turned_per_class  # the first 4
first, second = codes[plain.id][shown], codes[posed[0].id][shown].copy()
second[:, 0] *= posed[0].spec.angle_sd
images = as_float(sweep.images[shown * len(sweep.angles) :][: len(sweep.angles), 0]).numpy()
HTML(turning_digit(images, sweep.angles, first, second, ("the article’s β-VAE", "with a pose of its own")))

# %% tags=["remove-cell"]
glue_all(dict(zip(("answer", "answer_pose"), answer(verdict, isolation, CAPTURED), strict=True)))
glue_all(
    {
        "profile_name": profile,
        "beta": float(beta),
        "image_size": size,
        "n_seeds": len(seeds),
        "pose_size": posed[0].spec.image_size,
        "n_pose": len(posed),
        "limit": limit,
        "moved_threshold": moved,
        "latent_dim": plain.spec.latent_dim,
        "n_turned": len(sweep.index),
        "n_moved": float(latents_moved(codes[plain.id], moved).mean()),
        "n_moved_pose": float(np.mean([latents_moved(codes[run.id], moved).mean() for run in posed])),
        "ris": span(at_beta["ris"].tolist()),
        "ris_pose": span(isolation),
        "pose_differs": f"; it was trained with {apart}" if apart else "",
        "counts": ledger_counts(judged),
    }
)

# %% [markdown]
# **{glue:text}`answer`** When an unseen digit turns from −{glue:text}`limit:.0f`° to {glue:text}`limit:.0f`°, {glue:text}`n_moved:.1f` of the {glue:text}`latent_dim` latents of the article's network {cite:p}`higgins2017` follow, and the angle alone explains {glue:text}`ris` of the variance of the one
# that follows best.
# **{glue:text}`answer_pose`** a network with a pose, one latent that is by construction a turn, learns it without any label: only {glue:text}`n_moved_pose:.1f` of its latents move, and that share is {glue:text}`ris_pose`{glue:text}`pose_differs`.
# **What the presentation concluded**, by eye and from one training of each network, is judged by rules, none of which was changed after numbers of the full scale were seen. {glue:text}`counts`. *Our network* is the presentation's own, the deeper of the two.
#
# <p class="ways"><a href="demo.html">Turn a digit yourself</a> <a href="conclusion.html">Every claim, with its evidence</a> <a href="#rebuild-vary-read">Rebuild it</a></p>

# %% tags=["remove-input"]
HTML(verdict_strip(judged))

# %% [markdown]
# *Measured by this build: profile {glue:text}`profile_name`, images of {glue:text}`image_size` pixels, β = {glue:text}`beta:g`, number of seeds {glue:text}`n_seeds`; of the network with a pose {glue:text}`n_pose`, on images of {glue:text}`pose_size` pixels; means, with the least and the most over seeds in brackets. A latent moves when it covers more than {glue:text}`moved_threshold` standard deviations of the prior while a digit turns; {glue:text}`n_turned` unseen digits were turned. That asks less than the claims do: C1 and C3 count latents that change the image visibly, or whose code has enough nats, whatever the cause ({ref}`sec-conclusion`). The share is the rotation isolation score, RIS ({ref}`sec-factor-capture`).*
#
# ## What is here
#
# | chapter | what it shows | slides of the presentation |
# | --- | --- | --- |
# | {doc}`dataset` | the digits, their rotation and the resampling that both halves share | *Base de données* |
# | {doc}`beta_study` | what β changes: how faithful the copies are, how much the code says, whether it separates the factors | *β-VAE*; *Étude : explorer impact de beta* |
# | {doc}`architectures` | the two networks, layer by layer | *Architecture du VAE*: *de l'article*, *Notre architecture* |
# | {doc}`results` | how the presentation's own network learns and what it draws | *Résultat*; *Résultats obtenus avec notre architecture proposée* |
# | {doc}`latent_space` | where the digits lie in its latent space | *Visualisation de l'espace latent*; *Espace latent* |
# | {doc}`factor_capture` | what each latent dimension does to an image | *Capture des facteurs de variation*; *… à partir d'un point aléatoire*; *… à partir de l'encodage d'images* (*dimensions 1, 6*) |
# | {doc}`comparison` | the two networks side by side; below it, the three chapters before for the article's network | *Comparaison avec l'architecture de l'article* (*dimensions 1, 7, 9*) |
# | {doc}`ablation` | why a network may use three dimensions of ten: activation, meaning of β = 4, training | *Pour résumer* (our network) |
# | {doc}`conclusion` | every claim of the presentation with a verdict, and the scores beside those of the baselines | *Pour résumer* (both); *Pour conclure* |
# | {doc}`additions` | a network with a latent for the angle, trained without any label of it | *Possibilité d'ajout* |
# | {doc}`rotation_ranges` | how far digits may turn before no latent of the plain network follows | |
# | {doc}`alternatives` | other objectives on the same images, measured alike | |
# | {doc}`demo` | the networks alive in the page | *Démo* |
# | {doc}`summary`, {doc}`resume` | all of it on one page, in English and in French | *Présentation*; *Pour résumer* |
# | {doc}`metrics` | how the scores are checked on codes whose answer is known | |
# | {doc}`glossary` | every symbol and word, with its equation | |
#
# ## Rebuild, vary, read
#
# ```shell
# make book                          # the whole report, from nothing
# vaelib notebook results -p beta 8  # one chapter with another parameter
# make serve                         # read it in a browser
# ```
#
# `vaelib` is in the environment that `make book` has made: `.venv/bin/vaelib`, or `vaelib` once that is activated. A chapter only reads trained networks; one that is missing is trained first and stored. Under each
# figure a small line names the runs it is drawn from, their seeds and the command that draws it again. At the top of each chapter its parameters unfold; any of them can follow `-p`, and a
# name or value that does not exist is refused before anything starts.
