"""Selection: which answers may train, and verdicts of reviews."""

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
    ("example", "reason"),
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
async def test_every_rule_has_its_rejection_reason(
    app: App, example: StoredAnswer, reason: str | None
) -> None:
    assert app.selector.judge(SLOT, example)[1] == reason


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        (" sing to the hens until they fall asleep.", None),
        (" sing to the hens, and he sleeps.", None),  # the sentence ends before "and he"
        (" sing to a boy in his bed.", "another gender"),
        (" sing like a kitten cries on the tip of the roof.", "repeats itself"),  # words of the plot
        (" count" + " hens" * 40 + ".", "repeats itself"),
        (" sing to 12 hens.", "a poor sentence before the plot"),
        (" sing with the power of a hen.", "a poor sentence before the plot"),
        (" sing to chickens and to other chickens.", "a poor sentence before the plot"),
        (" sing to hens and cows and pigs and cats and dogs and mice by the mill.", "a poor sentence before the plot"),
        (" sing " + ", ".join(f"{one}{two}" for one in "abc" for two in "dfghjklmnpqrstv") + ".", "too long"),
        (" sing to the hens", "too short"),  # the model was cut short, so that there is no plot
    ],
)
async def test_the_sentence_before_a_plot_has_rules_of_its_own(
    app: App, sentence: str, reason: str | None
) -> None:
    request = app.heroes.prompts.author_request(SLOT.hero, small=True, seed=1, turn=0)
    assert "kitten" in request.ending
    assert app.selector.judge(SLOT, answered(request.render(sentence)))[1] == reason


async def test_a_text_without_a_plot_may_speak_of_others(app: App) -> None:
    text = GOOD + " A boy knows, but he keeps quiet about it."
    assert app.selector.judge(SLOT, answered(text))[1] is None


async def test_the_words_of_a_power_do_not_count_as_a_quotation(app: App) -> None:
    slot = Slot(Hero(40, "woman", "turning lead into gold"), 0)
    assert not app.selector.quotes_the_prompt(slot, "Mira has the superpower of turning lead into gold.")
    assert app.selector.quotes_the_prompt(slot, "Here: a 40-year-old woman fictional character who has it.")


async def test_verdicts_of_reviews_override_the_rules(app: App) -> None:
    assert app.selector.judge(SLOT, answered("She rises.", verdict="keep")) == ("She rises.", None)
    edited = answered("She rises.", verdict="edit", edited="She soars.")
    assert app.selector.judge(SLOT, edited) == ("She soars.", None)
    assert app.selector.judge(SLOT, answered(GOOD), {1})[1] == "much like another"
