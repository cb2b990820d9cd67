"""The features of a text by which the ranker tells what people like: plain counts, without a model."""

import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from statistics import fmean, pstdev

from bot.heroes.curation import Curation, sentences
from bot.heroes.curation_ages import stated_ages
from bot.heroes.curation_names import named_people
from bot.heroes.hero import Hero

FEATURES = {
    "words": "words in the text",
    "beyond_bounds": "words below the shortest or above the longest length that curation allows",
    "sentences": "sentences",
    "sentence_words": "words in a sentence, on average",
    "sentence_spread": "standard deviation of the words in a sentence",
    "ending_words": "words in the last sentence",
    "word_letters": "letters in a word, on average",
    "distinct_words": "share of words that have not come before",
    "stop_words": "share of the commonest words, such as the and of",
    "concrete_nouns": "share of words after an article or number, without the ending of an abstract noun",
    "longest_repeat": "words in the longest run that comes twice",
    "commas": "commas in a sentence, on average",
    "quoted": "share of words within quotation marks",
    "exclamations": "exclamation and question marks in a sentence, on average",
    "power_times": "how often a word of the power is there",
    "power_place": "where the power is first named, from 0 (first word) to 1 (last word, or never)",
    "own_pronouns": "share of words that are pronouns of the hero's gender",
    "other_pronouns": "share of words that are pronouns of another gender",
    "people": "people that are named",
    "opens_with_name": "1 if the text begins with a person's name",
    "age_in_opening": "1 if the first sentence states an age",
    "faults": "faults that curation finds",
}
"""The features by name, in the order of `text_features`, with what each counts."""

LOG_PROB = "log_prob"
"""The name of the feature that a model gives: its mean log-probability of a token of the text, in nats."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # noqa: RUF001 (texts have curly apostrophes)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
_STOP_WORDS = frozenset(
    """
    a about after all an and any are as at be been before but by can could did do does for from had has have
    he her hers him his how i if in into is it its just like more no not now of off on one only or other out
    over she so some than that the their them then there these they this to too under up very was were what
    when where which while who will with would
    """.split()  # noqa: SIM905 (words in lines can be read)
)
_BEFORE_NOUNS = frozenset(
    "a an the his her their its this that these those one two three four five six seven".split()  # noqa: SIM905
)
_ABSTRACT = ("ness", "ity", "tion", "sion", "ment", "ism", "ance", "ence", "ship", "hood", "dom", "th")


def text_features(hero: Hero, text: str, curation: Curation) -> list[float]:
    """Return the features of a trimmed text, in the order of FEATURES."""
    said = [word.lower() for word in _WORD.findall(text)]
    parts = sentences(text)
    lengths = [len(part.split()) for part in parts] or [0]
    number, shares = len(text.split()), max(1, len(said))
    quoted = sum(len(part.split()) for part in _QUOTED.findall(text))
    places = _power_places(hero, said, curation)
    people = named_people(text)
    others = {word for gender, words in curation.pronouns.items() if gender != hero.gender for word in words}
    own = set(curation.pronouns.get(hero.gender, ()))
    return [
        number,
        max(0, curation.curation.shortest - number, number - curation.curation.longest),
        len(parts),
        fmean(lengths),
        pstdev(lengths),
        lengths[-1],
        sum(map(len, said)) / shares,
        len(set(said)) / shares,
        sum(word in _STOP_WORDS for word in said) / shares,
        sum(map(_is_concrete, said, said[1:])) / shares,
        _longest_repeat(said),
        text.count(",") / max(1, len(parts)),
        quoted / max(1, number),
        sum(map(text.count, "!?")) / max(1, len(parts)),
        len(places),
        places[0] / shares if places else 1.0,
        sum(word in own for word in said) / shares,
        sum(word in others - own for word in said) / shares,
        len(people),
        _opens_with(people, text),
        bool(parts and stated_ages(parts[0])),
        len(curation.faults(hero, text)),
    ]


def _power_places(hero: Hero, words: Sequence[str], curation: Curation) -> list[int]:
    """Return where words of the power stand: those that begin with one of its stems."""
    longest = max(hero.power.split(), key=len)
    stems = curation.stems.get(hero.power) or (longest[: max(5, len(longest) - 3)],)
    return [at for at, word in enumerate(words) if word.startswith(tuple(stems))]


def _is_concrete(before: str, word: str) -> bool:
    return before in _BEFORE_NOUNS and word not in _STOP_WORDS and not word.endswith(_ABSTRACT)


def _opens_with(people: Sequence[AbstractSet[str]], text: str) -> bool:
    first = _WORD.search(text)
    return first is not None and any(first[0] in person for person in people)


def _longest_repeat(words: Sequence[str]) -> int:
    """Return the length of the longest run of words that comes twice; 0 if no word does."""
    length = 0
    while _comes_twice(words, length + 1):
        length += 1
    return length


def _comes_twice(words: Sequence[str], length: int) -> bool:
    runs = zip(*(words[at:] for at in range(length)), strict=False)
    return any(times > 1 for times in Counter(runs).values())
