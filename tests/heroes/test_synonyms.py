"""Synonyms: which known word a typed one stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.errors import NotUnderstood
from bot.heroes.hero import Hero
from bot.heroes.suggestions import suggest_heroes
from bot.heroes.synonyms import Lexicon, spelling_key
from bot.heroes.vocabulary import Vocabulary
from tests.heroes.test_hero import FILE, VOCABULARY

KNOWN = (*VOCABULARY.powers, *VOCABULARY.grid.other_powers)
SYNONYMS = [
    (synonym, power)
    for language in VOCABULARY.synonyms.values()
    for power, words in language.powers.items()
    for synonym in words
]


@pytest.mark.parametrize(
    ("typed", "power"),
    [
        ("flying", "flight"),
        ("levitation", "flight"),
        ("Fly!", "flight"),
        ("teleportation", "teleport"),
        ("teleporting", "teleport"),
        ("mind reading", "read in the thoughts"),
        ("mind-reading", "read in the thoughts"),
        ("reading thoughts", "read in the thoughts"),
        ("read in the thoughts", "read in the thoughts"),
        ("invisible", "invisibility"),
        ("super-strength", "super strength"),
        ("SUPER STRENGTH", "super strength"),
        ("superstrength", "super strength"),
        ("x ray vision", "x-ray vision"),
        ("pyrokinesis", "controlling fire"),
        ("Heilung", "healing"),
        ("Unsichtbarkeit", "invisibility"),
        ("Gedanken lesen", "read in the thoughts"),
        ("Mit Tieren sprechen", "talking to animals"),
        ("Superstärke", "super strength"),
        ("SUPERSTA\u0308RKE", "super strength"),
        ("SUPERSTARKE", "super strength"),
        ("guérison", "healing"),
        ("guerison", "healing"),
        ("Guérir", "healing"),
        ("invisibilite", "invisibility"),
        ("voler", "flight"),
        ("se téléporter", "teleport"),
        ("lire dans les pensees", "read in the thoughts"),
        ("contrôler l’eau", "controlling water"),  # noqa: RUF001 (people type the curly apostrophe)
        ("controler l'eau", "controlling water"),
        ("entendre battre les coeurs", "hearing heartbeats"),
        ("flight of fancy", "flight of fancy"),
        ("juggling", "juggling"),
    ],
)
def test_a_power_has_synonyms(typed: str, power: str) -> None:
    assert VOCABULARY.parse(f"40 woman {typed}") == Hero(40, "woman", power)


@pytest.mark.parametrize(
    ("typed", "gender"),
    [
        ("man", "man"),
        ("Male", "man"),
        ("Mann", "man"),
        ("m", "man"),
        ("FEMALE", "woman"),
        ("lady", "woman"),
        ("Frau", "woman"),
        ("person", "person"),
        ("nonbinary", "person"),
        ("Non-Binary", "person"),
        ("non binary", "person"),
        ("enby", "person"),
        ("they", "person"),
        ("divers", "person"),
        ("nichtbinär", "person"),
        ("nichtbinar", "person"),
        ("homme", "man"),
        ("mâle", "man"),
        ("Femme", "woman"),
        ("feminin", "woman"),
        ("personne", "person"),
        ("non binaire", "person"),
        ("iel", "person"),
        ("être humain", "person"),
    ],
)
def test_a_gender_has_synonyms(typed: str, gender: str) -> None:
    for text in (f"40 {typed} healing", f"40, {typed}, Heilung ->", f"healing, {typed}, 40"):
        assert VOCABULARY.parse(text) == Hero(40, gender, "healing")


@pytest.mark.parametrize("power", KNOWN)
def test_every_power_stands_for_itself(power: str) -> None:
    assert VOCABULARY.power(power) == power


@pytest.mark.parametrize(
    "typed", ["40 Frau Heilung", "40 femme guérison", "40 femme guerison", "40 Frau guérir"]
)
def test_a_hero_is_understood_in_any_language(typed: str) -> None:
    assert VOCABULARY.parse(typed) == Hero(40, "woman", "healing")


@pytest.mark.parametrize("gender", VOCABULARY.genders)
@pytest.mark.parametrize("language", VOCABULARY.synonyms)
def test_every_gender_has_synonyms_in_each_language(language: str, gender: str) -> None:
    assert VOCABULARY.synonyms[language].genders[gender]


@pytest.mark.parametrize(
    "vowel_sign", ["\N{DEVANAGARI VOWEL SIGN I}", "\N{ARABIC FATHA}", "\N{HEBREW POINT PATAH}"]
)
def test_a_mark_that_is_a_vowel_is_no_accent(vowel_sign: str) -> None:
    assert spelling_key(f"a{vowel_sign}") != spelling_key("a")


def test_every_synonym_is_understood_in_all_its_spellings() -> None:
    for synonym, power in SYNONYMS:
        for spelling in (synonym, synonym.upper(), synonym.replace(" ", "-"), f"{synonym}."):
            assert VOCABULARY.power(spelling) == power, spelling


def test_a_description_of_a_synonym_trains_as_that_of_its_power() -> None:
    assert VOCABULARY.trains(VOCABULARY.parse("40 woman flying"))
    assert not VOCABULARY.trains(Hero(40, "woman", "flying"))  # as a row from before there were synonyms


def test_an_added_power_keeps_training_although_it_has_become_a_synonym() -> None:
    older = VOCABULARY.with_powers(["flying"])
    assert older.trains(Hero(40, "woman", "flying"))
    assert not any("flying" in hero for hero in suggest_heroes(older, "40 woman "))


def test_powers_that_fit_by_a_part_are_suggested_in_the_readers_language_as_well() -> None:
    french = suggest_heroes(VOCABULARY, "30 homme vis", language="fr")
    assert "30 homme invisibilité" in french
    assert "30 homme invisibility" not in french
    assert suggest_heroes(VOCABULARY, "30 homme heal", language="fr") == ["30 homme healing"]  # typed so
    assert "30 man invisibility" in suggest_heroes(VOCABULARY, "30 man vis", language="fr")


def test_the_synonyms_of_the_file_are_those_of_its_powers() -> None:
    assert {power for _, power in SYNONYMS} <= set(KNOWN)
    assert set(VOCABULARY.spoken) <= set(KNOWN)


def test_synonyms_of_an_unknown_gender_are_left_out_and_those_of_an_added_power_hold() -> None:
    synonyms = {"en": {"genders": {"robot": ["android"]}, "powers": {"juggling": ["juggle"]}}}
    some = Vocabulary.model_validate({**VOCABULARY.model_dump(), "synonyms": synonyms})
    assert some.parse("40 man juggle") == Hero(40, "man", "juggling")
    with pytest.raises(NotUnderstood, match='I do not know the gender "android"'):
        some.parse("40 android juggle")


@given(st.sampled_from(SYNONYMS), st.sampled_from(VOCABULARY.genders), st.integers(18, 120))
def test_the_beginning_of_a_synonym_suggests_its_power(
    synonym: tuple[str, str], gender: str, age: int
) -> None:
    typed, power = synonym
    suggested = suggest_heroes(VOCABULARY, f"{age} {gender} {typed}")
    if power in VOCABULARY.powers:
        assert VOCABULARY.typed(Hero(age, gender, power)) in suggested
    assert f"{age} {gender} {typed}" not in suggested or typed in VOCABULARY.spoken.values()


@given(st.text(max_size=30))
def test_the_key_of_a_spelling_is_its_own_key(word: str) -> None:
    assert spelling_key(spelling_key(word)) == spelling_key(word)


@pytest.mark.parametrize(
    ("known", "synonyms", "reason"),
    [
        (["flight", "ice"], {"flight": ("cold",), "ice": ("cold",)}, "'cold' cannot stand for 'ice'"),
        (["flight", "ice"], {"flight": ("ICE",)}, "it stands for 'ice'"),
    ],
)
def test_mistakes_in_the_lists_are_named(
    known: list[str], synonyms: dict[str, tuple[str, ...]], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Lexicon(known, [synonyms])


@pytest.mark.parametrize(
    ("section", "value", "reason"),
    [
        ("synonyms", {"en": {"powers": {"healing": ["<heal>"]}}}, "plain words"),
        ("synonyms", {"en": {"powers": {"juggling": ["flight"]}}}, "'flight' cannot stand for 'juggling'"),
        ("synonyms", {"en": {"genders": {"man": ["woman"]}}}, "'woman' cannot stand for 'man'"),
        ("spoken", {"teleport": "healing"}, "it stands for 'healing'"),
        ("spoken", {"teleport": "*teleporting*"}, "plain words"),
        ("limits", {"youngest": 30, "oldest": 20, "power_characters": 60}, "youngest is 30"),
        ("limits", {"youngest": 21, "oldest": 99, "power_characters": 60}, "age 18 in the grid"),
    ],
)
def test_the_file_is_checked(section: str, value: object, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Vocabulary.model_validate({**FILE.vocabulary.model_dump(), section: value})
