"""Sentences: kept with their fields, said in whatever language they are read in."""

import json
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.i18n.catalogues import Languages
from bot.i18n.message import ENGLISH, Language, Sentence
from bot.settings import ROOT


@pytest.fixture(scope="module")
def german() -> Language:
    return Languages(ROOT / "data" / "languages").of("de")


def again(sentence: Sentence) -> Sentence:
    """What is read of a sentence that was kept."""
    return Sentence.from_json(json.loads(json.dumps(sentence.json())))


def test_a_sentence_is_english_until_somebody_reads_it(german: Language) -> None:
    sentence = Sentence("`{name}` is trained as model {number}.", name="tuned", number=3)
    assert str(sentence) == "`tuned` is trained as model 3."
    assert german(again(sentence)) == "`tuned` ist als Modell 3 trainiert."


def test_sentences_within_sentences_and_lists_of_them_are_said_too(german: Language) -> None:
    reasons = [
        Sentence("{number:,} {reason}", number=1200, reason=Sentence("too short")),
        Sentence("{number:,} {reason}", number=1, reason=Sentence("empty")),
    ]
    sentence = again(Sentence("Left out: {reasons}.", reasons=reasons))
    assert str(sentence) == "Left out: 1,200 too short, 1 empty."
    assert german(sentence) == "Weggelassen: 1.200 zu kurz, 1 leer."


def test_counted_sentences_take_the_forms_of_their_language(german: Language) -> None:
    for number, english, said in ((1, "1 tie", "1-mal gleich gut"), (2, "2 ties", "2-mal gleich gut")):
        sentence = again(Sentence.counted("{number} tie", "{number} ties", number))
        assert (str(sentence), german(sentence)) == (english, said)


def test_numbers_have_the_points_of_their_language_and_words_keep_theirs(german: Language) -> None:
    cost = Sentence(", ${cost:,.4f} paid", cost=1234.5)
    assert (ENGLISH(cost), german(cost)) == (", $1,234.5000 paid", ", $1.234,5000 bezahlt")
    assert german("Asked as `{name}`", name="smol-1.7,b") == "Zu erreichen als `smol-1.7,b`"


def test_what_others_wrote_is_no_template(german: Language) -> None:
    """A server's own words, or a sentence of an older version, may hold anything."""
    error = UserError("The training failed: {reason}", reason="{0} {secret} %s")
    assert german(again(error.sentence)) == "Das Training ist gescheitert: {0} {secret} %s"
    assert german(Sentence.from_json('It said {"no": 1}.')) == 'It said {"no": 1}.'


def test_nothing_said_is_nothing_in_every_language(german: Language) -> None:
    assert german(Sentence("")) == ""


def test_a_field_that_json_does_not_know_is_kept_as_its_text() -> None:
    assert again(Sentence("Asked as `{name}`", name=Path("a/b"))) == Sentence("Asked as `{name}`", name="a/b")
