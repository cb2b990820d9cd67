"""Find who a text names as its hero: one person in a good text, two if the hero is renamed or replaced.

Capitals do not tell a hero: they also begin sentences, and the names of places, nations, ships and others. So
every run of capitalised words has a role, which follows from the words beside it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache

from bot.heroes.curation_ages import NUMBER_WORDS
from bot.heroes.curation_people import TITLES, gender_of, may_have_name

# Words that begin a sentence with a capital and are not names.
_ORDINARY = NUMBER_WORDS.union(
    """
    a about above across after afterwards again all alone along already also although always among an
    and another any anyone anything are around as at away back because before behind below beneath
    beside besides between beyond born both but by can children could despite did do does down dressed
    during each either else elsewhere even every everybody everyone everything everywhere except eyes
    few finally first for forward friends from had hair half hands has have he her here hers herself him
    himself his how however i if in indeed inside instead into is it its itself just known last later
    legend let life like locals love many may maybe meanwhile might more most much music must my near
    nearby neighbors neighbours neither never next night no nobody none nor not nothing now nowhere of
    off often on once only onward or other others otherwise our out outside over people perhaps pockets
    power powers quite rather right round rumour rumours several shall she should since sleep so some
    somebody someone something sometimes somewhere soon still strangers such suddenly than that the
    their them then there these they this those though through thus time to today together tomorrow
    tonight too toward towards under underneath unless unlike until up upon usually very villagers
    visitors was we well were what whatever when whenever where wherever whether which while who whoever
    whose why will with within without word words would years yes yesterday yet you your
    """.split()  # noqa: SIM905 (words in lines can be read)
)
# Words that open a sentence as a name does, "Smoke makes Mira cough", or are a part of one, "New York".
_COMMON = frozenset(
    """
    air ash autumn bad big black blue bread breakfast brick brown butter clay cloth coal cold copper
    danger dark darkness dawn daylight deep dinner dirt dusk dust earth evening fear fire fog food frost
    fruit fur gas glass gold good grass gray great green grey hail hay heat heavy hot huge hunger ice
    ink iron joy laughter laundry lava lead leather left light lightning little long luck lunch magic
    meat metal midnight milk mist money moonlight morning moss mud nature new news noise noon old pain
    paint pale panic paper poison police poor quiet rain red rice rich rust salt sand sap silence silent
    silver sleet small smoke snow soap soil soldiers soup spring starlight steam steel stone storm sugar
    summer sunlight supper tall tea thick thin thunder tiny traffic trouble trust truth water wax
    weather wheat white wide wind wine winter wood wool yellow young
    """.split()  # noqa: SIM905
)
_CALENDAR = re.compile(
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|January|February|March|April|May|June|July|August|September|"
    r"October|November|December|Christmas|Easter|Halloween|Lent|Earth|Sun|Moon|God|Bible|Morse|Arabic|Dutch|"
    r"French|German|Greek|Hebrew|Irish|Italian|Korean|Latin|Norwegian|Russian|Welsh|"
    r"\w{2,}(?:ese|nish|lish|dish|kish|ican)"
)
_DETERMINERS = frozenset(
    ("the", "a", "an", "this", "these", "those", "his", "her", "their", "its", "every", "each", "no", "some")
)
_BEFORE_PLACES = frozenset(
    """
    in at across outside around inside beyond above below through into over under beneath along past
    throughout via between off leave leaves leaving left reach reaches crosses visits enters northern
    southern eastern western central
    """.split()  # noqa: SIM905
)
_BEFORE_BOTH = frozenset(
    ("of", "from", "to", "by", "on", "near", "toward", "towards", "since", "like")
)  # people and places
_TIMES = frozenset(
    ("morning", "evening", "night", "day", "dawn", "dusk", "noon", "afternoon", "week", "year", "end")
)
_CALLED = frozenset(("named", "called", "nicknamed", "renamed", "name"))
_VERB = re.compile(
    r"[a-z]+(?:s|ed)|has|had|was|can|could|will|would|may|might|and|never|always|still|also|knew|once|now"
)
_PLURAL_VERB = re.compile(
    r"[a-z]+(?:s|ed)|had|can|could|will|would|knew"
)  # what "Agnes" has, and "Plates" not
_NO_NOUN = re.compile(  # after a name, what shows that it is no adjective
    r"[a-z]+(?:s|ed|ly)|had|can|could|will|would|may|might|must|and|or|but|who|whose|whom|which|never|always|also|still|in|on|"
    r"at|to|of|for|from|by|with|when|while|if|then|than|again|out|up|off|down|into|over|under|that|until|before|"
    r"after|first|once|now|too|today|tonight|back|away|here|there|so|himself|herself|themselves"
)
_NO_NAME_ENDINGS = ("ing", "ed", "ly")
_NAMES_WITH_THEM = frozenset(
    (
        "Ahmed",
        "Alfred",
        "Billy",
        "Emily",
        "Fred",
        "Holly",
        "Kelly",
        "Lily",
        "Molly",
        "Ned",
        "Polly",
        "Sally",
        "Ted",
    )
)
_WORD = re.compile(
    r"(?:Mr|Mrs|Ms|Dr|St)\.|\d+|[^\W\d_]+(?:-[^\W\d_]+)*|[.!?:;,\"“”]|['’]s\b|['’]"  # noqa: RUF001 (curly)
)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
_OPENERS = frozenset('.!?:;"“”')
_ENDS = frozenset(".!?")
_POSSESSIVE = frozenset(("'s", "’s"))  # noqa: RUF001 (as above)
_ADDING = frozenset(("a", "an", "the", "who", "whose", "now", "once", "aged"))  # after "Mira,"
_BACK = 5  # words before a name that tell what it names
_SAID = 6  # words before "she says" in a sentence without quotation marks
_TAKES_OVER = 3  # somebody else who is named so often, and oftener than the hero, is in the hero's place
_INTRODUCTION = 2  # sentences that introduce the hero, if no age tells which


class _Role(Enum):
    """What a run of capitalised words is where it stands."""

    PERSON = auto()
    OPENS = auto()
    """A person, or a word that has its capital because it opens a sentence: "Iron listens"."""
    AMBIGUOUS = auto()
    """A person or a place: "from Mira"."""
    OTHER = auto()
    """Somebody or something introduced as another: "her brother Tom"."""
    PLACE = auto()
    """A place, or an adjective: "in Oslo", "a wide Thai lake"."""


@dataclass(slots=True)
class _Named:
    """All mentions of one name: its words, the role of the first, and the sentences of all of them."""

    words: set[str]
    role: _Role
    mentions: list[int] = field(default_factory=list)


class NamesInText:
    """The names of one text, each with its role.

    A heuristic, strict in doubt: a capitalised word names a person unless the words beside it explain it.
    """

    def __init__(self, text: str, known: frozenset[str]) -> None:
        self._known = known
        self._words = [".", *_WORD.findall(_QUOTED.sub('"', text)), ".", "."]
        self._lower = {word for word in self._words if word.islower()}
        self._named: list[_Named] = []
        self._sentence = 0
        self._age: int | None = None  # the first sentence that states an age
        self._people: list[str] = []  # the first word of each mention of a person
        self._last: tuple[str, _Role] = ("", _Role.PLACE)  # the last word of the last mention, and its role
        self._read()

    def first(self, names: Collection[str]) -> str | None:
        """Return the first of these names that is a person's first name; None if none is.

        Not after a preposition ("above Milan"), not after another name ("Ada Walter"), and not that of
        somebody introduced as another ("her sister Clara").
        """
        return next((name for name in self._people if name in names), None)

    def heroes(self, *, is_whole: bool = True) -> list[frozenset[str]]:
        """Return who is named in the hero's place, the hero first, each as the words of the name.

        One is right. is_whole: whether the text has come to its end; of a beginning, only those are returned
        that the rest cannot explain.
        """
        people = [each for each in self._named if each.role in (_Role.PERSON, _Role.OPENS)]
        people = [each for each in people if not self._only_opens(each, is_whole=is_whole)]
        unclear = [each for each in self._named if each.role is _Role.AMBIGUOUS]
        others = [each for each in self._named if each.role is _Role.OTHER]
        introduced = (each for each in (*people, *unclear) if each.mentions[0] <= self._introduction)
        hero = next(iter((*introduced, *people, *unclear, *others)), None)
        if hero is None:
            return []
        found = [hero, *(each for each in people if each is not hero)]
        if is_whole:
            most = max(_TAKES_OVER, len(hero.mentions) + 1)
            found += (each for each in others if each is not hero and len(each.mentions) >= most)
        return [frozenset(each.words) for each in found]

    @property
    def _introduction(self) -> int:
        """The last sentence that introduces the hero."""
        return _INTRODUCTION - 1 if self._age is None else self._age

    def _only_opens(self, each: _Named, *, is_whole: bool) -> bool:
        """Return whether a word only opens a sentence, before or while another name introduces the hero."""
        if each.role is not _Role.OPENS or (is_whole and self._age is None):
            return False
        until = self._introduction if is_whole else self._sentence
        return each.mentions[0] <= until and any(
            other.mentions[0] <= until
            for other in self._named
            if other.role in (_Role.PERSON, _Role.AMBIGUOUS)
        )

    def _read(self) -> None:
        at, words = 1, self._words
        while at < len(words) - 2:
            word = words[at]
            if word in _ENDS:
                self._sentence += 1
            elif self._age is None and self._is_age(at):
                self._age = self._sentence
            end = at + 1
            if word[0].isupper() and (word in self._known or word.lower() not in _ORDINARY):
                while words[end][0].isupper():
                    end += 1
                role = None if any(map(_CALENDAR.fullmatch, words[at:end])) else self._role(at, end)
                if role:
                    self._add(words[at:end], role)
            at = end

    def _is_age(self, at: int) -> bool:
        word, after = self._words[at : at + 2]
        if word == "years":
            return after in ("old", "of")
        return word in ("year-old", "aged") or (word.isdigit() and len(word) in (2, 3))

    def _add(self, words: list[str], role: _Role) -> None:
        self._last = (words[-1], role)
        if role in (_Role.PERSON, _Role.OPENS):
            self._people.append(words[0])
        known = next((each for each in self._named if not each.words.isdisjoint(words)), None)
        if known is None:
            known = _Named(set(), role)
            self._named.append(known)
        elif (known.role, role) in _SURE_TOGETHER:
            known.role = _Role.PERSON
        known.words.update(words)
        known.mentions.append(self._sentence)

    def _role(self, at: int, end: int) -> _Role | None:
        """Return what the run of capitals from `at` to `end` is, None for a word that is no name."""
        first, before = self._words[at], self._words[at - 1]
        is_titled = first in TITLES or first.endswith(".")
        if is_titled and end == at + 1:
            return None
        if before in _OPENERS:
            return _Role.OTHER if is_titled else self._opening_role(at, end)
        if self._is_called(at):
            return _Role.OTHER if self._named and self._is_somebody_new(at - 1) else _Role.PERSON
        if is_titled or self._is_beside_kind(at):
            return _Role.OTHER
        if self._is_place(at, end):
            return _Role.PLACE
        return self._joined_role(at, end) or self._role_after_preposition(at, end)

    def _joined_role(self, at: int, end: int) -> _Role | None:
        """Return the role of the name before, if "and" or, of places, a comma joins this one to it."""
        before, role = self._words[at - 1], self._last[1]
        if self._words[at - 2] != self._last[0]:
            return None
        if before in ("and", "or"):
            return role
        is_place = role in (_Role.PLACE, _Role.AMBIGUOUS) and not self._words[end].isalpha()
        return role if before == "," and is_place else None

    def _role_after_preposition(self, at: int, end: int) -> _Role:
        before = self._words[at - 1].lower()
        if before not in _BEFORE_BOTH:
            return _Role.PERSON
        of = self._words[at - 2]
        if before == "of" and may_have_name(of) and gender_of(of) is None:  # "the town of Trieste"
            return _Role.PLACE
        is_hero = self._is_explained(end) and not any(each.role is _Role.PERSON for each in self._named)
        if is_hero and (before != "from" or self._words[end + 1] in ("who", "whose")):
            return _Role.PERSON
        return _Role.AMBIGUOUS

    def _opening_role(self, at: int, end: int) -> _Role | None:
        """Return the role of a run that opens a sentence."""
        word, after = self._words[at], self._words[end]
        if word in self._known:
            return _Role.PERSON
        if end > at + 1:
            return _Role.OPENS
        if self._is_ordinary(at):
            return None
        if self._is_explained(end) or (after in ("is", "was") and self._states_age(end)):
            return _Role.PERSON
        verb = _PLURAL_VERB if word.endswith("s") else _VERB
        has_comma = after == "," and not word.endswith("s")
        return _Role.OPENS if after in _POSSESSIVE or has_comma or verb.fullmatch(after) else None

    def _is_ordinary(self, at: int) -> bool:
        """Return whether a word that opens a sentence is no name by itself, or because somebody says it."""
        word = self._words[at]
        if word.lower() in self._lower or word.lower() in _COMMON:
            return True
        if word.endswith(_NO_NAME_ENDINGS) and word not in _NAMES_WITH_THEM:
            return True
        for comma in range(at + 1, min(at + _SAID, len(self._words) - 1)):
            if self._words[comma] in _ENDS:
                return False
            if self._words[comma] == ",":
                return self._words[comma + 1] in ("he", "she", "they")
        return False

    def _is_explained(self, end: int) -> bool:
        """Return whether what follows a name says who that is: "Mira, a tall woman"."""
        after, then = self._words[end : end + 2]
        return after == "," and (then in _ADDING or then.isdigit())

    def _states_age(self, start: int) -> bool:
        """Return whether an age follows in the sentence, and no name before it."""
        for at in range(start, len(self._words) - 1):
            if self._is_age(at):
                return True
            if self._words[at] in _ENDS or self._words[at][0].isupper():
                break
        return False

    def _is_called(self, at: int) -> bool:
        before, word = self._words[max(0, at - 2) : at]
        if before in ("call", "calls"):
            return word in ("him", "her", "them")
        return word in _CALLED or (before, word) in {("known", "as"), ("name", "is"), ("name", "was")}

    def _is_somebody_new(self, called: int) -> bool:
        """Return whether "named" is said of somebody new: "a girl named", not "a 40-year-old girl named"."""
        for back in range(called - 1, max(0, called - _BACK), -1):
            word = self._words[back].lower()
            if word in _OPENERS or word == ",":
                return False
            if word in ("a", "an", "another", "one"):
                return "year-old" not in self._words[back:called]
        return False

    def _is_beside_kind(self, at: int) -> bool:
        """Return whether a name follows what it names: "her brother Tom", "his wife, Rachel"."""
        back = at - 2 if self._words[at - 1] == "," else at - 1
        if not may_have_name(self._words[back]):
            return False
        for before in range(back - 1, max(0, back - _BACK), -1):
            word = self._words[before].lower()
            if word in ("his", "her", "their"):
                return True
            if word in ("the", "a", "an"):  # the first may be the hero: "the baker Mira"
                return bool(self._named) and not self._states_age(before)
            if not word.islower() or word in _BEFORE_PLACES or word in _BEFORE_BOTH:
                break
        return False

    def _is_place(self, at: int, end: int) -> bool:
        """Return whether a name is no person's: "in Oslo", "the high Andes", "a wide Thai lake"."""
        before, word = (word.lower() for word in self._words[max(0, at - 2) : at])
        if word in _BEFORE_PLACES or word in _DETERMINERS:
            return True
        if before == "the" and word.isalpha() and word not in _TIMES and not may_have_name(word):
            return True
        after = self._words[end]
        is_adjective = after[0].islower() and after not in _DETERMINERS and not _NO_NOUN.fullmatch(after)
        return is_adjective and self._ends_noun_phrase(at)

    def _ends_noun_phrase(self, at: int) -> bool:
        for word in map(str.lower, reversed(self._words[max(0, at - 4) : at])):
            if word in _DETERMINERS or word.isdigit():
                return True
            if not word.islower() or word in _BEFORE_PLACES or word in _BEFORE_BOTH or word.endswith("s"):
                break
        return False


_SURE_TOGETHER = frozenset(  # a name's first role and a later one, which together show a person
    ((_Role.AMBIGUOUS, _Role.PERSON), (_Role.OPENS, _Role.PERSON), (_Role.OPENS, _Role.OPENS))
)


@lru_cache(maxsize=64)  # the rules for gender and for one name read the same text
def read_names(text: str, known: frozenset[str] = frozenset()) -> NamesInText:
    """Return the names of a text.

    known: first names, which are names also if they open a sentence, and whatever follows.
    """
    return NamesInText(text, known)


def named_people(text: str) -> list[frozenset[str]]:
    """Return who a text names in the hero's place, the hero first, without a list of first names."""
    return read_names(text).heroes()
