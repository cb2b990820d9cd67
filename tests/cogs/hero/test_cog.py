"""/hero through the real bot in a simulated Discord."""

import pytest

from bot.app import App
from bot.store import descriptions
from tests.conftest import HOME, Stage
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune


async def test_base_model_answers_before_any_model_is_tuned(stage: Stage, script: Script) -> None:
    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    assert result.response is not None
    (embed,) = result.response.embeds
    assert embed.title == "40-year-old woman, healing"
    assert "healing" in (embed.description or "")
    assert "base model, smollm2-135m-instruct" in (embed.footer.text or "")
    assert "Imagine a complete and detailed description of a 40-year-old woman" in str(script.asked[-1])


@pytest.mark.parametrize(
    ("typed", "title", "learns"),
    [
        ("40 woman healing", "40-year-old woman, healing", True),
        ("40 Frau Heilung.", "40-year-old woman, healing", True),
        ("35 nonbinary flying", "35-year-old person, flight", True),
        ("64 man mind reading", "64-year-old man, reading thoughts", True),
        ("18 woman teleport", "18-year-old woman, teleportation", True),
        ("40 woman juggling", "40-year-old woman, juggling", False),
        ("40 woman x-ray eyes", "40-year-old woman, x-ray vision", False),  # among other_powers
    ],
)
async def test_a_card_has_a_title_in_english_and_asks_for_votes_only_if_it_learns_from_them(
    stage: Stage, typed: str, title: str, learns: bool
) -> None:
    result = await stage.ana.slash(stage.channel, "hero", hero=typed)
    assert result.response is not None
    (embed,) = result.response.embeds
    assert embed.title == title
    footer = embed.footer.text or ""
    asks = "Should the bot learn from this text? 👍 👎 It takes 2 people besides the one who asked"
    assert (asks in footer) is learns
    assert ("👍 👎 count for /top, but the bot does not learn from this power" in footer) is not learns


async def test_a_card_says_why_the_bot_does_not_learn_from_a_text(stage: Stage, script: Script) -> None:
    script.texts = ["At the age of 30 she heals a bird, and it flies away."]
    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert result.response is not None
    footer = result.response.embeds[0].footer.text or ""
    assert footer.endswith("👍 👎 count for /top, but the bot does not learn from this text: another age")


async def test_a_card_of_an_added_power_asks_for_votes_in_german(stage: Stage, app: App) -> None:
    await app.guild_settings.change(HOME, language="de")
    for is_added, part in ((False, "lernt der Bot nicht"), (True, "👍")):
        if is_added:
            await app.powers.add("juggling")
        result = await stage.ana.slash(stage.channel, "hero", hero="40 Frau juggling")
        assert result.response is not None
        footer = result.response.embeds[0].footer.text or ""
        assert part in footer
        assert ("lernt der Bot nicht" in footer) is not is_added


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("40 frau hei", "40 woman healing"),
        ("40 woman fly", "40 woman flight"),
        ("40 non-binary tele", "40 person telepathy"),
        ("40 enby mind", "40 person reading thoughts"),
        ("40 div gedankenüb", "40 person telepathy"),
    ],
)
async def test_synonyms_are_completed(stage: Stage, typed: str, first: str) -> None:
    choices = await stage.ana.autocomplete(stage.channel, "hero", "hero", typed)
    assert choices[0]["value"] == first


@pytest.mark.parametrize(
    ("language", "typed", "said"),
    [
        (
            "en",
            "40 robot healing",
            'I do not know the gender "robot": after the age say man, woman or person',
        ),
        (
            "de",
            "40 Roboter Heilung",
            "Das Geschlecht „Roboter“ kenne ich nicht: Schreib nach dem Alter Mann, Frau",
        ),
        ("de", "40 Heilung", "Mann, Frau oder Person, wie in `/hero 40 Frau Heilung`"),
        ("en", "17 woman healing", "between 18 and 120: I do not describe heroes of other ages"),
        ("de", "12 Kobold fliegen", "Helden anderen Alters beschreibe ich nicht. Das Geschlecht „Kobold“"),
        ("de", "17 Frau Heilung", "zwischen 18 und 120 liegen: Helden anderen Alters"),
        ("fr", "40 guérison", "écris homme, femme ou personne, comme dans `/hero 40 femme guérison`"),
    ],
)
async def test_a_refusal_says_what_is_known(
    stage: Stage, app: App, language: str, typed: str, said: str
) -> None:
    await app.guild_settings.change(HOME, language=language)
    result = await stage.ana.slash(stage.channel, "hero", hero=typed)
    assert said in stage.ephemeral_reply(result)
    assert stage.refusal()


async def test_tuned_model_gets_the_tuning_prompt(stage: Stage, app: App, script: Script) -> None:
    await tune(app)

    result = await stage.ana.slash(stage.channel, "hero", hero="40, woman, Healing ->")

    assert result.response is not None
    assert "Written by model 1 " in (result.response.embeds[0].footer.text or "")
    assert script.asked[-1]["messages"] == [{"role": "user", "content": "40, woman, healing ->"}]
    assert script.asked[-1]["model"] == "ft:tiny:1"


async def test_base_model_answers_if_the_server_does_not_know_the_tuned_model(
    stage: Stage, app: App, script: Script
) -> None:
    """For example after a change of provider, or if the engine's folder was removed."""
    await tune(app)
    script.unknown_models = {"ft:tiny:1"}

    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    assert result.response is not None
    assert "before any training, given a beginning and an ending" in (
        result.response.embeds[0].footer.text or ""
    )


async def test_thumbs_are_offered_and_the_text_is_stored(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    message = stage.channel.last_message
    assert message is not None
    assert [str(reaction.emoji) for reaction in message.reactions] == ["👍", "👎"]
    async with app.db.read() as tx:
        stored = await descriptions.get_by_message(tx, message.id)
    assert stored is not None
    assert stored.text == message.embeds[0].description
    assert str(stage.ana.id) not in stored.requester


async def test_markdown_and_mentions_of_the_model_are_escaped(stage: Stage, script: Script) -> None:
    script.texts = ["**Bold** @everyone `code` # title. " * 3]

    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    assert result.response is not None
    assert r"\*\*Bold\*\*" in (result.response.embeds[0].description or "")
    assert not result.response.message.mention_everyone


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("0 woman healing", "between 18 and 120"),
        ("5000 woman healing", "between 18 and 120"),
        ("woman healing", "age is missing: begin with a whole number in digits"),
        ("40.5 woman healing", "An age is a whole number in digits, as in `/hero 40 woman healing`."),
        ("40,5 woman healing", "An age is a whole number"),
        ("woman 40.5 healing", "An age is a whole number"),
        ("1e3 woman healing", "An age is a whole number"),
        ("+40 woman healing", "An age is a whole number"),
        ("40-year-old woman healing", "An age is a whole number"),
        ("forty woman healing", "An age is a whole number"),
        ("-3 woman healing", "between 18 and 120"),
        ("12 girl flying", 'other ages. I do not know the gender "girl": after the age say man'),
        ("12 flying", "other ages. The gender is missing"),
        ("girl 12 flying", "other ages. The gender is missing"),
        ("12 woman", "other ages. The power is missing"),
        ("woman 12 **fire**", "other ages. A power is made of plain words"),
        ("40 healing", "gender is missing"),
        ("40 woman", "power is missing"),
        ("40 kind woman healing", "try `/hero 40 woman kind healing`"),
        ("40 woman " + "x" * 500, "500 characters"),
        ("40 woman <@123456789>", "plain words"),
        ("40 woman **fire**", "plain words"),
    ],
)
async def test_invalid_hero_is_explained_to_the_requester_alone(
    stage: Stage, script: Script, typed: str, part: str
) -> None:
    result = await stage.ana.slash(stage.channel, "hero", hero=typed)

    assert part in stage.ephemeral_reply(result)
    assert part in stage.refusal()
    assert script.asked == []


async def test_refusal_of_a_blocked_power_does_not_repeat_it(stage: Stage, script: Script) -> None:
    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman h1tler salutes")

    text = stage.ephemeral_reply(result)
    assert "rather not write about" in text
    assert "salutes" not in text
    assert "rather not" in stage.refusal()
    assert script.asked == []


async def test_refusal_of_the_model_server_hides_its_details(stage: Stage, script: Script) -> None:
    script.failures = [401]

    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    text = stage.ephemeral_reply(result)
    assert "refuses this installation's key" in text
    assert "ENGINE_API_KEY, OPENAI_API_KEY or SERVING_API_KEY" in text  # whichever server it is
    assert "secret" not in text
    stage.refusal()


async def test_unexpected_error_shows_a_reference_and_no_details(stage: Stage, script: Script) -> None:
    script.failures = [422]

    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    text = stage.ephemeral_reply(result)
    assert "reference" in text
    assert "secret" not in text
    assert len(stage.env.errors) == 1


async def test_autocompletion_suggests_age_gender_and_power(stage: Stage) -> None:
    choices = await stage.ana.autocomplete(stage.channel, "hero", "hero", "40 wo")

    assert choices[0]["value"] == "40 woman healing"
    assert all(choice["value"].startswith("40 woman ") for choice in choices)


@pytest.mark.parametrize(
    ("language", "typed", "first"),
    [("de", "40 fr", "40 Frau Heilung"), ("fr", "40 fem", "40 femme guérison")],
)
async def test_autocompletion_is_in_the_servers_language(
    stage: Stage, app: App, language: str, typed: str, first: str
) -> None:
    await app.guild_settings.change(HOME, language=language)
    choices = await stage.ana.autocomplete(stage.channel, "hero", "hero", typed)
    assert choices[0] == {"name": first, "value": first}


async def test_a_hero_is_understood_in_any_language_whatever_the_servers(stage: Stage, app: App) -> None:
    for language in ("en", "de", "fr"):
        await app.guild_settings.change(HOME, language=language)
        for typed in ("40 Frau Heilung", "40 femme guérison", "40 femme guerison"):
            result = await stage.ana.slash(stage.channel, "hero", hero=typed)
            assert result.response is not None
            assert result.response.embeds[0].title == "40-year-old woman, healing", (language, typed)


async def tune(app: App) -> None:
    """Build a dataset and tune a model, without Discord."""
    await build(app)
    await finetune(app)
