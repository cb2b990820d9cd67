"""The words, or their beginnings, by which a deed in the first dataset is told to belong to a power.

data/first_dataset.md says which texts are left out by them. Words of three letters count as a whole.
"""

import re

POWER_WORDS = {
    "invisibility": "invisib unseen seen see notic hid hide conceal blend vanish",
    "read in the thoughts": "thought mind read",
    "turning lead into gold": "gold",
    "immortality": "immortal live heal heart surviv forever endless never die",
    "telepathy": "telepath thought mind send message",
    "teleport": "teleport transport jump step appear vanish across",
    "flight": "fly flies flew flight soar air hover wing lift",
    "controlling the weather": "weather rain sun storm wind cloud snow hail fog",
    "controlling shadows": "shadow dark shade",
    "controlling metal": "metal iron steel",
    "controlling light": "light lamp dark shine shadow",
    "controlling dreams": "dream sleep nightmare",
    "commanding the wind": "wind blow gust breeze air",
    "commanding the sea": "sea tide wave water ocean",
    "talking to machines": "machine engine",
    "talking to ghosts": "ghost dead spirit",
    "talking to birds": "bird gull seagull sparrow eagle swallow flock",
    "seeing through walls": "see look wall",
    "seeing the past": "see past",
    "super hearing": "hear listen sound ear",
    "super balance": "balance climb walk rope propel",
    "x-ray vision": "see look ray vision",
    "stopping time": "stop time clock freez froze",
    "walking on water": "walk cross water",
    "walking through fire": "walk fire flame",
    "turning stone into bread": "stone bread loaf bake flour",
    "turning into a wolf": "wolf",
    "growing to giant size": "grow giant huge tall",
    "shrinking": "shrink tiny small",
    "lightning": "lightn electric thunder flash",
    "magnetism": "magnet pull iron metal attract",
    "finding lost things": "find found",
    "mending broken things": "mend repair fix",
    "making people laugh": "laugh smile",
    "remembering every face": "face remember",
}


def names_its_power(power: str, deed: str) -> bool:
    """Return whether a deed has a word that belongs to the power."""
    words = re.findall(r"[a-z]+", deed.lower())
    return any(_begins(word, part) for word in words for part in POWER_WORDS[power].split())


def _begins(word: str, part: str) -> bool:
    return word.startswith(part) if len(part) > 3 else word in (part, f"{part}s")
