"""Reasons: why texts were left out, counted, in words."""

from collections.abc import Mapping
from itertools import groupby

from bot.dataset.versions.status import Status
from bot.i18n.message import Language, Sentence
from bot.rating.scores import Thresholds
from bot.store.datasets import Dataset
from bot.store.powers import Asked


def reasons(counts: Mapping[str, int]) -> list[Sentence]:
    """Each reason with its number of texts, in the order of the reasons."""
    return [
        Sentence("{number:,} {reason}", number=number, reason=Sentence(reason))
        for reason, number in sorted(counts.items())
    ]


def told(say: Language, status: Status) -> str:
    """The status in words and a table, for Discord and the terminal."""
    kept, standing = status.standing.kept, status.standing
    lines = [
        f"{say('**The newest dataset:**')} {_frozen(say, status.newest)}",
        f"{say('**The newest of pairs:**')} {_frozen(say, status.newest_pairs)}",
        say(
            "**Votes:** {votes:,} on {descriptions:,} descriptions, {counted:,} of them count.",
            votes=kept.votes,
            descriptions=kept.descriptions,
            counted=kept.counted,
        ),
    ]
    if standing.not_counted:
        lines.append(say("Not counted: {reasons}.", reasons=standing.not_counted))
    lines.append(say("**What admits a description:** {thresholds}.", thresholds=status.thresholds.told))
    lines.append(
        say(
            "{enters:,} would enter the next dataset, {down:,} are voted down.",
            enters=status.intake.enters,
            down=status.intake.voted_down,
        )
    )
    if status.intake.unfit:
        lines.append(
            say("People liked, but they may not train: {reasons}.", reasons=reasons(status.intake.unfit))
        )
    if status.tried != status.thresholds:
        lines.append(say("**Tried:** {thresholds}.", thresholds=status.tried.told))
    lines.append(
        say(
            "How many would enter, by other thresholds (confidence {confidence:.0%}):",
            confidence=status.tried.confidence,
        )
    )
    return "\n".join([*lines, "```", *_table(say, status), "```"])


def _frozen(say: Language, found: Dataset | None) -> str:
    if found is None:
        return say("none so far.")
    train, valid, liked = (found.counts.get(part, 0) for part in ("train", "valid", "description"))
    figures = {"version": found.id, "train": train, "valid": valid, "liked": liked}
    if found.kind == "preference":
        text = say("v{version}, {train:,} pairs to learn from, {valid:,} held out.", **figures)
    else:
        text = say(
            "v{version}, {train:,} texts ({liked:,} rated well by people) to learn from, {valid:,} held out.",
            **figures,
        )
    rebuild = say("A text had to be deleted from it: build it again.") if found.rebuild else ""
    return f"{text} {rebuild}".rstrip()


def _table(say: Language, status: Status) -> list[str]:
    """A row for each number of voters, a column for each share of ups; the tried ones are marked."""
    rows = [list(row) for _, row in groupby(status.around, key=lambda each: each[0].min_voters)]
    first = say("voters")
    head = f"{first}  " + "".join(f"{f'> {way.above:.0%}':>9}" for way, _ in rows[0])
    return [head, *(_row(say, row, status.tried, len(first)) for row in rows)]


def _row(say: Language, row: list[tuple[Thresholds, int]], tried: Thresholds, width: int) -> str:
    cells = (f"{'*' if way == tried else ''}{say('{number:,}', number=count)}" for way, count in row)
    return f"{row[0][0].min_voters:>{width}}  " + "".join(f"{cell:>9}" for cell in cells)


def listed(say: Language, added: list[str], wished: list[Asked]) -> str:
    """Both kinds in words."""
    if added:
        lines = [say("Added to the vocabulary: {powers}.", powers=added)]
    else:
        lines = [say("No power was added so far.")]
    if wished:
        lines.append(say("Asked for, but not in the vocabulary (descriptions of these train nothing):"))
        lines += [f"- {each.power}: {_times(say, each)}" for each in wished]
    else:
        lines.append(say("Nobody has asked for a power outside the vocabulary."))
    return "\n".join(lines)


def _times(say: Language, asked: Asked) -> str:
    times = say.count("once", "{number:,} times", asked.descriptions)
    return say.count(
        "{times}, by {number} person", "{times}, by {number:,} people", asked.people, times=times
    )
