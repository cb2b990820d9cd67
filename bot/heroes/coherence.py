"""Coherence: does a text make sense, as far as cheap checks can say.

They read no meaning. So each has to agree with people who read texts without knowing whose they are, before
any figure is made of it: `python -m bench.reading validate` compares them.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from bot.heroes.adherence import Answer
from bot.heroes.curation import sentences
from bot.heroes.curation_names import named_people
from bot.heroes.power_families import deed_verbs

CHECKS = ("deed_of_power", "ending_recalls", "no_stock_phrase")
"""The deed's verb is one of the power's family; the ending speaks of something that came before; none of the
text's phrases is in another one of ten texts."""

VALIDATED = ("deed_of_power", "ending_recalls")
"""The checks that agreed with blind readings in 0.7 of the pairs or more; no bench reports others.

`python -m bench.reading validate` compares them with the readings in bench/readings/.
"""

MIN_AGREEMENT = 0.7

_TEXTS_TOGETHER = 10
_PHRASE_WORDS = 6
_PHRASE_CONTENT_WORDS = 3  # "has the power of" and the like are grammar, and no stock phrase

_SUBJECT = re.compile(r"\b(?:he|she|they)\b", re.IGNORECASE)

_FUNCTION_WORDS = frozenset(
    """
    a about above after again all almost along already also although always an and another any anyone
    anything are around as at away back be because been before behind being below beside between both but by
    can cannot could did do does done down during each either else enough even ever every everybody everyone
    everything few first for from full get gets give gives go goes gone had half has have having he her here
    hers herself him himself his how if in inside into is it its itself just keep keeps last later less let
    lets like little long made make makes many may might more most much must near need needs never new next
    no nobody none nor not nothing now of off often old on once one only onto or other others our out
    outside over own people perhaps person power powers put puts quite rather right same say says she should
    since so some somebody someone something sometimes soon still such take takes than that the their them
    themself themselves then there these they thing things this those though three through till time to
    together too toward towards two under until up upon use used uses very was way well were what when where
    whether which while who whoever whole whom whose why will with within without would year years yet you
    your
    """.split()  # noqa: SIM905 (words in lines can be read)
)


def coherence(answers: Sequence[Answer]) -> list[dict[str, bool]]:
    """Return which of CHECKS hold for each answer of one model.

    Ten answers, in the order given, are looked at together for phrases that return.
    """
    return [
        {
            "deed_of_power": has_deed_of_power(answer),
            "ending_recalls": ending_recalls(answer.text),
            "no_stock_phrase": not has_stock_phrase,
        }
        for start in range(0, len(answers), _TEXTS_TOGETHER)
        for answer, has_stock_phrase in _with_stock_phrases(answers[start : start + _TEXTS_TOGETHER])
    ]


def has_deed_of_power(answer: Answer) -> bool:
    """Return whether the hero does something that a power of this family does.

    What the hero does is what follows the first "he", "she", "they" or name of a sentence, but for the first
    sentence, which introduces the hero, and the last, which ends the text. A power of no family is shown by
    any deed.
    """
    verbs = deed_verbs(answer.hero.power)
    told = sentences(answer.text)[1:]
    names = {part for person in named_people(answer.text) for part in person}
    deeds = (_after_subject(sentence, names) for sentence in (told[:-1] or told))
    return not verbs or any(not verbs.isdisjoint(_words(deed)) for deed in deeds)


def ending_recalls(text: str) -> bool:
    """Return whether the last sentence has a word of an earlier one that is no function word and no name."""
    *before, ending = sentences(text) or ("",)
    names = {_stem(part.lower()) for person in named_people(text) for part in person}
    return not (_content(ending) & _content(" ".join(before))) <= names


def _with_stock_phrases(answers: Sequence[Answer]) -> Iterator[tuple[Answer, bool]]:
    """Yield each answer, and whether one of its phrases is in another one of the answers."""
    phrases = [frozenset(_phrases(answer)) for answer in answers]
    times = Counter(phrase for each in phrases for phrase in each)
    for answer, own in zip(answers, phrases, strict=True):
        yield answer, any(times[phrase] > 1 for phrase in own)


def _phrases(answer: Answer) -> Iterator[tuple[str, ...]]:
    """Yield the runs of words that say something, with what is the hero's own left out."""
    own = {word for value in answer.hero.as_dict().values() for word in _words(str(value))}
    words = [word for word in _words(answer.text) if word not in own]
    for start in range(len(words) - _PHRASE_WORDS + 1):
        phrase = tuple(words[start : start + _PHRASE_WORDS])
        if sum(word not in _FUNCTION_WORDS for word in phrase) >= _PHRASE_CONTENT_WORDS:
            yield phrase


def _after_subject(sentence: str, names: set[str]) -> str:
    starts = [found.start() for name in names if (found := re.search(rf"\b{re.escape(name)}\b", sentence))]
    if found := _SUBJECT.search(sentence):
        starts.append(found.start())
    return sentence[min(starts) :] if starts else ""


def _content(text: str) -> set[str]:
    return {_stem(word) for word in _words(text) if len(word) > 2 and word not in _FUNCTION_WORDS}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", re.sub(r"['’]s\b", "", text.lower()))  # noqa: RUF001 (curly quotes)


def _stem(word: str) -> str:
    """Return a word without its ending, so that "kitten" and "kittens", "mends" and "mended" are the same."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word.removesuffix(ending)
            return stem[:-1] if stem[-1] == stem[-2] and ending in ("ing", "ed") else stem
    return f"{word[:-1]}i" if word.endswith("y") else word
