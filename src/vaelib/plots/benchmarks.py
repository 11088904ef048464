"""The benchmarks of the training engine, as `python -m benchmarks` writes them."""

from typing import Any

from matplotlib.figure import Figure

from vaelib.plots.style import INK, PALETTE, house_style, new_figure

NAMES = {"article": "the article's network", "ours": "our network"}
WORK = {"step": PALETTE[2], "end to end": PALETTE[0], "end to end, plain": PALETTE[7]}


@house_style
def throughput_chart(throughput: list[dict[str, Any]]) -> Figure:
    """Draw how much of the machine's matrix-product rate each network trains at, on one thread and on all.

    A bar is the median over windows, its line the least and the largest; images a second stand beside it.
    """
    groups = sorted({(row["arch"], row["threads"]) for row in throughput}, key=lambda g: (g[1], g[0]))
    figure = new_figure(1, len(groups) // 2, height=2.6)
    for ax, threads in zip(figure.axes, sorted({t for _, t in groups}), strict=True):
        ticks, labels = [], []
        rows = [row for row in throughput if row["threads"] == threads]
        for i, row in enumerate(sorted(rows, key=lambda r: (r["arch"], list(WORK).index(r["what"])))):
            at = i + 0.6 * (row["arch"] != "article")
            share = row["share"]
            ax.barh(at, 100 * share["value"], color=WORK[row["what"]], alpha=0.85)
            ax.plot([100 * share["low"], 100 * share["high"]], [at, at], color=INK, linewidth=1)
            ax.annotate(
                f"{row['images_per_second']:.0f}/s",
                (2, at),
                va="center",
                fontsize=8,
                color="white",
            )
            ticks.append(at)
            labels.append(f"{row['arch']}, {row['what']}")
        ax.set_yticks(ticks, labels if ax is figure.axes[0] else [""] * len(labels))
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        ax.set(
            xlim=(0, 100),
            xlabel="% of the matrix product's rate",
            title=f"{threads} thread{'s' if threads > 1 else ''}",
        )
    return figure


@house_style
def quality_chart(quality: list[dict[str, Any]]) -> Figure:
    """Draw the held-out bound against the images seen, a line a seed, for both recipes and both networks."""
    figure = new_figure(1, 2, height=2.9)
    for ax, arch in zip(figure.axes, NAMES, strict=True):
        rows = [row for row in quality if row["arch"] == arch]
        for row in rows:
            epochs = range(1, len(row["neg_elbo"]) + 1)
            ax.plot(
                [epoch * row["images_per_epoch"] / 1e3 for epoch in epochs],
                row["neg_elbo"],
                color=PALETTE[{"presentation": 1, "quick": 0}[row["recipe"]]],
                marker="o",
                markersize=2.5,
                linewidth=1,
                label=f"{row['recipe']} recipe" if row["seed"] == 0 else None,
            )
        ends = [row["neg_elbo"][-1] for row in rows if row["recipe"] == "presentation"]
        ax.axhline(sum(ends) / len(ends), color=PALETTE[1], linestyle=":", linewidth=1)
        ax.set(title=NAMES[arch], xlabel="images seen, thousands")
        least = min(min(row["neg_elbo"]) for row in rows)
        ax.set_ylim(least - 10, least + 180)
    figure.axes[0].set_ylabel("held-out −ELBO, nats an image")
    figure.axes[0].legend()
    return figure
