"""Tell the pronouns of a hero from those of somebody else.

A pronoun of another gender is somebody else's if the text has spoken of somebody whom it fits: "When a boy
lost his dog". Without that, it is the hero's, and wrong.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.heroes.curation_people import GENDERS, gender_of, is_animal

_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:-[^\W\d_]+)*|[.!?,]")
_ENDS = frozenset(".!?")
_GIFT = frozenset(("power", "powers", "gift"))
_BEFORE = 3  # so many words before a noun can tell that it is nobody else: "a 40-year-old quiet baker"
_AFTER = 5  # so many words after a pronoun can tell the hero's age: "she is a cheerful 40-year-old"
_FEW_AT_END = 2  # so many pronouns of somebody else may end any text


@dataclass(frozen=True, slots=True)
class PronounCount:
    """The pronouns of a text, without those in quotation marks.

    own: of the hero's gender. astray: of another gender, though the text spoke of nobody else whom they fit.
    wrong: those of them that must be meant for the hero, wherever the text goes from there. at_end: other
    people's pronouns after the last word for the hero, in two sentences or more.
    """

    own: int
    astray: int
    wrong: int
    at_end: int

    def keeps_gender(self, *, is_whole: bool) -> bool:
        """Return whether the pronouns fit the hero; of a beginning, whether they may.

        One in four may be astray: of a dog, a ship, or "the smallest". A text that speaks of somebody else at
        its end, and more than twice as often as of its hero, has lost the hero.
        """
        if self.wrong or not is_whole:
            return not self.wrong
        return self.astray * 3 <= self.own and self.at_end <= max(_FEW_AT_END, 2 * self.own)


def count_pronouns(
    gender: str,
    text: str,
    pronouns: Mapping[str, Sequence[str]],
    *,
    neutral: Collection[str],
    name: Collection[str],
) -> PronounCount:
    """Count the pronouns of a text about a hero of this gender.

    neutral: genders whose words tell against no other. name: the words of the hero's name.
    """
    own_words = frozenset(pronouns[gender])
    others = {
        word: other
        for other, others in pronouns.items()
        if other not in (gender, *neutral)
        for word in others
        if word not in own_words
    }
    called = {word.lower() for word in name}
    words = _TOKEN.findall(_QUOTED.sub(",", text).lower())
    met: set[str] = set()  # the genders of those of whom the text has spoken
    own = astray = wrong = sentence = 0
    met_animal = False
    at_end: list[int] = []  # sentences of pronouns
    for at, word in enumerate(words):
        if word in _ENDS:
            sentence += 1
        elif word in own_words:
            own += 1
            at_end.clear()
        elif word in called:
            at_end.clear()
        elif (other := others.get(word)) is not None:
            is_english = other in GENDERS  # of other words, nothing is known but the first of all
            if _tells_of_hero(words, at) or not (other in met or (is_english and "" in met)):
                astray += 1
                is_wrong = _must_be_hero(words, at, met_animal=met_animal) if is_english else own == 0
                wrong += is_wrong
            else:
                at_end.append(sentence)
        elif (someone := gender_of(word)) is not None and not _is_nobody_else(words, at):
            met.add(someone)
        else:
            met_animal = met_animal or is_animal(word)
    return PronounCount(own, astray, wrong, len(at_end) if len(set(at_end)) > 1 else 0)


def _tells_of_hero(words: Sequence[str], at: int) -> bool:
    """Return whether the words after a pronoun are about the hero: "her power", "she is a 40-year-old"."""
    after = words[at + 1 : at + 1 + _AFTER]
    if not after or after[0] in _GIFT:
        return bool(after)
    says_age = "year-old" in after or ("years" in after and "old" in after)
    return after[0] in ("is", "was") and says_age


def _must_be_hero(words: Sequence[str], at: int, *, met_animal: bool) -> bool:
    """Return whether a pronoun that is astray tells of the hero, or begins a sentence and fits no animal."""
    begins = at == 0 or words[at - 1] in _ENDS
    return _tells_of_hero(words, at) or (begins and not met_animal)


def _is_nobody_else(words: Sequence[str], at: int) -> bool:
    """Return whether a noun is nobody else: "a 40-year-old baker", "Mira is a baker", "into a wolf"."""
    before = words[max(0, at - _BEFORE) : at]
    if "year-old" in before:
        return True
    if before[-1:] not in (["a"], ["an"]) or len(before) < 2:
        return False
    return before[-2] in ("as", "like", "into") or (before[-2] in ("is", "was") and before[0] != "it")
