"""Draws benchmarks/peers.svg from the table in benchmarks/peers.md, readable on dark and on light pages.

The same table gives the same file: no date, no random ids, and text that stays text.
"""

import re
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
OURS, THEIRS, TEXT = "#3b82f6", "#9aa4b2", "#7d8590"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "source-closeio",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": TEXT,
}
TITLES = {3: "Seconds", 4: "CPU seconds"}
"""By the column of the table."""
ROW = re.compile(r"^\| (.+?) \| (\d+) \| (\d+) ms \| ([\d.]+) s \| ([\d.]+) s \|", re.MULTILINE)


def main() -> None:
    rows = ROW.findall((HERE / "peers.md").read_text(encoding="utf-8"))
    slowest = max(rows, key=lambda row: int(row[2]))[2]
    streams = list(dict.fromkeys(row[1] for row in rows))
    with rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.2), layout="constrained")
        figure.suptitle(f"First sync, answers after {slowest} ms", fontsize=11)
        for place, (count, column) in enumerate((count, column) for count in streams for column in TITLES):
            axes = figure.add_subplot(len(streams), len(TITLES), place + 1)
            bars = [(row[0], row[column]) for row in rows if row[1] == count and row[2] == slowest]
            _draw(axes, f"{TITLES[column]}, {count} streams", bars)
            axes.yaxis.set_visible(place % len(TITLES) == 0)
        figure.savefig(HERE / "peers.svg", transparent=True, metadata={"Date": None, "Creator": None})


def _draw(axes: Axes, title: str, bars: list[tuple[str, str]]) -> None:
    """bars: the program and its seconds as the table has them, the first at the top."""
    names, values = zip(*bars, strict=True)
    drawn = axes.barh(
        range(len(bars)),
        [float(value) for value in values],
        color=[OURS if name.startswith("source-closeio") else THEIRS for name in names],
        height=0.62,
    )
    axes.bar_label(drawn, labels=[f"{value} s" for value in values], padding=4)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_yticks(range(len(bars)), labels=names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.2 * max(map(float, values)))
    axes.xaxis.set_visible(False)
    axes.tick_params(axis="y", length=0, colors=TEXT)
    for spine in axes.spines.values():
        spine.set_visible(False)


if __name__ == "__main__":
    main()
