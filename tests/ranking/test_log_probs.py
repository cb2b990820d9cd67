"""Log-probabilities: what is asked and stored, and servers that tell none."""

import pytest

from bot.app import App
from bot.heroes.hero import Hero
from bot.llm.text_scores import TextScorer
from bot.ranking.log_probs import LogProbs
from bot.store.models import Model
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune

pytestmark = pytest.mark.settings(check_heroes=0)

HERO = Hero(40, "woman", "healing")
TEXTS = [(HERO, "Mira heals a goat."), (HERO, "Mira sleeps."), (Hero(30, "man", "flight"), "Mira sleeps.")]


async def silent(_done: int, _total: int) -> None:
    """Ignore the progress."""


async def live(app: App) -> Model:
    await build(app)
    await finetune(app)
    found = await app.registry.live()
    assert found
    return found


def log_probs(app: App) -> LogProbs:
    return LogProbs(app.db, TextScorer(app.client.api), app.heroes.prompts, workers=2)


async def test_each_text_is_asked_for_once(app: App, script: Script) -> None:
    model = await live(app)
    script.log_prob = lambda word: -1.0 if word == "Mira" else -3.0

    assert await log_probs(app).known(model, TEXTS) is None
    found = await log_probs(app).ask(model, TEXTS, silent)

    assert found == pytest.approx([-2.5, -2.0, -2.0])
    asked = [[message["content"] for message in body["messages"]] for body in script.scored]
    assert sorted(asked) == [
        ["30, man, flight ->", "Mira sleeps."],
        ["40, woman, healing ->", "Mira heals a goat."],
        ["40, woman, healing ->", "Mira sleeps."],
    ]
    assert {body["service_tier"] for body in script.scored} == {"flex"}
    more = [*TEXTS, (HERO, "Mira sings.")]
    assert await log_probs(app).ask(model, more, silent) == pytest.approx([-2.5, -2.0, -2.0, -2.0])
    assert len(script.scored) == 4
    assert await log_probs(app).known(model, more) == pytest.approx([-2.5, -2.0, -2.0, -2.0])


async def test_an_engine_that_tells_none_is_not_asked_for_all(app: App, script: Script) -> None:
    model = await live(app)
    script.log_probs = None
    assert await log_probs(app).ask(model, TEXTS * 20, silent) is None
    assert 1 <= len(script.scored) <= 2  # as many as are asked at once


async def test_a_provider_without_the_extension_is_not_asked(app: App, script: Script) -> None:
    model = await live(app)
    without = LogProbs(app.db, None, app.heroes.prompts, workers=2)
    assert await without.ask(model, TEXTS, silent) is None
    assert script.scored == []
