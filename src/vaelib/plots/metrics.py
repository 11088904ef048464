"""What the metrics say of codes whose truth is known."""

import pandas as pd
from matplotlib.figure import Figure

from vaelib.plots.style import house_style, new_figure, numbered_cells


@house_style
def scores_of_known_codes(known: pd.DataFrame) -> Figure:
    """Draw the score of each metric (a row) on each known code (a column) as a coloured cell with its number.

    `known` is `metrics.known_scores`; a score below 0 has the colour of 0, an undefined one an empty cell.
    """
    metrics, cases = list(known["metric"].unique()), list(known["case"].unique())
    wide = known.pivot(index="metric", columns="case", values="obtained").loc[metrics, cases]
    figure = new_figure(height=0.9 + 0.27 * len(metrics))
    ax = figure.axes[0]
    numbered_cells(ax, wide.to_numpy(dtype=float), 1, metrics, cases, "score")
    ax.set_ylabel("")
    return figure
