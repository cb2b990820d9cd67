"""Families of powers, and the verbs by which a deed shows a power of each."""

import re
from dataclasses import dataclass
from functools import lru_cache

_VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class _Family:
    """The name groups what is alike, and some families share one.

    powers: a pattern that a power of the family has at the start of a word. verbs: in the infinitive.
    """

    name: str
    powers: str
    verbs: str


_FAMILIES = (
    _Family(
        "moving",
        "fly|flies|flight|float|glid|jump|climb|swim|walking on|running|speed|teleport|tunnel|stepping"
        "|slipping through|doors|walking through|boun|breathing underwater|silent|opening portals",
        "fly flew float glide sail hover soar rise rose drift leap leapt jump hop bound climb scale swim "
        "swam dive dove race dash dart sprint run ran hurry outrun vanish appear reappear pop disappear "
        "teleport tunnel dig dug burrow slip land swing swung scamper scurry bounce carry tiptoe stroll",
    ),
    _Family(
        "sensing",
        "see|hear|smell|tast|feel|sens|eyes|vision|x-ray|footprints|scent|finding lost|finding coins"
        "|calling lost|danger|night vision|future|past|perfect memory|remember|echo",
        "see saw hear heard listen smell sniff taste feel felt sense spot notice peer watch look gaze "
        "read follow track trace find found recognise recognize count recall remember foresee",
    ),
    _Family(
        "minds",
        "thought|telepath|dream|mind|calming|sooth|quarrel|courage|laugh|truth|sleep|memor|fear|feeling what"
        "|hypno",
        "calm soothe comfort think thought hear heard read dream remember recall whisper persuade "
        "convince share laugh joke sleep wake woke confess lend lent reassure understand understood feel "
        "felt recite end settle reconcile cheer hypnotise hypnotize",
    ),
    _Family(  # elements and forces
        "elements",
        "fire|flame|water|ice|frost|weather|wind|sea|rain|storm|thunder|lightning|light|shadow|metal|magnet"
        "|sand|smoke|cloud|stone|earth|rock|gravity|moonlight|laser|electr|telekines|force field",
        "bend bent gather shape raise spread melt freeze froze thaw burn blow blew split part command "
        "order cool warm heat steer pull push lift draw drew throw threw scatter sweep swept strike "
        "struck flash shine shone glow dim darken light lit float pour drag stir quench douse extinguish "
        "smother dampen weigh sink anchor knead shovel pile",
    ),
    _Family(  # healing, and what the body withstands
        "healing",
        "heal|immortal|unbreakable|never tiring|breathing underwater|invulnerab",
        "heal cure mend close touch press bandage soothe bind bound breathe endure survive withstand "
        "shield recover revive stitch",
    ),
    _Family(  # strength and balance
        "strength",
        "strength|strong|balance|giant|never tiring|unbreakable|bouncing",
        "lift carry hold held push pull throw threw heave bend bent tear tore break broke raise drag "
        "catch caught balance prop brace haul hoist shove tow support",
    ),
    _Family(  # hiding and changing shape
        "shapes",
        "invisib|illusion|shape|turning into|turning to stone|shrink|growing to|stretch|chameleon|two places"
        "|colour",
        "vanish disappear hide hid fade slip creep crept sneak steal stole turn become became change "
        "transform shift grow grew shrink shrank stretch crawl swell squeeze",
    ),
    _Family(  # making, mending and growing
        "making",
        "mak|mending|bak|knit|weav|draw|paint|fold|build|invent|copying|turning lead|turning stone|bring"
        "|grow|soup|warming|wish|harvest|old things|illusion",
        "make made bake draw drew paint fold knit weave wove build built mend repair fix sew cook invent "
        "copy carve grow grew plant water sow feed fed harvest warm cut stitch bolt tinker stitch "
        "restore wipe",
    ),
    _Family(
        "time",
        "time|hour|minute|future|past|yesterday|late|slow|paus|speeding|clock",
        "stop slow pause halt rewind return travel freeze froze repeat warn foresee remember arrive "
        "relive undo hurry wind wound hold held steer",
    ),
    _Family(  # luck and games
        "luck",
        "luck|winning|guess|coin|throw|aim|catching|right place|finding|wish|trading",
        "win won throw threw toss guess find found bet play roll lend lent trade catch caught hit choose "
        "chose draw drew trip stumble flick aim grant",
    ),
    _Family(  # talking and being heard
        "talking",
        "talk|speak|language|voice|truth|calling|commanding|telepath|machines|sending",
        "ask tell told speak spoke talk listen hear heard whisper call answer persuade thank explain "
        "translate beg reply chat question promise sing sang shout coax warn plead bargain understand "
        "understood convince command order greet yell",
    ),
    _Family(  # knots, locks, candles and other small gifts
        "gifts",
        "knot|untangl|lock|candle|glow|keyholes|wet|soup|warm|shadows dance|silent|exact",
        "tie untie knot untangle unravel open unlock free light lit glow shine shone warm loosen slip "
        "creep crept lock twist shake",
    ),
    _Family(  # things moved, held and kept off without a touch, and what harms nobody who has such a skin
        "strength",
        "telekines|force field|invulnerab",
        "move lift raise float pull push catch caught hold held stop block shield cover surround protect "
        "guard shelter bounce stand stood",
    ),
    _Family(  # heat and sparks
        "elements",
        "laser|breathing fire|electr",
        "breathe cut weld burn melt light lit heat boil toast charge spark switch restart start",
    ),
    _Family(  # cleverness
        "minds",
        "super intelligence",
        "think thought know knew read count calculate solve work reckon plan design invent build built find "
        "found explain understand understood remember",
    ),
    _Family(  # what others take for something else, and ways to other places
        "shapes",
        "illusion|mimic|portal",
        "create show open mimic mimick imitate copy pretend conjure step",
    ),
)


FAMILIES = tuple(dict.fromkeys(family.name for family in _FAMILIES))


def family_of(power: str) -> str | None:
    """Return the name of the family that tells most of a power, None if it belongs to none.

    That is the one whose pattern matches most of its letters: "talking to machines" talks, and makes nothing.
    """
    lengths = dict.fromkeys(FAMILIES, 0)
    for family in _FAMILIES:
        matched = sum(map(len, re.findall(rf"\b(?:{family.powers})", power)))
        lengths[family.name] = max(lengths[family.name], matched)
    best = max(FAMILIES, key=lengths.__getitem__)
    return best if lengths[best] else None


@lru_cache(maxsize=1024)
def deed_verbs(power: str) -> frozenset[str]:
    """Return the verbs, in all their forms, that a deed of the power's families may have; none if unknown."""
    verbs = " ".join(family.verbs for family in _FAMILIES if re.search(rf"\b(?:{family.powers})", power))
    return frozenset(form for verb in verbs.split() for form in _forms(verb))


def _forms(verb: str) -> set[str]:
    """Return a verb with its regular endings: "carry", "carries", "carried", "carrying"."""
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return {verb, f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb}ing"}
    stem = verb.removesuffix("e")
    doubled = f"{verb}{verb[-1]}"  # as in "stopped"
    plural = f"{verb}es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else f"{verb}s"
    return {verb, plural, f"{stem}ed", f"{stem}ing", f"{doubled}ed", f"{doubled}ing"}
