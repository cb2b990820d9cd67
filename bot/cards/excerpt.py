"""What a card takes from a text: the hero's name, and the one sentence that shows the power at work."""

import re

from bot.heroes.curation import Curation
from bot.heroes.hero import Hero
from bot.heroes.power_families import deed_verbs

_SENTENCE = re.compile(r"\S.*?(?:[.!?…]+[\"”’')]*(?=\s+[^\sa-z]|\s*$)|$)")  # noqa: RUF001 (texts close with curly quotes)
_ENDS = re.compile(r"[.!?…][\"”’')]*$")  # noqa: RUF001 (as above)
_PRONOUNS = {"he", "she", "they"}
_TITLE = re.compile(r"(?:^|\s)(?:Mr|Mrs|Ms|Dr|St|Prof|[A-Z])\.$")
# a deed follows what happens; "Before bedtime she reads" is a habit
_SCENE = re.compile(r"(?:When|While|As|Once|After|Before|If|One|Whenever|During|At|On|In)\b.*,\s")
_INTRODUCES = re.compile(r"year-old|years old|\b(?:super)?powers? of\b|\bgift of\b|\bability\b|\bnamed\b")
_PROPER = re.compile(r"[^\W\d_][\w'’-]*\.?")  # noqa: RUF001 (as above)
_STEM = 4  # characters that forms of a word share
_SHORT, _LONG, _LONGEST = 60, 190, 320  # characters: below, a remark; above, small letters; above, cut


def name_in(text: str, curation: Curation) -> str:
    """Return the name that a text gives its hero, as it stands there first; "" if it gives none."""
    people = curation.named_people(text)
    if not people:
        return ""
    longest: list[str] = []
    words = [(found[0], found.end()) for found in _PROPER.finditer(text)]
    for start, (word, _) in enumerate(words):
        if _bare(word) not in people[0]:
            continue
        run = [word]
        for (_, end), (after, _) in zip(words[start:], words[start + 1 :], strict=False):
            if _bare(after) not in people[0] or text[end : end + 1] != " ":
                break
            run.append(after)
        if len(run) > len(longest):
            longest = run
    return re.sub(r"[’']s?$", "", " ".join(longest)).rstrip(".")  # noqa: RUF001 (as above)


def best_sentence(hero: Hero, text: str, curation: Curation) -> str:
    """Return the sentence in which the hero does something with the power, as far as one can tell.

    It has a verb of the power's deeds, sets a scene, has the length that reads well, and does not introduce
    anybody: name, age and power stand beside it on the card.
    """
    parts = sentences(" ".join(text.replace("*", "").split()))
    if not parts:
        return ""
    power = set(re.findall(r"\w+", hero.power.lower()))
    verbs = deed_verbs(hero.power) - power  # "he loves guessing right" is no guess
    names = {part for person in curation.named_people(text) for part in person}

    def worth(at: int) -> float:
        sentence = parts[at]
        words = set(re.findall(r"\w+", sentence.lower()))
        acts = not words.isdisjoint(_PRONOUNS) or not names.isdisjoint(re.findall(r"\w+", sentence))
        points = 1.5 * min(2, len(words & verbs)) + 1.5 * bool(_SCENE.match(sentence)) + 2.5 * acts
        points -= 2.0 * _names_power(hero.power, sentence) + 4.0 * bool(_INTRODUCES.search(sentence))
        points -= 2.0 * (len(sentence) < _SHORT) + max(0, len(sentence) - _LONG) / 45
        points -= 2.0 * (len(sentence) > _LONGEST) + 3.0 * (not _ENDS.search(sentence))
        return points - 1.0 * (at == len(parts) - 1)

    return parts[max(range(len(parts)), key=lambda at: (worth(at), -at))]


def _names_power(power: str, sentence: str) -> bool:
    """Return whether a sentence says the power, also of several words in other forms: "reading thoughts"."""
    if power.lower() in sentence.lower():
        return True
    stems = [word[:_STEM] for word in re.findall(r"\w+", power.lower()) if len(word) >= _STEM]
    words = re.findall(r"\w+", sentence.lower())
    return len(stems) > 1 and all(any(word.startswith(stem) for word in words) for stem in stems)


def sentences(text: str) -> list[str]:
    """Split a text on one line into sentences, each with its closing marks; "Mr." ends none."""
    parts: list[str] = []
    for found in _SENTENCE.finditer(text):
        if parts and _TITLE.search(parts[-1]):
            parts[-1] = f"{parts[-1]} {found[0]}"
        else:
            parts.append(found[0])
    return parts


def _bare(word: str) -> str:
    return re.sub(r"(?:[’']s?|\.)$", "", word)  # noqa: RUF001 (as above)
