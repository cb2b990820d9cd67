"""Messages: stored with their fields and translated when they are read."""

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


def round_trip(sentence: LocalizedMessage) -> LocalizedMessage:
    """Store a message as JSON and read it."""
    return LocalizedMessage.from_json(json.loads(json.dumps(sentence.to_json())))


def test_a_message_is_english_until_it_is_translated(german: Translator) -> None:
    sentence = LocalizedMessage("{model} is trained.", model=LocalizedMessage("Model {number}", number=3))
    assert str(sentence) == "Model 3 is trained."
    assert german(round_trip(sentence)) == "Modell 3 ist trainiert."


def test_messages_in_fields_and_lists_are_translated(german: Translator) -> None:
    reasons = [
        LocalizedMessage("{number:,} {reason}", number=1200, reason=LocalizedMessage("too short")),
        LocalizedMessage("{number:,} {reason}", number=1, reason=LocalizedMessage("empty")),
    ]
    sentence = round_trip(LocalizedMessage("Left out: {reasons}.", reasons=reasons))
    assert str(sentence) == "Left out: 1,200 too short, 1 empty."
    assert german(sentence) == "Weggelassen: 1.200 zu kurz, 1 leer."


def test_counted_messages_have_plural_forms(german: Translator) -> None:
    for number, english, said in ((1, "1 tie", "1-mal gleich gut"), (2, "2 ties", "2-mal gleich gut")):
        sentence = round_trip(LocalizedMessage.counted("{number} tie", "{number} ties", number))
        assert (str(sentence), german(sentence)) == (english, said)


def test_numbers_have_the_languages_separators_and_words_do_not(german: Translator) -> None:
    cost = LocalizedMessage(", ${cost:,.4f} paid", cost=1234.5)
    assert (ENGLISH(cost), german(cost)) == (", $1,234.5000 paid", ", $1.234,5000 bezahlt")
    assert german("Asked by the name `{name}`", name="smol-1.7,b") == "Gefragt unter dem Namen `smol-1.7,b`"


def test_numbers_and_shares_are_french_in_french() -> None:
    french = Catalogues(ROOT / "data" / "languages").translator_for("fr")
    space = "\N{NARROW NO-BREAK SPACE}"
    paid = french(LocalizedMessage(", ${cost:,.4f} paid", cost=1234.5))
    assert paid == f", 1{space}234,5000{space}$ payés"
    assert french(LocalizedMessage(" ({share:.0%} for it)", share=0.5)) == " (50\N{NO-BREAK SPACE}% pour lui)"
    assert french("{number:,} {reason}", number=1200, reason="1,200") == f"1{space}200 1,200"


def test_a_share_has_the_languages_percent_sign(german: Translator, tmp_path: Path) -> None:
    share = LocalizedMessage(" ({share:.0%} for it)", share=0.5)
    assert (ENGLISH(share), german(share)) == (" (50% for it)", " (50\N{NO-BREAK SPACE}% dafür)")
    header = 'msgid ""\nmsgstr ""\n"Language: tr\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    (tmp_path / "tr.po").write_text(header)
    in_front = Catalogues(tmp_path).translator_for("tr")  # %50, which is not done
    assert in_front(share) == " (50% for it)"


def test_foreign_text_is_not_a_template(german: Translator) -> None:
    """A server's message, or a message of an older version, may contain braces."""
    error = UserError("The model server refused: {reason}", reason="{0} {secret} %s")
    assert german(round_trip(error.message)) == "Der Modellserver hat abgelehnt: {0} {secret} %s"
    assert german(LocalizedMessage.from_json('It said {"no": 1}.')) == 'It said {"no": 1}.'


def test_an_empty_message_stays_empty(german: Translator) -> None:
    assert german(LocalizedMessage("")) == ""


def test_a_field_of_another_type_is_stored_as_text() -> None:
    assert round_trip(LocalizedMessage("Asked by the name `{name}`", name=Path("a/b"))) == LocalizedMessage(
        "Asked by the name `{name}`", name="a/b"
    )


@pytest.mark.parametrize(
    ("template", "fields", "english", "says_german"),
    [
        ("Run {/finetune}.", {}, "Run /finetune.", "Run /finetune."),
        ("`{/models compare a:{n}}`", {"n": 3}, "`/models compare a:3`", "`/modelle vergleichen a:3`"),
        ("{/hero hero:{typed}}", {"typed": "40 woman ice"}, "/hero 40 woman ice", "/hero 40 woman ice"),
        ("{/models deployed model:{n} name:...}", {"n": 1}, "/models deployed model:1 name:...", None),
    ],
)
def test_a_command_is_a_field_that_discord_writes_in_the_readers_language(
    german: Translator, template: str, fields: dict[str, object], english: str, says_german: str | None
) -> None:
    message = round_trip(LocalizedMessage(template, **fields))
    assert str(message) == english
    assert german(message) == (says_german or "/modelle bereitgestellt modell:1 name:...")


@pytest.mark.parametrize("text", ['{"path": "{/v1/files}"}', "{/", "{/a} {0}", "{/x {y}}"])
def test_foreign_text_that_looks_like_a_command_is_left_as_it_is_or_whole(
    german: Translator, text: str
) -> None:
    stored = LocalizedMessage.from_json(text)
    assert german(stored) == text or "/" in german(stored)
