"""What readings say, as tables and as numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from rich.table import Table

from bench.common.report import comparison_table
from bench.reading.measure import Outcomes, Share, Verdicts, agreement, outcomes, together
from bench.reading.sheet import Key
from bot.heroes.coherence import MIN_AGREEMENT


@dataclass(frozen=True, slots=True)
class Reading:
    """A sheet's key, and the verdicts of its readers by their names."""

    name: str
    key: Key
    readers: Mapping[str, Verdicts]

    @property
    def won(self) -> Outcomes:
        """Who won each pair by most of the readers."""
        return together([outcomes(verdicts, self.key.sides) for verdicts in self.readers.values()])


def reading_figures(reading: Reading) -> dict[str, Any]:
    """Return a sheet's figures: of all readers together, of each, and their agreement."""
    agreed = [
        {"readers": [one, other], **asdict(found)}
        for one, other in combinations(reading.readers, 2)
        if (found := agreement(reading.readers[one], reading.readers[other]))
    ]
    return {
        "first": reading.key.first,
        "second": reading.key.second,
        "pairs": len(reading.key.pairs),
        **_counts(reading.won),
        "readers": [
            {"reader": reader, **_counts(outcomes(verdicts, reading.key.sides))}
            for reader, verdicts in reading.readers.items()
        ],
        "agreement": [
            {name: round(value, 4) if isinstance(value, float) else value for name, value in each.items()}
            for each in agreed
        ],
    }


def check_figures(shares: Mapping[str, Share]) -> dict[str, Any]:
    """Return for each check how often it agreed with the readers, and whether that is enough to report it."""
    return {
        check: {
            "agrees": share.hits,
            "disagrees": share.misses,
            **_share(share),
            "reported": share.share is not None and share.share >= MIN_AGREEMENT,
        }
        for check, share in shares.items()
    }


def reading_table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a row for all readers of each sheet together, and one for each reader."""
    table = comparison_table(
        "sheet, reader", "wins", "losses", "ties", "share of the decided", title="readings"
    )
    lines: list[str] = []
    for name, sheet in figures.items():
        together_label = f"{name}: {sheet['first']} against {sheet['second']}"
        for label, row in (
            (together_label, sheet),
            *((f"  {each['reader']}", each) for each in sheet["readers"]),
        ):
            table.add_row(label, *(str(row[count]) for count in ("wins", "losses", "ties")), _interval(row))
        lines += [_agreement(name, each) for each in sheet["agreement"]]
    table.caption = "\n".join(lines) or None
    return table


def check_table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a row for each check."""
    table = comparison_table(
        "check", "agrees", "disagrees", "share of the pairs that it tells apart", "reported", title="checks"
    )
    for check, row in figures.items():
        reported = "yes" if row["reported"] else "no"
        table.add_row(check, str(row["agrees"]), str(row["disagrees"]), _interval(row), reported)
    table.caption = f"a check that agrees in less than {MIN_AGREEMENT} is not reported"
    return table


def _counts(won: Outcomes) -> dict[str, Any]:
    values = list(won.values())
    wins, losses, ties = (values.count(each) for each in (1, -1, 0))
    return {"wins": wins, "losses": losses, "ties": ties, **_share(Share(wins, losses))}


def _share(share: Share) -> dict[str, float | None]:
    figures = (share.share, *share.bounds)
    return {
        name: None if value is None else round(value, 4)
        for name, value in zip(("share", "low", "high"), figures, strict=True)
    }


def _interval(row: Mapping[str, Any]) -> str:
    return "" if row["share"] is None else f"{row['share']:.2f} ({row['low']:.2f}-{row['high']:.2f})"


def _agreement(name: str, row: Mapping[str, Any]) -> str:
    one, other = row["readers"]
    kappa = "" if row["kappa"] is None else f", kappa {row['kappa']:.2f}"
    return (
        f"{name}: {one} and {other} gave the same verdict on {row['same']} of {row['pairs']} pairs{kappa}; "
        f"of {row['decided']} that both decided, on {row['same_decided']}"
    )
