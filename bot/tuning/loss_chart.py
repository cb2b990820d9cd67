"""The chart of a training: loss by step, of what was learnt and of what was held out."""

from itertools import pairwise
from pathlib import Path

from bot.tuning.losses import Losses

_SMOOTH = 0.2  # least weight of the newest step in the moving average: more where there are few


def draw_losses(path: Path, *, title: str, losses: Losses) -> None:
    """Draw a PNG: training loss pale, its moving average on top, held-out measurements as points."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (heavy: where it is used)
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    figure = Figure(figsize=(8, 3.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=11)
    steps = sorted(losses.train)
    if steps:
        values = [losses.train[step] for step in steps]
        axes.plot(steps, values, color="#5865f2", alpha=0.25, linewidth=1)
        axes.plot(steps, _smoothed(values), color="#5865f2", linewidth=2, label="learnt (moving average)")
    held_out = sorted(losses.valid)
    if held_out:
        points = [losses.valid[step] for step in held_out]
        axes.plot(held_out, points, "o-", color="#e67e22", linewidth=1.5, label="held out")
        for step, value in zip(held_out, points, strict=True):
            axes.annotate(
                f"{value:.2f}", (step, value), textcoords="offset points", xytext=(0, 7), fontsize=8
            )
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _smoothed(values: list[float]) -> list[float]:
    """The exponential moving average."""
    weight = min(1.0, max(_SMOOTH, 4 / len(values)))
    smooth = values[:1]
    for _, value in pairwise(values):
        smooth.append(smooth[-1] + weight * (value - smooth[-1]))
    return smooth
