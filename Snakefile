# The report as a graph of jobs: data -> runs -> their scores -> pages -> book. `vaelib book` is the way to start it.
#
# A page and the book are up to date when their recipe (a fingerprint of every file and parameter that decides
# them, see vaelib.report.recipes) is the recorded one. A run is its specification: once done.json is there it is done.
#
# update(): Snakemake neither deletes the file before a job nor after one that failed, so the last good page
# stays to be read. The mark beside it is deleted, so that a job that failed is not taken for done.

import functools
import os
import shlex
import sys

from vaelib.profiles import load_profile
from vaelib.report import build, plan, recipes
from vaelib.spec import RunSpec

PROFILE = load_profile(config.get("profile", "quick"))
VAELIB = f"{shlex.quote(sys.executable)} -m vaelib.cli"
MADE = "_build/report/made"
DEMO = [f"{MADE}/demo"] if "demo" in PROFILE.pages else []


@functools.cache
def needs():
    return build.plan(PROFILE)


def read_by(page):
    return [
        *(f"{build.STORE}/{run}/done.json" for run in needs()[page].runs),
        *(f"{MADE}/score/{run}" for run in needs()[page].scores),
        *(f"{MADE}/baselines/{run}" for run in needs()[page].baselines),
    ]


def recipe(wildcards):
    page = wildcards.page
    return recipes.page_recipe(PROFILE, PROFILE.pages[page], needs()[page].read)


def data(wildcards):
    # A run that is there, perhaps because it came with the checkout, is not looked at again.
    return [] if os.path.exists(f"{build.STORE}/{wildcards.run}/done.json") else ancient(f"{MADE}/data/mnist")


def cost(wildcards, input):
    return round(plan.core_seconds(RunSpec.from_json((build.SPECS / f"{wildcards.run}.json").read_text())))


wildcard_constraints:
    run="[^/]+",
    page="[^/]+",


# These need the network or little time: on a cluster they run where the build was started.
localrules: all, data, book


# All of it by name: Snakemake does not miss a file that only leads to another one that is there.
rule all:
    input:
        lambda wildcards: {file for page in PROFILE.pages for file in read_by(page)},
        [(f"book/{page}.ipynb", f"{MADE}/page/{page}") for page in PROFILE.pages],
        DEMO,
        "_build/html/index.html",
        f"{MADE}/book/html",


rule data:
    output: touch(f"{MADE}/data/mnist")
    log: "logs/data/mnist.log"
    message: "data mnist"
    threads: 1
    shell: "{VAELIB} data > {log} 2>&1"


rule train:
    input:
        data,
        spec=ancient("_build/report/specs/{run}.json"),
    output: update(f"{build.STORE}/{{run}}/done.json")
    log: "logs/train/{run}.log"
    message: "train {wildcards.run}"
    threads: 1
    priority: cost   # the longest first, so that no core waits for it at the end
    shell: f"{VAELIB} train --spec {{input.spec}} --store {build.STORE} --threads {{threads}} > {{log}} 2>&1"


rule score:
    input:
        f"{build.STORE}/{{run}}/done.json",
        spec=ancient("_build/report/specs/{run}.json"),
    output: touch(f"{MADE}/score/{{run}}")
    params: recipe=recipes.score_recipe()
    log: "logs/score/{run}.log"
    message: "score {wildcards.run}"
    threads: 1
    shell: "{VAELIB} score --spec {input.spec} --profile {PROFILE.name} --store {build.STORE} > {log} 2>&1"


rule baselines:
    input:
        ancient(f"{MADE}/data/mnist"),
        spec=ancient("_build/report/specs/{run}.json"),
    output: touch(f"{MADE}/baselines/{{run}}")
    params: recipe=recipes.score_recipe()
    log: "logs/baselines/{run}.log"
    message: "baselines {wildcards.run}"
    threads: 1
    priority: 1   # before the pages, after the trainings
    shell: "{VAELIB} score --baselines --spec {input.spec} --profile {PROFILE.name} --store {build.STORE} > {log} 2>&1"


rule page:
    input:
        ancient(f"{MADE}/data/mnist"),
        lambda wildcards: read_by(wildcards.page),
    output:
        update("book/{page}.ipynb"),
        touch(f"{MADE}/page/{{page}}"),
    params: recipe=recipe
    log: "logs/page/{page}.log"
    message: "page {wildcards.page}"
    threads: 1
    priority: 10**6   # as soon as what it reads is there, so that pages do not queue at the end
    shell: "{VAELIB} page {wildcards.page} --profile {PROFILE.name} > {log} 2>&1"


rule demo:
    input: lambda wildcards: [f"{build.STORE}/{run}/done.json" for run in needs()["demo"].runs]
    output: touch(f"{MADE}/demo")
    params: recipe=lambda wildcards: recipes.demo_recipe(needs()["demo"].read)
    log: "logs/demo/networks.log"
    message: "demo networks"
    threads: 1
    priority: 10**6
    shell: "{VAELIB} demo --profile {PROFILE.name} > {log} 2>&1"


rule book:
    input:
        DEMO,
        [f"book/{page}.ipynb" for page in PROFILE.pages],
        [f"{MADE}/page/{page}" for page in PROFILE.pages],
    output:
        update("_build/html/index.html"),
        touch(f"{MADE}/book/html"),
    params: recipe=lambda wildcards: recipes.book_recipe()
    log: "logs/book/html.log"
    message: "book html"
    threads: 1
    shell: "{VAELIB} assemble > {log} 2>&1"
