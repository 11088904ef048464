"""The drawing of the library: its wings on their floors, and who imports from whom."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from vaelib.plots.style import INK, NARROW, PALETTE, house_style, new_figure

HIGH, WIDE = 0.7, 0.6
"""A room's height and width, where a floor and a place are 1."""


@house_style
def wings_on_floors(modules: pd.DataFrame, between: pd.DataFrame, floors: Mapping[str, int]) -> Figure:
    """Draw a box a wing, with its modules and lines, on its floor; lines go down to what it imports from.

    modules: columns wing and lines, a row a module; between: numbers of imports, wing × wing; the thicker a
    line, the more there are.
    """
    storeys = max(floors.values()) + 1
    figure = new_figure(height=0.8 * storeys + 0.3, width=NARROW)
    ax = figure.axes[0]
    places = {}
    for floor in range(storeys):
        on_it = sorted(wing for wing, own in floors.items() if own == floor)
        for place, wing in enumerate(on_it):
            places[wing] = (1.2 * (place - (len(on_it) - 1) / 2) + 0.3 * (-1) ** floor, floor)
    for wing, row in between.iterrows():
        for other, number in row[row > 0].items():
            (x, y), (u, v) = places[str(wing)], places[str(other)]
            ax.plot([x, u], [y - HIGH / 2, v + HIGH / 2], color=INK, lw=0.4 + 0.12 * number, alpha=0.45)
    box = {"boxstyle": "round,pad=0.5", "facecolor": PALETTE[0], "edgecolor": "none"}
    for wing, own in modules.groupby("wing"):
        x, y = places[str(wing)]
        words = f"{wing}\n{len(own)} modules\n{own['lines'].sum():,} lines"
        ax.text(x, y, words, ha="center", va="center", fontsize=9, color="white", bbox=box)
    wide = max(abs(x) for x, _ in places.values()) + WIDE
    ax.set(xlim=(-wide, wide), ylim=(-0.5, storeys - 0.5))
    ax.set_axis_off()
    return figure
