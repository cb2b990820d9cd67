"""Texts about datasets, votes and powers, shared by Discord and the terminal."""

from collections import Counter
from collections.abc import Mapping
from itertools import groupby

from bot.dataset.versions.judged_texts import ThumbCounts
from bot.dataset.versions.scenes import AdmittedScenes
from bot.dataset.versions.status import DatasetStatus
from bot.heroes.vocabulary import quoted
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.rating.thresholds import Thresholds
from bot.store.datasets import Dataset
from bot.store.powers import RequestedPower

# How reasons of curation continue "2 texts", if they do not by themselves.
_MINUTE = 60.0  # seconds
_REASONS = {
    "another age": mark("with another age"),
    "another gender": mark("with another gender"),
    "another name": mark("with a second name"),
    "power never named": mark("without the power"),
    "repeats itself": mark("with repetitions"),
    "quotes the prompt": mark("with words of the question"),
    "not a tale": mark("without a story"),
}


def count_by_reason(counts: Mapping[str, int]) -> list[LocalizedMessage]:
    """Return each reason with its number of texts, sorted by reason."""
    return [
        LocalizedMessage(
            "{number:,} {reason}", number=number, reason=LocalizedMessage(_REASONS.get(reason, reason))
        )
        for reason, number in sorted(counts.items())
    ]


def composition(counts: Mapping[str, int]) -> list[LocalizedMessage]:
    """Return how many texts are from each source, those that came with the bot first."""
    number = Counter(dict(counts))
    sources = {
        "herosmith-build": LocalizedMessage.counted(
            "{number:,} ready-made text by a model",
            "{number:,} ready-made texts by a model",
            number["herosmith-build"],
        ),
        "hand-written": LocalizedMessage.counted(
            "{number:,} text written by hand", "{number:,} texts written by hand", number["hand-written"]
        ),
        "example": LocalizedMessage.counted(
            "{number:,} text written here by the model",
            "{number:,} texts written here by the model",
            number["example"],
        ),
        "description": LocalizedMessage.counted(
            "{number:,} text that people liked", "{number:,} texts that people liked", number["description"]
        ),
        "scene": LocalizedMessage.counted(
            "{number:,} scene that people liked", "{number:,} scenes that people liked", number["scene"]
        ),
        "ranked": LocalizedMessage.counted(
            "{number:,} text that the ranker chose",
            "{number:,} texts that the ranker chose",
            number["ranked"],
        ),
        "import": LocalizedMessage.counted(
            "{number:,} imported text", "{number:,} imported texts", number["import"]
        ),
    }
    return [text for source, text in sources.items() if number[source]]


def dataset_composition(dataset: Dataset) -> list[LocalizedMessage]:
    """Return how many texts of a dataset are from each source, or how many were liked and voted down."""
    if dataset.kind != "thumbs":
        return composition(dataset.counts)
    counts = ThumbCounts.from_dataset(dataset)
    return [
        LocalizedMessage.counted(
            "{number:,} text that people liked", "{number:,} texts that people liked", counts.liked
        ),
        LocalizedMessage("{number:,} voted down", number=counts.voted_down),
    ]


def dataset_status_text(t: Translator, status: DatasetStatus) -> str:
    """Return the status as text with a table of thresholds."""
    totals = status.votes.totals
    lines = [
        f"{t('**The newest dataset:**')} {_dataset_text(t, status.newest, _NO_DATASET)}",
        t("**The newest dataset of pairs** (two texts of one hero, one of them liked better)**:**")
        + f" {_dataset_text(t, status.newest_pairs, _NO_PAIRS)}",
        *_thumbs_lines(t, status.newest_thumbs),
        t(
            "**Votes:** {votes:,} on {descriptions}, {counted:,} of them counted.",
            votes=totals.votes,
            descriptions=_descriptions(totals.descriptions),
            counted=totals.counted,
        ),
    ]
    if status.counted_ago >= _MINUTE:
        minutes = round(status.counted_ago / _MINUTE)
        lines.append(
            t.count(
                "So many votes are not counted each time: they were counted {number:,} minute ago.",
                "So many votes are not counted each time: they were counted {number:,} minutes ago.",
                minutes,
            )
        )
    if status.votes.not_counted:
        lines.append(t("Not counted: {reasons}.", reasons=status.votes.not_counted))
    lines.append(
        t(
            "**A description enters the next dataset with** {thresholds}. The fewer people have voted, "
            "the larger the share of 👍 must be.",
            thresholds=status.thresholds.summary,
        )
    )
    enters = mark("{enters} would enter the next dataset; {down:,} voted down.")
    if status.newest and status.counts.used:
        enters = mark(
            "{enters} would enter the next dataset (in v{version} already: {used:,}); {down:,} voted down."
        )
    lines.append(
        t(
            enters,
            enters=_descriptions(status.counts.admitted),
            version=status.newest and status.newest.id,
            used=status.counts.used,
            down=status.counts.voted_down,
        )
    )
    if status.counts.unfit:
        lines.append(
            t(
                "Liked, but not fit to learn from: {reasons}.",
                reasons=count_by_reason(status.counts.unfit),
            )
        )
    lines += _scenes_lines(t, status.scenes)
    if status.tried != status.thresholds:
        lines.append(t("**Tried:** {thresholds}.", thresholds=status.tried.summary))
    lines.append(
        t(
            "How many would enter with other limits: a row for each number of voters, a column for each "
            "share of 👍; an asterisk marks what is set or tried. Confidence: {confidence:.0%}.",
            confidence=status.tried.confidence,
        )
    )
    return "\n".join([*lines, "```", *_table_lines(t, status), "```"])


_NO_DATASET = mark("none yet. `{/build-dataset source:shipped}` makes one in seconds.")
_NO_PAIRS = mark("none yet. `{/build-dataset kind:preference}` makes one of votes, once there are some.")


def _dataset_text(t: Translator, dataset: Dataset | None, none: str) -> str:
    if dataset is None:
        return t(none)
    train, valid = (dataset.counts.get(name, 0) for name in ("train", "valid"))
    figures = {
        "version": dataset.id,
        "train": train,
        "valid": valid,
        "composition": dataset_composition(dataset),
    }
    if dataset.kind == "preference":
        text = t(
            "v{version}, {train:,} pairs to learn from, {valid:,} kept aside to test the model.", **figures
        )
    else:
        text = t(
            "v{version}, {train:,} texts to learn from, {valid:,} kept aside to test the model: "
            "{composition}.",
            **figures,
        )
    rebuild = (
        t("A text of it was deleted, so no model is trained on it any more: run `{/build-dataset}` again.")
        if dataset.rebuild
        else ""
    )
    return f"{text} {rebuild}".rstrip()


def _thumbs_lines(t: Translator, dataset: Dataset | None) -> list[str]:
    if dataset is None:
        return []
    title = t("**The newest dataset of thumbs** (texts that were liked or voted down)**:**")
    return [f"{title} {_dataset_text(t, dataset, '')}"]


def _scenes_lines(t: Translator, scenes: AdmittedScenes | None) -> list[str]:
    """Return lines on the scenes that would enter; none if scenes may not train."""
    if scenes is None:
        return []
    lines = [
        t.count(
            "{number:,} scene of a story would enter as well.",
            "{number:,} scenes of stories would enter as well.",
            scenes.number,
        )
    ]
    if scenes.unfit:
        reasons = count_by_reason(scenes.unfit)
        lines.append(
            t("Scenes that people liked, but that are not fit to learn from: {reasons}.", reasons=reasons)
        )
    return lines


def _descriptions(number: int) -> LocalizedMessage:
    return LocalizedMessage.counted("{number:,} description", "{number:,} descriptions", number)


def _table_lines(t: Translator, status: DatasetStatus) -> list[str]:
    """Format a row per number of voters and a column per share of ups; an asterisk marks the tried ones."""
    rows = [list(row) for _, row in groupby(status.neighbours, key=lambda cell: cell[0].min_voters)]
    label = t("voters")
    shares = (t("{share:.0%}", share=thresholds.above) for thresholds, _ in rows[0])
    header = f"{label}  " + "".join(f"{f'> {share}':>9}" for share in shares)
    return [header, *(_row_text(t, row, status.tried, len(label)) for row in rows)]


def _row_text(t: Translator, row: list[tuple[Thresholds, int]], tried: Thresholds, width: int) -> str:
    cells = (
        f"{'*' if thresholds == tried else ''}{t('{number:,}', number=count)}" for thresholds, count in row
    )
    return f"{row[0][0].min_voters:>{width}}  " + "".join(f"{cell:>9}" for cell in cells)


def powers_text(t: Translator, added: list[str], requested: list[RequestedPower]) -> str:
    """Return the added powers, and those that were asked for but are not in the vocabulary."""
    lines = [
        t(
            "The vocabulary is the list of powers that the model learns from, if people like a "
            "description. It has those in data/heroes.toml (grid.powers and vocabulary.powers), and those"
            " added here."
        )
    ]
    if added:
        lines.append(t("Added to the vocabulary: {powers}.", powers=list(map(quoted, added))))
    else:
        lines.append(t("No power has been added so far."))
    if requested:
        lines.append(t("Asked for, but not in the vocabulary (so the model does not learn from them):"))
        lines += [f"- {t(quoted(asked.power))}: {_times_text(t, asked)}" for asked in requested]
    else:
        lines.append(t("Nobody has asked for a power outside the vocabulary."))
    lines.append(t("To take one in: `{/powers add power:...}`."))
    return "\n".join(lines)


def _times_text(t: Translator, asked: RequestedPower) -> str:
    times = t.count("once", "{number:,} times", asked.descriptions)
    return t.count("{times}, by {number} person", "{times}, by {number:,} people", asked.people, times=times)
