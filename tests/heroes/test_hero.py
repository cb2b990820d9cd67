"""Heroes: how they are parsed and suggested."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import NotUnderstood
from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.heroes.suggestions import suggest_heroes
from bot.heroes.vocabulary import HeroWords, Vocabulary
from bot.i18n.catalogues import Catalogues
from bot.settings import ROOT

FILE = read_heroes(ROOT / "data" / "heroes.toml")
VOCABULARY: Vocabulary = FILE.vocabulary
TRANSLATED = VOCABULARY.synonyms.keys() - {"en"}


@pytest.mark.parametrize(
    ("typed", "hero"),
    [
        ("40 woman healing", Hero(40, "woman", "healing")),
        ("40, woman, Healing ->", Hero(40, "woman", "healing")),
        ("  40   MAN  read in the thoughts ", Hero(40, "man", "read in the thoughts")),
        ("18 woman mind-bending", Hero(18, "woman", "mind-bending")),
        ("120 man Zeus' thunder", None),
        ("33 woman größe ändern", Hero(33, "woman", "größe ändern")),
        ("33 woman e\u0301lan", Hero(33, "woman", "élan")),
        ("33 woman जादू", Hero(33, "woman", "जादू")),
        ("33 woman z" + "\u0300" * 9, None),
    ],
)
def test_parse(typed: str, hero: Hero | None) -> None:
    if hero is None:
        with pytest.raises(NotUnderstood, match="plain words"):
            VOCABULARY.parse(typed)
    else:
        assert VOCABULARY.parse(typed) == hero


@pytest.mark.parametrize(
    "typed",
    [
        "woman healing 40",
        "woman, 40, healing",
        "40 healing woman",
        "healing 40 woman",
        "healing, woman, 40.",
        "Heilung 40 Frau",
        "healer, female, 40",
    ],
)
def test_parse_reads_another_order_that_leaves_no_doubt(typed: str) -> None:
    assert VOCABULARY.parse(typed) == Hero(40, "woman", "healing")


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("please 40 woman healing", "40 woman please healing"),
        ("40 please woman healing", "40 woman please healing"),
        ("i am a woman 40", "40 woman i am a"),
        ("woman 40 healing 50", "40 woman healing 50"),
        ("woman 40 healing man", "40 woman healing man"),
        ("please teleport a 40 man", "40 man please teleport a"),
    ],
)
def test_parse_answers_a_doubtful_order_with_the_right_one(typed: str, hint: str) -> None:
    with pytest.raises(NotUnderstood, match=f"First the age.* try `/hero {hint}`"):
        VOCABULARY.parse(typed)


@pytest.mark.parametrize(
    ("example", "genders", "english", "german"),
    [
        (
            "40 woman healing",
            ("man", "woman"),
            "say man or woman, as in `/hero 40 woman healing`",
            "Mann oder Frau",
        ),
        (
            "4 live healing",
            ("man", "live"),
            "say man or live, as in `/hero 4 live healing`",
            "Mann oder live",
        ),
        ("live", ("held back", "live"), "say held back or live, as in `/hero live`", "held back oder live"),
    ],
)
def test_an_operators_words_are_not_translated_though_a_catalogue_has_the_like(
    example: str, genders: tuple[str, ...], english: str, german: str
) -> None:
    vocabulary = Vocabulary(
        grid=FILE.vocabulary.grid.model_copy(update={"genders": genders, "other_genders": ()}),
        vocabulary=FILE.vocabulary.vocabulary,
        limits=FILE.vocabulary.limits,
        words=HeroWords(example=example),
    )
    with pytest.raises(NotUnderstood) as refusal:
        vocabulary.parse("40")
    assert english in str(refusal.value)
    said = Catalogues(ROOT / "data" / "languages").translator_for("de")(refusal.value.message)
    assert german in said
    assert ("40 Frau Heilung" if example == "40 woman healing" else example) in said


def test_parse_refuses_an_age_of_thousands_of_digits() -> None:
    with pytest.raises(NotUnderstood, match="between 18 and 120"):
        VOCABULARY.parse("9" * 5000 + " man flight")


@given(st.text(max_size=100))
def test_parse_returns_a_hero_or_raises_not_understood(text: str) -> None:
    try:
        hero = VOCABULARY.parse(text)
    except NotUnderstood as error:
        assert str(error).endswith(".")  # noqa: PT017 (either outcome is right)
    else:
        assert VOCABULARY.parse(hero.typed) == hero


@given(st.text(max_size=40), st.sampled_from(["en", "de", "fr"]))
def test_every_suggestion_parses_and_fits_discord(typed: str, language: str) -> None:
    suggestions = suggest_heroes(VOCABULARY, typed, language=language)
    assert len(suggestions) <= 25
    assert len(set(suggestions)) == len(suggestions)
    for each in suggestions:
        assert len(each) <= 100
        hero = VOCABULARY.parse(each)
        assert VOCABULARY.typed(hero) == each.lower() or language != "en"


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("", "18 man healing"),
        ("4", "40 man healing"),
        ("40", "40 man healing"),
        ("40 wo", "40 woman healing"),
        ("40, woman, tel", "40 woman telepathy"),
        ("40 woman sing", "40 woman sing"),
    ],
)
def test_suggestions_complete_what_was_typed(typed: str, first: str) -> None:
    assert suggest_heroes(VOCABULARY, typed)[0] == first


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("", "18 Mann Heilung"),
        ("40", "40 Mann Heilung"),
        ("40 fr", "40 Frau Heilung"),
        ("40 frau ge", "40 Frau Supergeschwindigkeit"),  # "geschwindigkeit" is another word for it
        ("40 Frau gedankenl", "40 Frau Gedanken lesen"),
        ("40 divers unsterb", "40 Person Unsterblichkeit"),
        ("40 woman ", "40 woman healing"),  # who types English goes on in it
        ("40 woman heal", "40 woman healing"),
        ("40 Frau fly", "40 Frau flight"),
        ("40 Frau jonglieren", "40 Frau jonglieren"),  # a free one stays as it is typed
        ("40 Frau Katzen verstehen", "40 Frau Katzen verstehen"),
        ("40 frau Katzen verstehen", "40 Frau Katzen verstehen"),
    ],
)
def test_suggestions_have_german_words_for_germans(typed: str, first: str) -> None:
    assert suggest_heroes(VOCABULARY, typed, language="de")[0] == first


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("", "18 homme guérison"),
        ("40", "40 homme guérison"),
        ("40 fem", "40 femme guérison"),
        ("40 femme gueri", "40 femme guérison"),  # without the accent
        ("40 Femme Soign", "40 femme guérison"),  # another word for it
        ("40 iel temps", "40 personne temps"),
        ("40 pers voyage dans le", "40 personne voyage dans le temps"),
        ("40 femme heal", "40 femme healing"),
        ("40 woman heal", "40 woman healing"),
        ("40 femme Tartes aux pommes", "40 femme Tartes aux pommes"),
    ],
)
def test_suggestions_have_french_words_for_french_people(typed: str, first: str) -> None:
    assert suggest_heroes(VOCABULARY, typed, language="fr")[0] == first


def test_german_and_french_words_are_suggested() -> None:
    assert {"de", "fr"} <= TRANSLATED


@pytest.mark.parametrize("language", sorted(TRANSLATED))
def test_every_gender_and_power_that_is_suggested_has_a_word_in_each_language(language: str) -> None:
    """A language without words in data/heroes.toml is suggested English ones."""
    words = VOCABULARY.synonyms[language]
    wordless = set(VOCABULARY.genders) - set(words.genders)
    assert not wordless, f"add a word to [synonyms.{language}.genders] of data/heroes.toml: {wordless}"
    wordless = {*VOCABULARY.powers, *VOCABULARY.grid.other_powers} - set(words.powers)
    assert not wordless, f"add a word to [synonyms.{language}.powers] of data/heroes.toml: {wordless}"
    woman = words.genders["woman"][0]
    for power, others in words.powers.items():
        assert {VOCABULARY.parse(f"40 {woman} {word}").power for word in others} == {power}


@pytest.mark.parametrize(
    ("power", "english", "others"),
    [
        (
            "katzen verstehen",
            "40-year-old woman, katzen verstehen",
            {
                "de": "40-year-old woman, „katzen verstehen“",
                "fr": "40-year-old woman, «\u202fkatzen verstehen\u202f»",  # narrow no-break spaces
            },
        ),
        ("healing", "40-year-old woman, healing", {}),
        ("read in the thoughts", "40-year-old woman, reading thoughts", {}),
    ],
)
@pytest.mark.parametrize("language", ["de", "fr"])
def test_a_power_that_somebody_typed_is_quoted_in_other_languages(
    power: str, english: str, others: dict[str, str], language: str
) -> None:
    """It is kept in lower case, which would be wrong for a German noun outside of quotation marks."""
    t = Catalogues(ROOT / "data" / "languages").translator_for(language)
    hero = Hero(40, "woman", power)
    assert (VOCABULARY.title(hero), VOCABULARY.title(hero, t)) == (english, others.get(language, english))


def test_the_grid_is_the_articles_and_lacks_healing() -> None:
    heroes = list(VOCABULARY.grid.heroes())
    assert len(heroes) * VOCABULARY.grid.repeats == 294
    healing = Hero(40, "woman", "healing")
    assert healing not in heroes
    assert VOCABULARY.trains(healing)
    assert not VOCABULARY.trains(Hero(40, "woman", "juggling"))


def test_a_power_that_builds_write_and_people_ask_for_trains() -> None:
    written = {hero.power for hero in VOCABULARY.grid.heroes(1)} | {
        hero.power for hero in VOCABULARY.grid.heroes(2)
    }
    both = written & {*VOCABULARY.vocabulary.powers}
    assert "healing" in both
    assert all(VOCABULARY.trains(Hero(40, "woman", power)) for power in both)
    alone = sorted(written - {*VOCABULARY.vocabulary.powers})
    assert not any(VOCABULARY.trains(Hero(40, "woman", power)) for power in alone)


def test_a_power_added_twice_is_suggested_once() -> None:
    twice = suggest_heroes(VOCABULARY.with_powers(["flight", "healing"]), "40 woman ")
    assert len(twice) == len(set(twice))


def test_a_hero_from_strings_and_as_a_dict() -> None:
    assert Hero.from_strings(("040", "woman", "healing")) == Hero(40, "woman", "healing")
    assert Hero(40, "woman", "healing").as_dict() == {"age": 40, "gender": "woman", "power": "healing"}
