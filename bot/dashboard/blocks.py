"""The blocks of which the dashboard's sections are made: text, tables and charts, in words and numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

Block = dict[str, Any]
Cell = str | float | None


def text(markdown: str) -> Block:
    """Return text, in Discord's markdown."""
    return {"block": "text", "text": markdown}


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, empty: str = "") -> Block:
    """Return a table. empty: what stands there if it has no rows."""
    return {"block": "table", "title": title, "headings": headings, "rows": rows, "empty": empty}


def bars(
    title: str, summary: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], *, across: str
) -> Block:
    """Return a chart of stacked bars, one for each label.

    summary: what the chart shows, in words, for those who do not see it. across: what the labels are.
    """
    return _chart("bars", title, summary, labels, series, across)


def lines(
    title: str,
    summary: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    across: str,
) -> Block:
    """Return a chart of lines over labels, in which None has no point. summary and across as for bars()."""
    return _chart("lines", title, summary, labels, series, across)


def with_level(chart: Block, name: str, at: float) -> Block:
    """Return a chart with a level that is drawn across it, such as a threshold."""
    return {**chart, "level": {"name": name, "at": at}}


def in_percent(chart: Block) -> Block:
    """Return a chart of percentages, whose axis goes from 0 to 100."""
    return {**chart, "axis": [0, 100]}


def _chart(
    block: str,
    title: str,
    summary: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    across: str,
) -> Block:
    named = [{"name": name, "values": list(values)} for name, values in series.items()]
    return {
        "block": block,
        "title": title,
        "summary": summary,
        "labels": list(labels),
        "series": named,
        "across": across,
    }
