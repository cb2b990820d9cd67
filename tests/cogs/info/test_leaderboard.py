"""/top and /about: the real bot in a simulated Discord."""

import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from bot.app import App, Timing
from bot.client import HeroBot
from bot.settings import Settings
from bot.store.duels import Result
from bot.store.schema import dataset, description
from tests.conftest import HOME, Stage
from tests.support.duels import vote_unanimously
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune
from tests.support.writers import of_one_taste

SOURCE, POLICY = "https://example.org/source", "https://example.org/privacy"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"source_url": SOURCE, "privacy_url": POLICY})


@pytest.fixture
def clock() -> list[float]:
    """Return what the clock shows, in seconds since 1970."""
    return [time.time()]


@pytest.fixture
def timing(clock: list[float]) -> Timing:
    return Timing(clock=lambda: clock[0])


async def describe(
    app: App,
    typed: str,
    *,
    ups: int = 0,
    downs: int = 0,
    guild_id: int | None = HOME,
    made: float | None = None,
) -> int:
    """Store a description with votes of simulated voters, and return its id. made: when it was made."""
    hero = app.heroes.vocabulary.parse(typed)
    stored = await app.describer.describe(hero, requester=7, guild_id=guild_id)
    for number in range(ups + downs):
        await app.votes.simulate(stored.id, f"voter {number}", "👍" if number < ups else "👎")
    if made is not None:
        async with app.db.write() as tx:
            await tx.execute(update(description).where(description.c.id == stored.id).values(created_at=made))
    return stored.id


async def top(stage: Stage, **options: bool | str) -> tuple[str, str]:
    """Run /top as Ana and return its title and text."""
    result = await stage.ana.slash(stage.channel, "top", **options)
    assert result.response is not None
    (embed,) = result.response.embeds
    return embed.title or "", embed.description or ""


def footer(stage: Stage) -> str:
    return stage.channel.history()[-1].embeds[0].footer.text or ""


async def test_empty_page_says_how_to_get_in(stage: Stage) -> None:
    title, text = await top(stage)
    assert title == "Hall of fame of this server"
    assert "Nobody is in it yet" in text


async def test_best_come_first_with_their_votes(stage: Stage, app: App) -> None:
    await describe(app, "40 woman healing", ups=3, downs=2)
    await describe(app, "40 woman rage", ups=1, downs=2)
    await describe(app, "30 man flying", ups=5)
    await describe(app, "50 woman telepathy", ups=2, downs=1)

    _, text = await top(stage)

    first, second, third = (line for line in text.split("\n") if line.startswith("**"))
    assert first == "**1. 30-year-old man, flight** · 👍 5 👎 0"
    assert second.startswith("**2. 50-year-old woman, telepathy**")
    assert third.startswith("**3. 40-year-old woman, healing**")
    assert "rage" not in text  # most voters dislike it
    assert "%" not in text
    assert text.count("\n\n") == 2
    assert footer(stage).startswith("The best liked come first")  # a number only where there are more pages


async def test_removed_and_deleted_descriptions_are_not_shown(stage: Stage, app: App) -> None:
    removed = await describe(app, "30 man flying", ups=5)
    await describe(app, "40 woman healing", ups=5)
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id == removed).values(removed_at=1.0))

    _, text = await top(stage)
    assert "flying" not in text
    await app.privacy.delete(7)
    _, text = await top(stage)
    assert "Nobody is in it yet" in text


async def test_everywhere_shows_other_servers_heroes_of_the_vocabulary_only(stage: Stage, app: App) -> None:
    await describe(app, "40 woman healing", ups=3, guild_id=1)
    await describe(app, "40 woman knitting fog", ups=3, guild_id=1)

    assert "Nobody" in (await top(stage))[1]
    title, text = await top(stage, everywhere=True)
    assert title == "Hall of fame of all servers"
    assert "healing" in text
    assert "knitting" not in text


async def test_page_buttons_outlive_a_restart(stage: Stage, app: App) -> None:
    for age in range(20, 32):
        await describe(app, f"{age} woman healing", ups=age - 18)
    await stage.ana.slash(stage.channel, "top")
    assert "**1. 31-year-old" in (stage.channel.history()[-1].embeds[0].description or "")

    assert footer(stage).startswith("Page 1. The best liked come first")

    await stage.env.restart_bot(HeroBot(app))
    await stage.ben.click(stage.channel.history()[-1], label="▶")
    assert "**6. 26-year-old" in (stage.channel.history()[-1].embeds[0].description or "")
    await stage.ben.click(stage.channel.history()[-1], label="▶")
    text = stage.channel.history()[-1].embeds[0].description or ""
    assert "**12. 20-year-old" in text
    assert "**13." not in text
    assert footer(stage).startswith("Page 3. The best liked")
    await stage.ben.click(stage.channel.history()[-1], label="◀")
    assert "**6. 26-year-old" in (stage.channel.history()[-1].embeds[0].description or "")
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.age < 28).values(removed_at=1.0))
    await stage.ben.click(stage.channel.history()[-1], label="▶")
    assert "**1. 31-year-old" in (stage.channel.history()[-1].embeds[0].description or "")


async def test_periods_begin_at_the_servers_midnight_and_pages_keep_them(
    stage: Stage, app: App, clock: list[float]
) -> None:
    await stage.olga.slash(stage.channel, "settings weekly", **{"time-zone": "Asia/Tokyo"})
    monday = datetime(2030, 1, 6, 15, tzinfo=UTC).timestamp()  # in Tokyo; UTC still has Sunday
    clock[0] = monday + 60
    for age in range(20, 27):
        await describe(app, f"{age} woman healing", ups=age - 18, made=monday)
    await describe(app, "40 man flying", ups=9, made=monday - 1)

    title, text = await top(stage, period="week")
    assert title == "Hall of fame of this server: this week"
    assert "**1. 26-year-old" in text
    await stage.env.restart_bot(HeroBot(app))
    await stage.ben.click(stage.channel.history()[-1], label="▶")
    embed = stage.channel.history()[-1].embeds[0]
    assert embed.title == "Hall of fame of this server: this week"
    assert (embed.description or "").count("\n\n") == 1
    assert "**7. 20-year-old" in (embed.description or "")
    await stage.ben.click(stage.channel.history()[-1], label="◀")
    assert "**1. 26-year-old" in (stage.channel.history()[-1].embeds[0].description or "")

    assert "**1. 40-year-old man" in (await top(stage, period="month"))[1]
    assert "**1. 40-year-old man" in (await top(stage))[1]
    title, text = await top(stage, period="week", everywhere=True)
    assert title == "Hall of fame of all servers: this week"
    assert "**1. 26-year-old" in text
    clock[0] += 7 * 86_400  # a new week: the page that was shown is beyond its end
    await stage.ben.click(stage.channel.history()[-1], label="▶")
    assert "Nobody is in it yet" in (stage.channel.history()[-1].embeds[0].description or "")


async def test_long_texts_are_escaped_and_fit_into_the_embed(stage: Stage, app: App, script: Script) -> None:
    script.texts = ["**@everyone** [x](http://x) # *_~`> " * 40] * 6
    for age in range(20, 26):
        await describe(app, f"{age} woman healing", ups=2)

    _, text = await top(stage)

    assert len(text) <= 4096
    assert r"\*\*@everyone" in text


@pytest.mark.usefixtures("app")
async def test_about_names_the_base_model_before_any_is_tuned(stage: Stage) -> None:
    result = await stage.ana.slash(stage.channel, "about")
    assert result.response is not None
    (embed,) = result.response.embeds
    model, dataset, loop, votes = (field.value or "" for field in embed.fields)
    assert votes.split("\n") == [
        (
            "- A text may train once 2 people besides the one who asked for it like it; it takes more if "
            "others do not."
        ),
        (
            "- Not counted are votes on a text that one has asked for oneself, of Discord accounts younger "
            "than 7 days, and more than 100 of one person a day."
        ),
    ]
    assert "base model, smollm2-135m-instruct" in model
    assert dataset == "None: the model that answers was not trained here."
    assert loop == "Nothing yet. Ask for the first hero with `/hero`."


@pytest.mark.settings(check_heroes=10)
@pytest.mark.parametrize("state", ["a dataset", "a model that is held back", "a rollback to the base"])
async def test_about_tells_the_model_that_answers_from_what_was_built_here(
    stage: Stage, app: App, script: Script, state: str
) -> None:
    await build(app)
    if state == "a model that is held back":
        script.writers["ft:tiny:1"] = of_one_taste
    if state != "a dataset":
        await finetune(app)
    if state == "a rollback to the base":
        await app.registry.roll_back()

    model, dataset, loop, _ = await about_fields(stage)
    assert (
        model == "The base model, smollm2-135m-instruct, as it came: no model that was trained here is live."
    )
    assert dataset == "None: the model that answers was not trained here."
    assert "1 dataset built" in loop
    assert ("1 model trained" in loop) == (state != "a dataset")

    await stage.olga.slash(stage.channel, "settings language", language="Deutsch")
    model, dataset, *_ = await about_fields(stage)
    assert model.endswith("unverändert: Kein hier trainiertes Modell ist im Dienst.")
    assert dataset == "Keiner: Das Modell, das antwortet, ist nicht hier trainiert."


@pytest.mark.usefixtures("two_models")
@pytest.mark.parametrize("ahead", ["live", "candidate"])
async def test_about_says_how_far_a_trial_is_but_not_who_is_ahead(
    stage: Stage, app: App, ahead: Result
) -> None:
    assert await app.trials.running()
    assert "No vote counts in the trial yet; 12 decide it if all choose" in (await about_fields(stage))[3]
    await vote_unanimously(app, ahead, 3)
    votes = (await about_fields(stage))[3]
    assert votes.split("\n")[-1] == (  # the same, whichever model is ahead
        "- A new model is on trial, by `/duel`. 3 votes count in the trial so far; about 9 more decide it if "
        "people go on like this."
    )


async def about_fields(stage: Stage) -> list[str]:
    """Run /about, and return what it says of the model, of the dataset, of the figures and of votes."""
    result = await stage.ana.slash(stage.channel, "about")
    assert result.response is not None
    return [field.value or "" for field in result.response.embeds[0].fields]


async def test_about_shows_model_dataset_figures_and_links(stage: Stage, app: App) -> None:
    await build(app)
    await finetune(app)
    await describe(app, "40 woman healing", ups=2, downs=1)

    result = await stage.ana.slash(stage.channel, "about")

    assert result.response is not None
    model, dataset, loop, _ = (field.value or "" for field in result.response.embeds[0].fields)
    assert model == "Model 1, trained from smollm2-135m-instruct."
    assert dataset == "Version 1: 16 texts written here by the model."
    assert loop.split("\n") == [
        "- 1 description written",
        "- 3 votes on descriptions, counted or not",
        "- 3 people voted",
        "- 1 dataset built",
        "- 1 model trained; none has gone live by votes so far",
    ]
    (row,) = result.response.message.components
    urls = [getattr(button, "url", None) for button in getattr(row, "children", [])]
    assert urls == [SOURCE, POLICY]


@pytest.mark.parametrize(
    ("counts", "origins"),
    [
        ({"train": 1, "example": 1}, "1 text written here by the model"),
        (
            {"train": 20, "valid": 4, "example": 19, "description": 3, "import": 2},
            "19 texts written here by the model, 3 texts that people liked, 2 imported texts",
        ),
        ({"train": 9, "valid": 1, "import": 10}, "10 imported texts"),
        (
            {"train": 9, "valid": 2, "herosmith-build": 10, "hand-written": 1},
            "10 ready-made texts by a model, 1 text written by hand",
        ),
    ],
)
async def test_about_leaves_out_where_no_text_of_the_dataset_comes_from(
    stage: Stage, app: App, counts: dict[str, int], origins: str
) -> None:
    await build(app)
    await finetune(app)
    async with app.db.write() as tx:
        await tx.execute(update(dataset).values(counts=counts))
    result = await stage.ana.slash(stage.channel, "about")
    assert result.response is not None
    assert result.response.embeds[0].fields[1].value == f"Version 1: {origins}."
