"""Texts that are drawn again because curation finds a fault in them, without Discord."""

import asyncio
import logging
from collections.abc import Callable

import pytest
from sqlalchemy import select

from bot.app import App, open_app
from bot.errors import OverBudget, Stopped
from bot.heroes.hero import Hero
from bot.heroes.takes import take_of
from bot.llm.budget import Account
from bot.llm.stream import Stream
from bot.serving.generator import GeneratedText
from bot.settings import Settings
from bot.store.models import Model
from bot.store.schema import spending
from tests.support.scripted_server import Script, describe

HERO = Hero(40, "woman", "healing")
TUNED = Model(
    id=1,
    name="ft:tiny:1",
    base="tiny",
    dataset_id=1,
    job_id=1,
    state="live",
    metrics={},
    verdict=None,
    served_as="ft:tiny:1",
    retires_on=None,
    challenges_until=None,
    created_at=0.0,
)
GOOD = describe("40", "woman", "healing")
FIRST = GOOD.split(". ")[0] + ". "
TOO_SHORT = FIRST.strip()
REPEATED = f"{GOOD} {GOOD}"
OTHER_AGE = GOOD.replace("40", "41")
FAULTY = {
    "another age": OTHER_AGE,
    "another gender": GOOD.replace("woman", "man"),
    "another name": GOOD.replace("Robin is", "Robin is Olga Brown,"),
}

pytestmark = pytest.mark.settings(draws=4)


async def draw(app: App, stream: Stream | None = None) -> GeneratedText:
    """Have a tuned model describe the hero."""
    return await app.describer.generate(HERO, stream or Stream(), TUNED)


async def draw_before(app: App, is_shown: Callable[[str], bool]) -> GeneratedText:
    """Describe the hero, while somebody sees what the text has come to whenever is_shown says so."""
    stream = Stream()

    async def look() -> None:
        while not stream.finished:
            await stream.changed()
            if is_shown(stream.text):
                stream.show()

    looking = asyncio.create_task(look())
    drawn = await draw(app, stream)
    stream.end()
    await looking
    return drawn


@pytest.mark.parametrize("fault", FAULTY)
async def test_a_first_sentence_with_a_fault_is_cut_short_and_drawn_again(
    app: App, script: Script, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    asked = len(script.asked)
    script.texts = [FAULTY[fault], GOOD]
    script.stream.word_delay = 0.01

    drawn = await draw(app)

    assert drawn.text == GOOD
    assert drawn.draws == 2
    assert len(script.asked) == asked + 2
    assert f"draw 1 of 4 has a fault: {fault}" in caplog.text


async def test_a_fault_of_the_whole_text_is_found_at_its_end(app: App, script: Script) -> None:
    script.texts = [TOO_SHORT, REPEATED, GOOD]
    drawn = await draw(app)
    assert (drawn.text, drawn.draws) == (GOOD, 3)
    assert drawn.answer.completion_tokens >= len(GOOD.split()) + len(TOO_SHORT.split())


async def test_the_fewest_faults_win_if_no_draw_is_without(app: App, script: Script) -> None:
    script.texts = [TOO_SHORT, *["I am you."] * 3]
    drawn = await draw(app)
    assert (drawn.text, drawn.draws) == (TOO_SHORT, 4)
    assert script.texts == []


async def test_the_last_draw_is_taken_as_it_comes(app: App, script: Script) -> None:
    faulty = FAULTY["another gender"]
    script.texts = [faulty] * 5
    script.stream.word_delay = 0.001
    assert (await draw(app)).text == faulty
    assert script.texts == [faulty]


async def test_samples_of_jobs_are_drawn_again_as_well(app: App, script: Script) -> None:
    script.texts = [REPEATED, FAULTY["another age"], GOOD]
    (compared,) = await app.comparer.compare([HERO], [(app.comparer.base_title, TUNED)], Account("tuning", 2))
    assert compared.sides[0].text == GOOD


@pytest.mark.parametrize("ending", ["You are not Olga Brown.", "She.", f"{FIRST}She is tired."])
async def test_what_was_seen_stays_and_the_rest_is_drawn_again(app: App, script: Script, ending: str) -> None:
    script.texts = [f"{FIRST}{ending}", f" {GOOD.removeprefix(FIRST)}"]
    script.stream.word_delay = 0.02

    drawn = await draw_before(app, lambda text: text == TOO_SHORT)

    assert drawn.text == GOOD
    assert drawn.draws == 2
    assert script.asked[-1]["messages"][-1] == {"role": "assistant", "content": TOO_SHORT}


async def test_a_sentence_with_a_fault_is_seen_by_nobody(app: App, script: Script) -> None:
    script.texts = [f"{FIRST}Her sister Olga Brown sings, and she sleeps.", f" {GOOD.removeprefix(FIRST)}"]
    script.stream.word_delay = 0.02
    shown: list[str] = []

    def note(text: str) -> bool:
        shown.append(text)
        return True

    drawn = await draw_before(app, note)

    assert (drawn.text, drawn.draws) == (GOOD, 2)
    assert TOO_SHORT in shown
    assert "Olga" not in "".join(shown)


async def test_a_sentence_of_which_a_part_was_seen_is_kept_whole(app: App, script: Script) -> None:
    script.texts = [f"{FIRST}You are not Olga Brown.", f" {GOOD.removeprefix(FIRST)}"]
    script.stream.word_delay = 0.02
    stream = Stream()

    async def look() -> None:
        await stream.changed()
        stream.show(10)  # as a duel does, whose other text is that short

    looking = asyncio.create_task(look())
    drawn = await draw(app, stream)
    await looking

    assert (drawn.text, drawn.draws) == (GOOD, 2)
    assert script.asked[-1]["messages"][-1]["content"] == TOO_SHORT


@pytest.mark.settings(draws=1)
async def test_a_single_draw_is_shown_word_by_word(app: App, script: Script) -> None:
    script.texts = [OTHER_AGE]
    script.stream.word_delay = 0.02
    stream = Stream()
    writing = asyncio.create_task(draw(app, stream))
    while not stream.text.startswith("Robin is"):
        await stream.changed()
    assert not stream.text.endswith(".")
    await writing
    assert script.texts == []


@pytest.mark.parametrize("seen", [True, False])
async def test_a_stop_at_the_second_draw_keeps_what_was_seen(app: App, script: Script, seen: bool) -> None:
    script.texts = [f"{FIRST}You are not Olga Brown.", GOOD]
    script.stream.word_delay = 0.02
    asked = len(script.asked)
    stream = Stream()

    def stop_at_second_draw(when: str, _request: object) -> None:
        if seen and len(script.asked) == asked and when == "before":
            stream.seen = TOO_SHORT
        if when == "before" and len(script.asked) == asked + 1:
            stream.stop()

    script.on_request = stop_at_second_draw
    if seen:
        drawn = await draw(app, stream)
        assert (drawn.text, drawn.answer.finish_reason) == (TOO_SHORT, "stopped")
    else:
        with pytest.raises(Stopped):
            await draw(app, stream)


async def test_a_draw_that_fails_leaves_the_one_before(app: App, script: Script) -> None:
    script.texts = [TOO_SHORT]
    asked = len(script.asked)

    def refuse_second_draw(when: str, _request: object) -> None:
        if when == "before" and len(script.asked) == asked + 1:
            script.failures = [402]

    script.on_request = refuse_second_draw
    drawn = await draw(app)
    assert (drawn.text, drawn.draws) == (TOO_SHORT, 1)


@pytest.mark.parametrize(("setting", "draws"), [(None, 1), (3, 3)])
async def test_a_priced_model_draws_once_unless_a_setting_says_otherwise(
    hosted: Settings, script: Script, setting: int | None, draws: int
) -> None:
    async with open_app(hosted.model_copy(update={"draws": setting})) as app:
        script.texts = [REPEATED] * 3
        drawn = await app.describer.describe(HERO, requester=1)
        assert drawn.sampling["draws"] == draws
        async with app.db.read() as tx:
            (calls,) = (await tx.execute(select(spending.c.calls))).scalars()
        assert calls == draws


async def test_a_price_of_nothing_draws_again(hosted: Settings, script: Script) -> None:
    hosted.prices_file.write_text("[models.dear]\ninput = 0\noutput = 0\n")
    async with open_app(hosted.model_copy(update={"draws": None})) as app:
        script.texts = [REPEATED, GOOD]
        assert (await app.describer.describe(HERO, requester=1)).text == GOOD


async def test_the_engine_draws_four_times_without_a_setting(settings: Settings) -> None:
    async with open_app(settings.model_copy(update={"draws": None})) as app:
        assert app.describer._generator._limit.of("ft:smollm2:1") == 4


async def test_the_daily_budget_ends_the_draws(hosted: Settings, script: Script) -> None:
    async with open_app(hosted.model_copy(update={"draws": 4, "daily_budget": 0.6})) as app:
        script.texts = [TOO_SHORT] * 4
        drawn = await app.describer.describe(HERO, requester=1)
        assert (drawn.text, drawn.sampling["draws"]) == (TOO_SHORT, 1)
        with pytest.raises(OverBudget):
            await app.describer.describe(HERO, requester=2)


async def test_another_take_that_repeats_the_text_before_is_drawn_again(app: App, script: Script) -> None:
    take = take_of(1, HERO, GOOD, app.heroes.curation)
    other = f" {GOOD.removeprefix(FIRST).replace('. ', ' at last. ')[:-1]} today."
    script.texts = [GOOD.removeprefix(FIRST.strip()), other]
    drawn = await app.describer.generate(HERO, Stream(), TUNED, take)
    assert (drawn.text, drawn.draws) == (FIRST.strip() + other, 2)
