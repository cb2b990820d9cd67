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
    acrobat adult anybody apprentice architect artist assistant astronaut baby bachelor baker bandit
    banker barber baron beggar beginner bishop boss burglar butcher buyer caller candidate captain
    caretaker carpenter cashier celebrity cellist champion chauffeur chef chemist chief child
    choirmaster clerk climber clown coach cobbler colleague commander commuter companion composer
    conductor contractor cook cop cousin critic crook customer cyclist dancer dealer dentist deputy
    detective diplomat director diver doctor driver drummer drunk drunkard dwarf editor elder
    electrician enemy engineer expert explorer farmer fiddler firefighter fisher florist foreigner
    friend gambler gangster gardener gatekeeper general ghost goalkeeper governor grandchild great-
    grocer guard guest guide guitarist gunner hairdresser heir helper hermit hiker hostage human hunter
    infant innkeeper inspector intern interpreter inventor janitor jeweler jeweller jockey journalist
    judge juggler keeper kid knight lawyer leader lecturer librarian lifeguard listener lodger lookout
    lover magician manager mason mate mayor mechanic merchant messenger miller millionaire miner
    minister monster musician neighbor neighbour newcomer novelist nurse officer official opponent
    organist orphan outlaw owner painter paramedic parent partner passenger patient pensioner person
    pharmacist philosopher photographer physician pianist pickpocket pilot pirate player plumber poet
    politician porter postmaster potter preacher president priest principal prisoner professor
    programmer publisher pupil rancher ranger receptionist referee refugee relative reporter rescuer
    rider rival robber roofer runner sailor scholar schoolmaster scientist scout sculptor secretary
    seller sentry sergeant servant sheep shepherd sheriff shopkeeper singer skater skier smith smuggler
    sniper soldier soloist somebody someone soprano speaker spectator spy stationmaster stepchild
    steward stonemason stowaway stranger striker student superintendent surfer surgeon surveyor suspect
    swimmer swindler tailor teacher technician teenager teller tenant thief thug toddler tourist tracker
    trader trainer trapper traveler traveller trombonist trumpeter twin typist tyrant undertaker usher
    vet veteran veterinarian victim villager villain violinist visitor volunteer voter walker warden
    warrior watchmaker weaver welder winner witness woodcutter worker writer youngster
    """.split()  # noqa: SIM905 (words in lines can be read)
)
_ANIMALS = frozenset(
    """
    animal bear beast bird calf camel cat chick creature crow dog dolphin donkey dragon duck eagle
    elephant falcon ferret foal fox frog goat goose gull hare hawk hedgehog horse hound kitten lamb lion
    llama magpie monkey mule octopus otter owl ox parrot pelican penguin pig pigeon pony puppy rabbit
    raven reindeer seagull seal spider squirrel stork swan tiger tortoise turtle whale wolf
    """.split()  # noqa: SIM905
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
    """Return the gender that a noun for a person tells, "" if it tells none, None if it is no such noun."""
    if noun in _EITHER or noun.endswith(_ENDINGS):
        return ""
    if noun in _FEMALE or noun.endswith(_FEMALE_ENDINGS):
        return "woman"
    if noun in _MALE or noun.endswith(_MALE_ENDINGS):
        return "man"
    return None


def is_animal(noun: str) -> bool:
    """Return whether a noun names an animal, of which some speak as "he" or "she"."""
    return noun in _ANIMALS


def may_have_name(noun: str) -> bool:
    """Return whether a name may stand beside a noun: "her friend Tom", "the ship Aurora"."""
    return noun in _THINGS or is_animal(noun) or gender_of(noun) is not None
