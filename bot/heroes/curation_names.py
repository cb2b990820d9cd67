"""Find the names of people in a text by its capitals."""

import re
from collections.abc import Collection, Iterator
from itertools import pairwise

# Words that begin a sentence with a capital and are not names.
_ORDINARY = frozenset(
    """
    a about above across after afterwards again all alone along already also although always among an and
    another any anyone anything around as at away back because before behind below beneath beside between
    beyond born both but by children despite down dressed during each eight either even every everybody
    everyone everything eyes few finally first five for four friends from hair half hands he her here hers
    herself him himself his how however i if in inside instead into it its itself just known last later
    legend life little locals long love many maybe more most much music my near nearby neighbours never
    next night nine no nobody none nor not nothing now of off often old on once one only or other others
    our out outside over people perhaps pockets power powers quite rather right round rumour rumours seven
    she since six sleep small so some somebody someone something sometimes somewhere soon still strangers
    such suddenly tall ten than that the their them then there these they this those though three through
    thus time to today together tomorrow tonight too toward towards two under underneath until up upon
    usually very villagers visitors was we well what whatever when whenever where wherever whether which
    while who whoever whose why with within without word words years yes yet you young your
    """.split()  # noqa: SIM905 (words in lines can be read)
)
_CALENDAR = re.compile(
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|January|February|March|April|May|June|July|August|September|"
    r"October|November|December|Christmas|Easter|Halloween|Earth|Sun|Moon|God|English|French|German|Spanish|Italian"
)
_PLACED = frozenset(("in", "at", "near", "across", "outside", "around", "inside", "the", "a", "an"))
_BEFORE_PLACES = _PLACED.union(("above", "below", "beyond", "by", "from", "of", "over", "to", "towards"))
_VERB = re.compile(
    r"[a-z]+(?:s|ed)|has|had|was|can|could|will|would|may|might|and|never|always|still|also|knew"
)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*|[.!?:;,\"“”]|['’]s\b|['’]")  # noqa: RUF001 (texts use curly quotes)
_OPENERS = frozenset('.!?:;"“”')


def named_people(text: str) -> list[set[str]]:
    """Return the people that a text names, in order, each as the words of the name: `{"Mira", "Okafor"}`.

    This is a heuristic, strict in doubt: a capitalised word counts as a name unless grammar explains it.
    """
    found: list[set[str]] = []
    for name in _names(_WORD.findall(text)):
        known = next((person for person in found if person & name), None)
        if known is None:
            found.append(name)
        else:
            known |= name
    return found


def first_name(text: str, names: Collection[str]) -> str | None:
    """Return the first of these names that stands where a person's first name does; None if none does.

    Not after a preposition ("above Milan"), and not after another name ("Ada Walter").
    """
    words: list[str] = [".", *_WORD.findall(text)]
    for before, word in pairwise(words):
        is_surname = before[0].isupper() and before.lower() not in _ORDINARY
        if word in names and not is_surname and before.lower() not in _BEFORE_PLACES:
            return word
    return None


def _names(words: list[str]) -> Iterator[set[str]]:
    """Yield runs of capitalised words that are names."""
    lower = {word for word in words if word.islower()}
    run: set[str] = set()
    place = False  # whether the run of capitals began as a place: "in New York"
    for before, word, after in zip([".", *words], words, [*words[1:], "."], strict=False):
        if not word[0].isupper():
            if run:
                yield run
            run, place = set(), False
        elif run:
            run.add(word)
        elif not place and _is_name(before, word, after, lower):
            run = {word}
        else:
            place = before not in _OPENERS
    if run:
        yield run


def _is_name(before: str, word: str, after: str, lower: set[str]) -> bool:
    if word.lower() in _ORDINARY or _CALENDAR.fullmatch(word):
        return False
    if before not in _OPENERS:
        return before not in _PLACED
    if word.lower() in lower or word.endswith(("ing", "ed", "ly")):
        return False
    return after[0].isupper() or after in {",", "'s", "’s"} or bool(_VERB.fullmatch(after))  # noqa: RUF001
