"""Sentences: kept with their fields, said in whatever language they are read in."""

import json
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import ENGLISH, LocalizedMessage, Translator
from bot.settings import ROOT


@pytest.fixture(scope="module")
def german() -> Translator:
    return Catalogues(ROOT / "data" / "languages").translator_for("de")


def again(sentence: LocalizedMessage) -> LocalizedMessage:
    """What is read of a sentence that was kept."""
    return LocalizedMessage.from_json(json.loads(json.dumps(sentence.to_json())))


def test_a_sentence_is_english_until_somebody_reads_it(german: Translator) -> None:
    sentence = LocalizedMessage("`{name}` is trained as model {number}.", name="tuned", number=3)
    assert str(sentence) == "`tuned` is trained as model 3."
    assert german(again(sentence)) == "`tuned` ist als Modell 3 trainiert."


def test_sentences_within_sentences_and_lists_of_them_are_said_too(german: Translator) -> None:
    reasons = [
        LocalizedMessage("{number:,} {reason}", number=1200, reason=LocalizedMessage("too short")),
        LocalizedMessage("{number:,} {reason}", number=1, reason=LocalizedMessage("empty")),
    ]
    sentence = again(LocalizedMessage("Left out: {reasons}.", reasons=reasons))
    assert str(sentence) == "Left out: 1,200 too short, 1 empty."
    assert german(sentence) == "Weggelassen: 1.200 zu kurz, 1 leer."


def test_counted_sentences_take_the_forms_of_their_language(german: Translator) -> None:
    for number, english, said in ((1, "1 tie", "1-mal gleich gut"), (2, "2 ties", "2-mal gleich gut")):
        sentence = again(LocalizedMessage.counted("{number} tie", "{number} ties", number))
        assert (str(sentence), german(sentence)) == (english, said)


def test_numbers_have_the_points_of_their_language_and_words_keep_theirs(german: Translator) -> None:
    cost = LocalizedMessage(", ${cost:,.4f} paid", cost=1234.5)
    assert (ENGLISH(cost), german(cost)) == (", $1,234.5000 paid", ", $1.234,5000 bezahlt")
    assert german("Asked as `{name}`", name="smol-1.7,b") == "Zu erreichen als `smol-1.7,b`"


def test_what_others_wrote_is_no_template(german: Translator) -> None:
    """A server's own words, or a sentence of an older version, may hold anything."""
    error = UserError("The training failed: {reason}", reason="{0} {secret} %s")
    assert german(again(error.sentence)) == "Das Training ist gescheitert: {0} {secret} %s"
    assert german(LocalizedMessage.from_json('It said {"no": 1}.')) == 'It said {"no": 1}.'


def test_nothing_said_is_nothing_in_every_language(german: Translator) -> None:
    assert german(LocalizedMessage("")) == ""


def test_a_field_that_json_does_not_know_is_kept_as_its_text() -> None:
    assert again(LocalizedMessage("Asked as `{name}`", name=Path("a/b"))) == LocalizedMessage(
        "Asked as `{name}`", name="a/b"
    )
