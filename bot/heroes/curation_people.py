"""Nouns for people and animals, by which curation tells of whom else a text speaks."""

from functools import lru_cache

TITLES = frozenset(
    """
    Aunt Brother Captain Colonel Doctor Dr Father General Grandfather Grandmother Judge King Lady Lord
    Madam Madame Miss Mother Mr Mrs Ms Officer Old Prince Princess Professor Queen Saint Sergeant Señor
    Señora Sir Sister St Uncle
    """.split()  # noqa: SIM905 (words in lines can be read)
)

_FEMALE = frozenset(
    """
    actress aunt ballerina bride countess cow daughter duchess ewe fiancee gal girlfriend goddess
    godmother grandaunt granddaughter grandma grandmother granny heiress hen hostess lady landlady lioness
    maid mare midwife mom mother mum niece nun princess queen seamstress she-wolf sister stepmother
    waitress widow wife witch
    """.split()  # noqa: SIM905 (words in lines can be read)
)
_MALE = frozenset(
    """
    actor boyfriend bridegroom brother buck bull bullfighter chap dad duke emperor father fellow gentleman
    godfather grandfather grandpa grandson groom guy guys husband king lad landlord lord monk nephew
    prince ram rooster son stallion stepfather uncle waiter widower
    """.split()  # noqa: SIM905 (words in lines can be read)
)
_EITHER = frozenset(
    """
    acrobat adult animal anybody apprentice architect artist assistant astronaut baby bachelor baker
    bandit banker barber baron bear beast beggar beginner bird bishop boss burglar butcher buyer calf
    caller camel candidate captain caretaker carpenter cashier cat celebrity cellist champion chauffeur
    chef chemist chick chief child choirmaster clerk climber clown coach cobbler colleague commander
    commuter companion composer conductor contractor cook cop cousin creature critic crook crow customer
    cyclist dancer dealer dentist deputy detective diplomat director diver doctor dog dolphin donkey
    dragon driver drummer drunk drunkard duck dwarf eagle editor elder electrician elephant enemy engineer
    expert explorer falcon farmer ferret fiddler firefighter fisher florist foal foreigner fox friend frog
    gambler gangster gardener gatekeeper general ghost goalkeeper goat goose governor grandchild great-
    grandchild grocer guard guest guide guitarist gull gunner hairdresser hare hawk hedgehog heir helper
    hermit hiker horse hostage hound human hunter infant innkeeper inspector intern interpreter inventor
    janitor jeweler jeweller jockey journalist judge juggler keeper kid kitten knight lamb lawyer leader
    lecturer librarian lifeguard lion listener llama lodger lookout lover magician magpie manager mason
    mate mayor mechanic merchant messenger miller millionaire miner minister monkey monster mule musician
    neighbor neighbour newcomer novelist nurse octopus officer official opponent organist orphan otter
    outlaw owl owner ox painter paramedic parent parrot partner passenger patient pelican penguin
    pensioner person pharmacist philosopher photographer physician pianist pickpocket pig pigeon pilot
    pirate player plumber poet politician pony porter postmaster potter preacher president priest
    principal prisoner professor programmer publisher pupil puppy rabbit rancher ranger raven receptionist
    referee refugee reindeer relative reporter rescuer rider rival robber roofer runner sailor scholar
    schoolmaster scientist scout sculptor seagull seal secretary seller sentry sergeant servant sheep
    shepherd sheriff shopkeeper singer skater skier smith smuggler sniper soldier soloist somebody someone
    soprano speaker spectator spider spy squirrel stationmaster stepchild steward stonemason stork
    stowaway stranger striker student superintendent surfer surgeon surveyor suspect swan swimmer swindler
    tailor teacher technician teenager teller tenant thief thug tiger toddler tortoise tourist tracker
    trader trainer trapper traveler traveller trombonist trumpeter turtle twin typist tyrant undertaker
    usher vet veteran veterinarian victim villager villain violinist visitor volunteer voter walker warden
    warrior watchmaker weaver welder whale winner witness wolf woodcutter worker writer youngster
    """.split()  # noqa: SIM905 (words in lines can be read)
)
# What bears a name and is nobody: "the rescue ship Aurora".
_THINGS = frozenset(
    """
    boat cafe city class club company ferry football gate grade hotel inn island lake line liner mount
    mountain number planet river room saint school schooner ship song star statue steamer street team
    theater theatre town train truck tug tugboat village volcano word
    """.split()  # noqa: SIM905 (words in lines can be read)
)
_FEMALE_ENDINGS = ("woman", "women", "girl", "girls", "daughter", "mother", "sister", "sisters")
_MALE_ENDINGS = ("man", "men", "boy", "boys", "father", "brother", "brothers", "grandson", "stepson")
_ENDINGS = ("keeper", "maker", "driver", "worker", "player", "seller", "herd", "walker", "teller", "smith")

GENDERS = ("man", "woman")
"""The genders of data/heroes.toml that these nouns may have."""


@lru_cache(maxsize=4096)
def gender_of(noun: str) -> str | None:
    """Return the gender that a noun tells, "" if it tells none, None if it is no person and no animal."""
    if noun in _EITHER or noun.endswith(_ENDINGS):
        return ""
    if noun in _FEMALE or noun.endswith(_FEMALE_ENDINGS):
        return "woman"
    if noun in _MALE or noun.endswith(_MALE_ENDINGS):
        return "man"
    return None


def may_have_name(noun: str) -> bool:
    """Return whether a name may stand beside a noun: "her friend Tom", "the ship Aurora"."""
    return noun in _THINGS or gender_of(noun) is not None
