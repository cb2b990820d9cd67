"""Find the ages that a text states, in figures or in words."""

import re

# fmt: off
_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_DECADES = (
    "teens", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties",
)
# fmt: on

_WORDS = {word: value for value, word in enumerate((*_UNITS, *_TEENS), start=1)}
_WORDS |= {word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)}
_WORDS |= {f"{ten}-{unit}": _WORDS[ten] + _WORDS[unit] for ten in _TENS for unit in _UNITS}
_WORDS["hundred"] = 100

NUMBER_WORDS = frozenset(_WORDS)


def _number(smallest: int) -> str:
    """Return a pattern for numbers in figures, and for those in words from the smallest on.

    It branches as the words do. A pattern that lists all hundred words would be slow: each of them is tried
    at every word.
    """
    units, tens = "|".join(_UNITS), "|".join(_TENS)
    single = (word for word in (*_UNITS, *_TEENS, "hundred") if _WORDS[word] >= smallest)
    return rf"\b(\d{{1,4}}|(?:{tens})(?:[- ](?:{units}))?|{'|'.join(single)})\b"


_NUMBER = _number(1)
_LARGE = _number(13)  # "at five" is a time of day, and "is one" begins many a sentence
_AFTER = r"(?=[,.;:!?]|$| (?:and|when|but|he|she|they)\b)"

_STATED = re.compile(
    "|".join(
        (
            rf"{_NUMBER}[- ](?:years?[- ](?:old|of age)|year[- ](?:man|woman|person|girl|boy))",
            rf"\bage[ds]?(?: of| at)? {_NUMBER}",
            rf"\b(?:at|turn(?:s|ed|ing)?|is|was|being|only|just|barely|nearly|almost) {_LARGE}{_AFTER}",
            rf"\b(?:man|woman|person|girl|boy|lady) of {_LARGE}",
            rf"\b(?:was|were) {_NUMBER} when\b",
        )
    )
)
_DECADE = re.compile(
    r"\b(?:his|her|their) (?:early |mid[- ]?|middle |late )?"
    rf"(?:(\d)0s|({'|'.join(_DECADES)}))\b"
)


def stated_ages(text: str) -> list[range]:
    """Return the ages that a text states, each as the range of years it may mean.

    The range has one year, or ten for "in her thirties".
    """
    lower = " ".join(text.lower().split())
    exact = (_value(found[found.lastindex or 0]) for found in _STATED.finditer(lower))
    decades = (int(digit) if digit else _DECADES.index(word) + 1 for digit, word in _DECADE.findall(lower))
    return [range(age, age + 1) for age in exact] + [range(ten * 10, ten * 10 + 10) for ten in decades]


def _value(number: str) -> int:
    return int(number) if number.isdigit() else _WORDS[number.replace(" ", "-")]
