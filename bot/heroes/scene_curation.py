"""Curation of teams and scenes: the rules for descriptions, applied to the texts around them."""

from collections.abc import Sequence

from bot.heroes.curation import (
    ANOTHER_AGE,
    NEVER_NAMED,
    NOT_A_TALE,
    REPEATS_ITSELF,
    TOO_LONG,
    TOO_SHORT,
    Curation,
    is_narrative,
    repeats_a_sentence,
    repeats_words,
    sentences,
    whole_sentences,
)
from bot.heroes.curation_ages import stated_ages
from bot.heroes.hero import Hero
from bot.heroes.power_families import deed_verbs

FEWEST_SENTENCES, MOST_SENTENCES = 2, 4  # of a scene

_OF_A_WHOLE = frozenset({TOO_SHORT, TOO_LONG, NEVER_NAMED})  # faults that part of a story cannot have
_FEWEST_DEED_WORDS = 3
_FEWEST_TEAM_WORDS = 40


def one_sentence(text: str, *, opening: str, breaks: Sequence[str]) -> str:
    """Return the first sentence of an answer; what was cut short is cut at its last comma, and ended.

    breaks: it ends before the first of these after its opening.
    """
    flat = " ".join(text.replace("*", "").split())
    whole = sentences(whole_sentences(flat))
    sentence = whole[0] if whole else flat.rpartition(", ")[0] or flat
    ends = [end for word in breaks if (end := sentence.find(word, len(opening))) > 0]
    if whole and not ends:
        return sentence
    return f"{sentence[: min(ends, default=None)].rstrip(' ,;:-')}." if sentence else ""


def scene_sentences(curation: Curation, text: str) -> Sequence[str]:
    """Return the sentences of an answer that make a scene: the first ones, as far as they are whole."""
    return sentences(curation.trim(text))[:MOST_SENTENCES]


def deed_faults(curation: Curation, hero: Hero, part: str, deeds: Sequence[str], *, given: int) -> list[str]:
    """Return the faults of what a hero of a team does, the last of the deeds so far.

    part: what is told of this hero alone. given: how many words of the deed were given. A deed without any
    verb that shows the power is a fault too: of several draws, one that shows it is preferred.
    """
    fault = curation.fault_in_beginning(hero, part)
    deed, verbs = deeds[-1].split(), deed_verbs(hero.power)
    checks = (
        (len(deed) < given + _FEWEST_DEED_WORDS, TOO_SHORT),
        (bool(verbs) and verbs.isdisjoint(word.strip(".,;:!?").lower() for word in deed), NEVER_NAMED),
        (repeats_a_sentence(" ".join(deeds)) or repeats_words(" ".join(deeds)), REPEATS_ITSELF),
    )
    return [*filter(None, [fault]), *(reason for failed, reason in checks if failed)]


def team_faults(curation: Curation, heroes: Sequence[Hero], text: str) -> list[str]:
    """Return the faults of a team's text that a model has written as a whole."""
    flat = " ".join(text.split())
    checks = (
        (len(flat.split()) < _FEWEST_TEAM_WORDS, TOO_SHORT),
        (not _keeps_ages(heroes, flat), ANOTHER_AGE),
        (not all(curation.names_power(hero, flat) for hero in heroes), NEVER_NAMED),
        (repeats_a_sentence(flat) or repeats_words(flat), REPEATS_ITSELF),
        (not is_narrative(flat), NOT_A_TALE),
    )
    return [reason for failed, reason in checks if failed and curation.applies(reason)]


def _keeps_ages(heroes: Sequence[Hero], text: str) -> bool:
    """Return whether every age that a text states may be that of one of the heroes."""
    return all(any(hero.age in years for hero in heroes) for years in stated_ages(text))


def scene_faults(curation: Curation, hero: Hero, story: str, scene: str) -> list[str]:
    """Return the faults of a scene that the story before it does not have: it must not repeat that either."""
    before = curation.faults(hero, story)
    told = [
        *curation.faults(hero, f"{story} {scene}"),
        *filter(None, [curation.fault_in_beginning(hero, scene)]),
    ]
    found = dict.fromkeys(fault for fault in told if fault not in (*before, *_OF_A_WHOLE))
    return [*found, *([TOO_SHORT] if len(sentences(scene)) < FEWEST_SENTENCES else [])]
