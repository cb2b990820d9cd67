"""Reasons: why texts were left out, counted, in words."""

from collections.abc import Mapping

from bot.language import Sentence


def reasons(counts: Mapping[str, int]) -> list[Sentence]:
    """Each reason with its number of texts, in the order of the reasons."""
    return [
        Sentence("{number:,} {reason}", number=number, reason=Sentence(reason))
        for reason, number in sorted(counts.items())
    ]
