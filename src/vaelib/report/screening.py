"""The screening of the ablation as tables and words.

Tables are those of `claims.ablation.results`, a row a run, with a column `visible`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from vaelib.claims.ablation import (
    ACTIVE_KL,
    AS_STATED,
    COUNTS,
    agreement_of_sizes,
    balanced,
    shares,
    summary,
)
from vaelib.report.prose import span
from vaelib.training.run import Run

IN_USE = f"kl_{ACTIVE_KL:g}"
"""The column that counts latents in use."""
CROSSED = {
    AS_STATED: "as stated: identity",
    "activation relu": "with ReLU",
    "activation leaky_relu": "with leaky ReLU",
    "arch article": "the article's network",
}
"""The networks that are trained with several readings of the loss, and what tables call them."""
PLAUSIBLE = 100.0
"""β_eff above which a reading of the loss silences every latent."""
FEW = (2, 4)
"""Numbers of latents that count as the presentation's three."""
RESPONSES = {"in use": IN_USE, "visible": "visible", "log KL": "log_kl"}
CELL = ["changed", "reading"]


def crossed_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the networks of `CROSSED`, under their names."""
    chosen = table[table["changed"].isin(CROSSED)]
    return chosen.assign(changed=chosen["changed"].map(CROSSED))


def count_panels(crossed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what `plots.count_matrix` draws: latents in use and visible, summaries with their matched β."""
    betas = crossed.groupby(CELL)["matched_beta"].first()
    columns = {"in use": IN_USE, "visible": "visible"}
    return {title: summary(crossed, CELL, name).assign(matched_beta=betas) for title, name in columns.items()}


def count_in_words(table: pd.DataFrame, changed: str, reading: str) -> str:
    """Return the latents in use and visible of a cell, mean and span over its seeds."""
    cell = table[(table["changed"] == changed) & (table["reading"] == reading)]
    if cell.empty:
        return "no run"
    return ", ".join(
        f"{span(list(cell[column]), '{:.2g}')} {what}"
        for column, what in ((IN_USE, "in use"), ("visible", "visible"))
    )


def counts_by_definition(crossed: pd.DataFrame) -> pd.DataFrame:
    """Return a row a cell of plausible β_eff and a column a definition of a latent that counts: means."""
    plausible = crossed[crossed["matched_beta"] < PLAUSIBLE]
    means = plausible.groupby(CELL, sort=False)[[*COUNTS, "visible"]].mean()
    return means.rename(columns={"au": "AU"} | {name: name.replace("kl_", "KL > ") for name in COUNTS[1:]})


def one_at_a_time(table: pd.DataFrame, readings: tuple[str, str]) -> pd.DataFrame:
    """Return a row a single change and, under each reading: latents in use and visible, nats, seeds."""
    others = list(dict.fromkeys(table.loc[~table["changed"].str.startswith("beta "), "changed"]))
    cells = {}
    for (changed, reading), cell in table[table["reading"].isin(readings)].groupby(CELL):
        cells[changed, reading] = {
            "in use": span(list(cell[IN_USE]), "{:.2g}"),
            "visible": span(list(cell["visible"]), "{:.2g}"),
            "KL, nats": span(list(cell["kl"])),
            "seeds": str(len(cell)),
        }
    wide = pd.DataFrame(cells).T.unstack().swaplevel(axis=1)
    columns = [(reading, what) for reading in readings for what in ("in use", "visible", "KL, nats", "seeds")]
    return wide.reindex(index=others, columns=[c for c in columns if c in wide.columns]).fillna("")


def over_epochs_in_words(runs: Iterable[Run], table: pd.DataFrame, reading: str) -> str:
    """Return the latents in use after each epoch, first seed: as stated, with other rates and epochs."""
    histories = {run.id: run.history for run in runs}
    slowly = table[(table["reading"] == reading) & table["changed"].str.match(f"{AS_STATED}|lr|epochs")]
    said = []
    for changed, cell in slowly.sort_values("seed").groupby("changed", sort=False):
        kl = histories[cell["id"].iloc[0]].filter(like="val_kl_")
        said.append(f"{changed}: {', '.join(map(str, (kl > ACTIVE_KL).sum(axis=1)))}")
    return "; ".join(said)


def attributed(crossed: pd.DataFrame, seeds: int) -> tuple[dict[str, dict[str, float]], str]:
    """Return what the variance of each response is due to, over all readings and the plausible; the designs.

    The article's network is left out, which is more than another activation. A design of the same cells as
    the one before is not listed twice.
    """
    own = crossed[crossed["changed"] != CROSSED["arch article"]]
    found: dict[str, dict[str, float]] = {}
    designs: list[str] = []
    for rows in (own, own[own["matched_beta"] < PLAUSIBLE]):
        shape = balanced(rows, IN_USE, seeds)[0].shape
        words = zip(shape, ("activations", "losses", "seeds"), strict=True)
        design = " × ".join(f"{n} {what}" for n, what in words)
        if design not in designs:
            designs.append(design)
            for response, column in RESPONSES.items():
                found[f"{response}, {shape[1]} losses"] = shares(balanced(rows, column, seeds)[0])
    return found, " and ".join(designs)


def share_in_words(found: Mapping[str, Mapping[str, float]], kind: str) -> str:
    """Return a part of the variance of each response: that of "first", "second", "interaction" or "seed"."""
    return ", ".join(
        f"{response}: {'not measured' if np.isnan(parts[kind]) else f'{parts[kind]:.0%}'}"
        for response, parts in found.items()
    )


def sizes_in_words(small: pd.DataFrame, large: pd.DataFrame | None) -> str:
    """Return how latents in use compare between two sizes of image, cell by cell; None: one was not run."""
    if large is None:
        return (
            "Whether small images stand for 64 × 64 is not checked at this scale; the profile published does."
        )
    there = summary(large, CELL, IN_USE)
    here = summary(small, CELL, IN_USE).loc[there.index]
    agreed = agreement_of_sizes(here, there)
    cells = "; ".join(
        f"{cell[0]}, {cell[1]}: {here.loc[cell, 'mean']:.2g} → {there.loc[cell, 'mean']:.2g}"
        for cell in there.index
    )
    return (
        f"Of {agreed['cells']} cells trained on large images as well, {agreed['near']} have as many "
        f"latents in use there, within one, and {agreed['same_sign']} of {agreed['contrasts']} differences "
        f"between them have the same sign: {cells}."
    )


def screening_words(
    table: pd.DataFrame, readings: tuple[str, str], found: Mapping[str, Mapping[str, float]], seeds: int
) -> dict[str, str]:
    """Return by name what the page says in words of the screening, under a summed loss and an averaged one.

    `found` is that of `attributed`.
    """
    crossed, (summed, averaged) = crossed_cells(table), readings
    few = _few(table)
    return {
        "answer": three_of_ten(few["twice"], table.groupby(CELL).ngroups),
        "few_in_use": _cells(few["in_use"]),
        "few_visible": _cells(few["visible"]),
        "summed": count_in_words(table, AS_STATED, summed),
        "summed_relu": count_in_words(table, "activation relu", summed),
        "summed_article": count_in_words(table, "arch article", summed),
        "averaged_bce": count_in_words(table, AS_STATED, averaged.replace("MSE", "BCE")),
        "averaged": count_in_words(table, AS_STATED, averaged),
        "averaged_relu": count_in_words(table, "activation relu", averaged),
        "averaged_article": count_in_words(table, "arch article", averaged),
        "widest": _widest(counts_by_definition(crossed)),
        "seeds_note": _seeds_note(crossed, seeds),
        **{
            f"share_{kind}": share_in_words(found, kind)
            for kind in ("first", "second", "interaction", "seed")
        },
    }


def three_of_ten(cells: Sequence[tuple[str, str]], of: int) -> str:
    """Return what makes three of ten latents, from the cells (changed, reading) that have them.

    >>> three_of_ten([("as stated", "784 · mean MSE, KL summed")], 26)
    'Two to four latents are left in 1 of 26 cells: as stated, 784 · mean MSE, KL summed.'
    >>> three_of_ten([], 26)
    'Nothing that was changed here leaves two to four latents: none of 26 cells does.'
    """
    if not cells:
        return f"Nothing that was changed here leaves two to four latents: none of {of} cells does."
    return f"Two to four latents are left in {len(cells)} of {of} cells: {_cells(cells)}."


def _few(table: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Return the cells with two to four latents, mean over seeds: by two of three definitions, use, sight."""
    means = table.groupby(CELL, sort=False)[["au", IN_USE, "visible"]].mean()
    few = means.apply(lambda column: column.between(*FEW))
    chosen = {"twice": few.sum(axis=1) >= 2, "in_use": few[IN_USE], "visible": few["visible"]}
    return {name: list(means.index[cells]) for name, cells in chosen.items()}


def _cells(cells: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{changed}, {reading}" for changed, reading in cells) or "none"


def _widest(counts: pd.DataFrame) -> str:
    """Return the cell of `counts_by_definition` in which the definitions differ most, and by how much."""
    cell = (counts.max(axis=1) - counts.min(axis=1)).idxmax()
    ends = counts.loc[cell]
    return f"{cell[0]}, {cell[1]}: from {ends.min():.2g} to {ends.max():.2g}"


def _seeds_note(crossed: pd.DataFrame, seeds: int) -> str:
    """Return how much the seed may make of a difference between two cells."""
    if seeds == 1:
        return "With one seed per cell, a difference between two cells may be the seed's"
    cells = summary(crossed, CELL, IN_USE)
    return (
        f"Crossed cells have {seeds} seeds, whose counts of latents in use differ by up to "
        f"{int((cells['most'] - cells['least']).max())}; single changes often have one, as the table says"
    )
