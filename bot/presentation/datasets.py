"""Reasons: why texts were left out, counted, in words."""

from collections.abc import Mapping
from itertools import groupby

from bot.dataset.versions.status import DatasetStatus
from bot.i18n.message import LocalizedMessage, Translator
from bot.rating.scores import Thresholds
from bot.store.datasets import Dataset
from bot.store.powers import RequestedPower


def count_by_reason(counts: Mapping[str, int]) -> list[LocalizedMessage]:
    """Each reason with its number of texts, in the order of the reasons."""
    return [
        LocalizedMessage("{number:,} {reason}", number=number, reason=LocalizedMessage(reason))
        for reason, number in sorted(counts.items())
    ]


def dataset_status_text(t: Translator, status: DatasetStatus) -> str:
    """The status in words and a table, for Discord and the terminal."""
    kept, standing = status.standing.kept, status.standing
    lines = [
        f"{t('**The newest dataset:**')} {_frozen(t, status.newest)}",
        f"{t('**The newest of pairs:**')} {_frozen(t, status.newest_pairs)}",
        t(
            "**Votes:** {votes:,} on {descriptions:,} descriptions, {counted:,} of them count.",
            votes=kept.votes,
            descriptions=kept.descriptions,
            counted=kept.counted,
        ),
    ]
    if standing.not_counted:
        lines.append(t("Not counted: {reasons}.", reasons=standing.not_counted))
    lines.append(t("**What admits a description:** {thresholds}.", thresholds=status.thresholds.summary))
    lines.append(
        t(
            "{enters:,} would enter the next dataset, {down:,} are voted down.",
            enters=status.intake.enters,
            down=status.intake.voted_down,
        )
    )
    if status.intake.unfit:
        lines.append(
            t(
                "People liked, but they may not train: {reasons}.",
                reasons=count_by_reason(status.intake.unfit),
            )
        )
    if status.tried != status.thresholds:
        lines.append(t("**Tried:** {thresholds}.", thresholds=status.tried.summary))
    lines.append(
        t(
            "How many would enter, by other thresholds (confidence {confidence:.0%}):",
            confidence=status.tried.confidence,
        )
    )
    return "\n".join([*lines, "```", *_table(t, status), "```"])


def _frozen(t: Translator, found: Dataset | None) -> str:
    if found is None:
        return t("none so far.")
    train, valid, liked = (found.counts.get(part, 0) for part in ("train", "valid", "description"))
    figures = {"version": found.id, "train": train, "valid": valid, "liked": liked}
    if found.kind == "preference":
        text = t("v{version}, {train:,} pairs to learn from, {valid:,} held out.", **figures)
    else:
        text = t(
            "v{version}, {train:,} texts ({liked:,} rated well by people) to learn from, {valid:,} held out.",
            **figures,
        )
    rebuild = t("A text had to be deleted from it: build it again.") if found.rebuild else ""
    return f"{text} {rebuild}".rstrip()


def _table(t: Translator, status: DatasetStatus) -> list[str]:
    """A row for each number of voters, a column for each share of ups; the tried ones are marked."""
    rows = [list(row) for _, row in groupby(status.around, key=lambda each: each[0].min_voters)]
    first = t("voters")
    head = f"{first}  " + "".join(f"{f'> {way.above:.0%}':>9}" for way, _ in rows[0])
    return [head, *(_row(t, row, status.tried, len(first)) for row in rows)]


def _row(t: Translator, row: list[tuple[Thresholds, int]], tried: Thresholds, width: int) -> str:
    cells = (f"{'*' if way == tried else ''}{t('{number:,}', number=count)}" for way, count in row)
    return f"{row[0][0].min_voters:>{width}}  " + "".join(f"{cell:>9}" for cell in cells)


def powers_text(t: Translator, added: list[str], wished: list[RequestedPower]) -> str:
    """Both kinds in words."""
    if added:
        lines = [t("Added to the vocabulary: {powers}.", powers=added)]
    else:
        lines = [t("No power was added so far.")]
    if wished:
        lines.append(t("Asked for, but not in the vocabulary (descriptions of these train nothing):"))
        lines += [f"- {each.power}: {_times(t, each)}" for each in wished]
    else:
        lines.append(t("Nobody has asked for a power outside the vocabulary."))
    return "\n".join(lines)


def _times(t: Translator, asked: RequestedPower) -> str:
    times = t.count("once", "{number:,} times", asked.descriptions)
    return t.count("{times}, by {number} person", "{times}, by {number:,} people", asked.people, times=times)
