"""Choosing: which answers may train, and a person's last word."""

from dataclasses import replace

import pytest

from bot.app import App
from bot.dataset.build.plan import Slot
from bot.heroes.hero import Hero
from bot.store.examples import StoredAnswer
from tests.support.scripted_server import describe

SLOT = Slot(Hero(40, "woman", "flight"), 0)
GOOD = describe("40", "woman", "flight")


def answered(text: str, **changes: object) -> StoredAnswer:
    return replace(StoredAnswer(1, "k", text, "stop", None, None, None), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("example", "fault"),
    [
        (answered(GOOD), None),
        (answered(GOOD.replace("40-year-old", "30-year-old")), "another age"),
        (answered(GOOD, flagged=True), "flagged by moderation"),
        (answered(GOOD, finish_reason="content_filter"), "filtered by the provider"),
        (answered("She rises and", finish_reason="length"), "unfinished"),
        (answered("She rises and"), "too short"),
        (answered(GOOD + " Write out the entire description in a maximum."), "quotes the prompt"),
        (answered(GOOD, verdict="reject"), "rejected in review"),
    ],
)
async def test_every_rule_has_its_name(app: App, example: StoredAnswer, fault: str | None) -> None:
    assert app.selector.judge(SLOT, example)[1] == fault


async def test_naming_a_power_of_many_words_is_no_quotation(app: App) -> None:
    slot = Slot(Hero(40, "woman", "turning lead into gold"), 0)
    assert not app.selector.quotes_the_prompt(slot, "Mira has the superpower of turning lead into gold.")
    assert app.selector.quotes_the_prompt(slot, "Here: a 40-year-old woman fictional character who has it.")


async def test_what_a_person_keeps_or_writes_counts_whatever_the_rules_say(app: App) -> None:
    assert app.selector.judge(SLOT, answered("She rises.", verdict="keep")) == ("She rises.", None)
    edited = answered("She rises.", verdict="edit", edited="She soars.")
    assert app.selector.judge(SLOT, edited) == ("She soars.", None)
    assert app.selector.judge(SLOT, answered(GOOD), {1})[1] == "much like another"
