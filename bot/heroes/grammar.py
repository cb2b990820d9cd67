"""English grammar that templates need: "an" for "a", verbs in the plural, capitals."""

import re

_A = re.compile(r"\b([Aa])(?= (?:[aeiou8]|11\b|18\b))")  # as in "an old", "an 80-year-old", "an 18-year-old"
_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?] ))[a-z]")
_THIRD_PERSON = re.compile(r"[a-z]+[^s]s")  # "wears", not "miss"
_EXTRA_E = re.compile(r"(?:ss|x|zz|ch|sh|o)es")  # as in "passes" and "goes", but not in "raises"
_IRREGULAR = {
    "is": "are",
    "was": "were",
    "has": "have",
    "aches": "ache",
    "focuses": "focus",
    "unties": "untie",
}


def with_articles(text: str) -> str:
    """Write "an" for "a" before a vowel, 8, 11 and 18: "an 18-year-old". So no "a useful" can be had."""
    return _A.sub(r"\1n", text)


def in_sentences(text: str) -> str:
    """Begin every sentence with a capital, with articles as in with_articles()."""
    return _SENTENCE_START.sub(lambda found: found[0].upper(), with_articles(text))


def is_third_person(word: str) -> bool:
    """Return whether a word has the form of a verb of the third person singular: "wears"."""
    return word in _IRREGULAR or _THIRD_PERSON.fullmatch(word) is not None


def plural_verb(verb: str) -> str:
    """Return the plural of a verb of the third person singular: "wear" of "wears", "have" of "has"."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("ies") and len(verb) > 4:  # not "ties"
        return f"{verb[:-3]}y"
    return verb[:-2] if _EXTRA_E.search(verb[-4:]) else verb[:-1]
