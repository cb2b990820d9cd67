"""Answers of a server that has no model: each passes curation, and any two share few words.

A large build writes hundreds of texts about one hero, and near duplicates do not train. So nearly every third
word is drawn from a list.
"""

import random
import re

from bot.heroes.hero import Hero

_PROMPT = re.compile(r"an? (\d+)-year-old (\w+) fictional character who has the superpower of (.+?)\.")

_KINDS = """
    quiet patient stubborn gentle restless careful cheerful clumsy curious proud sleepy honest nervous shy
    grumpy hopeful tireless modest forgetful generous hasty polite thrifty merry solemn daring playful wary
    tender blunt dreamy frugal
    """.split()  # noqa: SIM905 (words in lines can be read)
_LOOKS = """
    grey yellow crooked dusty narrow heavy faded painted wooden broken silver striped borrowed rusty woollen
    leather copper hollow polished tattered velvet knitted chipped folded greasy spotless muddy bent round
    square tiny huge
    """.split()  # noqa: SIM905
_THINGS = """
    kettle ladder lantern whistle basket hammer mirror umbrella violin compass bucket blanket candle drawer
    feather hinge kite ledger mattress needle paddle quilt ribbon saddle teapot trumpet wagon anchor barrel
    chimney engine fiddle
    """.split()  # noqa: SIM905
_PLACES = """
    harbour mill bakery station orchard library market bridge school chapel tavern garden quarry lighthouse
    theatre laundry stable vineyard workshop cellar courtyard meadow canal museum hospital bank forge pier
    windmill square dairy brewery
    """.split()  # noqa: SIM905
_DEEDS = """
    mends guards counts paints carries cleans draws hides collects repairs weighs polishes sketches borrows
    studies stacks measures sells buries rescues tunes sews hauls plants trades carves bakes washes sorts
    buys greases gathers
    """.split()  # noqa: SIM905
_TEXT = (
    "Robin, a {} {}-year-old {} from the {} {}, {} one {} {} before breakfast. With the power of {} comes "
    "a {} {} that nobody {} gladly, so {} keeps both beside the {} {}. When the {} loses its {} {}, {} {} "
    "every {} between {} and {}, {} and {}. Neighbours call {} {}, even {}, and bring a {} {} or some {} "
    "{} to the {}. At night {} {} the {} {}, {} another {}, and sleeps near the {} {} with a {} {} and a "
    "{} {}."
)
_PRONOUNS = {"man": ("he", "him"), "woman": ("she", "her")}
_ORDER = "KAGLPDLTWKTDHLPPLTHDTPPKKMKKLTLTPHDLTDTLPLTLT"


def parse_prompt(prompt: str) -> Hero | None:
    """Return the hero in the bot's generation prompt, or None if it is another prompt."""
    match = _PROMPT.search(prompt)
    return Hero.from_strings(match.groups()) if match else None


def canned_answer(hero: Hero, variant: int) -> str:
    """Return a description of a hero: always the same text for the same variant."""
    chance = random.Random(variant)  # noqa: S311 (variety, not secrecy)
    subject, object_ = _PRONOUNS.get(hero.gender, ("they", "them"))
    fixed = {
        "A": str(hero.age),
        "G": hero.gender,
        "W": hero.power,
        "H": subject,
        "M": object_,
    }
    drawn = {"K": _KINDS, "L": _LOOKS, "T": _THINGS, "P": _PLACES, "D": _DEEDS}
    words = (fixed.get(kind) or chance.choice(drawn[kind]) for kind in _ORDER)
    return _TEXT.format(*words)
