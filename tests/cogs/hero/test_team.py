"""/team: the real bot in a simulated Discord."""

import asyncio
import json
from pathlib import Path

import pytest

from bot.app import App, open_app
from bot.errors import NotUnderstood, Stopped, TooMany, UserError
from bot.heroes.hero import Hero
from bot.llm.stream import Stream
from bot.settings import Settings
from bot.store import descriptions
from bot.store.descriptions import Description
from tests.conftest import Stage
from tests.support.buttons import message_with
from tests.support.eventually import eventually
from tests.support.reports import report
from tests.support.scripted_server import Script
from tests.support.streaming import labels

DEEDS = [
    " mend a skater's broken arm, and the boy laughs. Nobody asked for this.",
    " carry the boys over the thick ice in a wide ring",
    " freeze the last cracks shut.",
]


async def newest(app: App, message_id: int) -> Description:
    async with app.db.read() as tx:
        found = await descriptions.get_by_message(tx, message_id)
    assert found
    return found


async def test_a_team_is_three_heroes_who_share_a_scene(stage: Stage, app: App, script: Script) -> None:
    script.texts = list(DEEDS)
    await stage.ana.slash(stage.channel, "team", heroes="40 woman healing, flight, ice")

    (message,) = stage.channel.history()
    (embed,) = message.embeds
    assert embed.title == "Team: healing, flight, ice"
    assert "does not learn from teams" in (embed.footer.text or "")
    assert [str(reaction.emoji) for reaction in message.reactions] == ["👍", "👎"]
    *introductions, gap, scene = (embed.description or "").split("\n")
    assert [gap, len(introductions)] == ["", 3]
    assert "40-year-old woman" in introductions[0]
    told = [body["messages"][-1] for body in script.asked]
    occasion = scene[: scene.index(",")]
    assert all(turn["role"] == "assistant" and f" {occasion}, " in turn["content"] for turn in told)
    names = [turn["content"].rpartition(f"{occasion}, ")[2].split()[0] for turn in told]
    assert len(set(names)) == 3
    assert all(name in introduction for name, introduction in zip(names, introductions, strict=True))
    assert f"{names[0]} uses her power to mend a skater's broken arm. {names[1]}" in scene
    assert "in a wide ring. " in scene  # what was cut short is ended
    assert "Nobody asked" not in scene
    assert all(name in scene.rpartition("cracks shut. ")[2] for name in names)  # the roles
    stored = await newest(app, message.id)
    assert (stored.kind, stored.hero) == ("team", Hero(40, "woman", "healing"))
    assert [hero.power for hero in await app.teams.heroes_of(stored)] == ["healing", "flight", "ice"]

    await stage.ben.click(message, label="Again")
    again = stage.channel.history()[-1]
    assert again.embeds[0].title == embed.title
    assert {"Again", "Report"} <= set(labels(again))
    await report(stage.ben, message)
    await report(stage.olga, message)
    assert "hidden" in next(each.content for each in stage.channel.history() if each.id == message.id)
    await app.content_reports.keep(stored.id)

    exported = json.loads(await app.privacy.export(stage.ana.id))
    assert len(exported["team_hero"]) == 3
    await app.privacy.delete(stage.ana.id)
    assert json.loads(await app.privacy.export(stage.ana.id))["team_hero"] == []
    old = await message_with(stage, f"hero:team:{stored.id}", "hero:team:999")
    for custom_id in (f"hero:team:{stored.id}", "hero:team:999"):
        result = await stage.ben.click(old, custom_id=custom_id)
        assert "This team is gone" in stage.ephemeral_reply(result)


async def test_heroes_are_drawn_to_go_with_those_that_were_typed(app: App) -> None:
    parse = app.teams.heroes_for
    for typed, first in (
        ("", []),
        (" ,; ", []),
        ("40, woman, healing", ["healing"]),
        ("40 woman healing", ["healing"]),
        ("Heilung; fliegen", ["healing", "flight"]),
        ("64 man mind reading, ice\njuggling", ["read in the thoughts", "ice", "juggling"]),
    ):
        heroes = parse(typed)
        powers = [hero.power for hero in heroes]
        assert powers[: len(first)] == first
        assert len(set(powers)) == 3
        assert all(power in app.heroes.vocabulary.powers for power in powers[len(first) :])
        assert all(18 <= hero.age <= 95 for hero in heroes)
        assert len({hero.gender for hero in heroes}) >= 2
    assert parse("40, woman, healing")[0] == Hero(40, "woman", "healing")
    for typed in ("ice, flight, healing, telepathy", "🔥, ice", "17 woman healing, ice", "x" * 61, "fuck"):
        with pytest.raises(NotUnderstood):
            parse(typed)


@pytest.mark.settings(daily_per_user=4, daily_per_guild=7)
async def test_a_team_counts_as_three_heroes_also_after_a_restart(stage: Stage, settings: Settings) -> None:
    for person in (stage.ana, stage.ben):
        await person.slash(stage.channel, "team")
    await stage.ana.slash(stage.channel, "team")
    assert "takes 3 of your heroes, and you have 1 left" in stage.refusal()
    await stage.olga.slash(stage.channel, "team")
    assert "this server has 1 left" in stage.refusal()
    async with open_app(settings) as restarted:
        async with restarted.rate_limits.acquire(stage.ana.id, None):
            pass
        with pytest.raises(TooMany, match=r"used up your heroes for today \(4\)"):
            async with restarted.rate_limits.acquire(stage.ana.id, None):
                raise AssertionError


@pytest.mark.settings(draws=3)
async def test_a_deed_with_a_fault_is_drawn_again(app: App, script: Script) -> None:
    script.texts = [" heal", " greet Bartholomew, a 19-year-old woman.", DEEDS[0], *DEEDS[1:]]
    team = await app.teams.describe(app.teams.heroes_for("40 woman healing, flight, ice"), requester=1)
    assert "mend a skater's broken arm" in team.text
    assert "Bartholomew" not in team.text
    assert (team.sampling["draws"], team.completion_tokens) == (
        3,
        sum(map(len, map(str.split, [" heal", " greet Bartholomew, a 19-year-old woman.", *DEEDS]))),
    )


async def test_what_is_told_before_somebody_stops_it_stays(app: App, script: Script) -> None:
    heroes = app.teams.heroes_for("")
    for deeds in (1, 0):
        script.texts, stream = list(DEEDS), Stream()
        asked = len(script.asked)

        def pause_after(when: str, _request: object, *, most: int = asked + deeds) -> None:
            if when == "before" and len(script.asked) == most:
                script.may_answer.clear()

        script.on_request = pause_after
        work = asyncio.create_task(app.teams.describe(heroes, requester=1, stream=stream))

        async def is_paused(most: int = asked + deeds) -> bool:
            return len(script.asked) > most

        await eventually(is_paused, what="the model falls silent")
        assert stream.text.count("\n") == (2 if not deeds else 4)
        stream.stop()
        if deeds:
            team = await work
            assert team.finish_reason == "stopped"
            assert team.text == stream.text
        else:
            with pytest.raises(Stopped):
                await work
        script.may_answer.set()
    assert app.waiting_queue.running == 0


async def test_a_hosted_model_is_asked_once(hosted: Settings, script: Script) -> None:
    text = (
        "Ada (40) heals, Bo flies and Cy makes ice, while the ferry sinks. " + "They all hold on. Then rest"
    )
    async with open_app(hosted) as app:
        script.texts, stream = [text], Stream()
        heroes = app.teams.heroes_for("40 woman healing, flight, ice")
        team = await app.teams.describe(heroes, requester=1, stream=stream)
    (body,) = script.asked
    assert "a 40-year-old woman with the power of healing; a" in body["messages"][-1]["content"]
    assert body["stream"]
    assert (team.text, team.framed) == (text.removesuffix(" Then rest"), False)


async def test_an_own_subject_without_words_for_scenes_has_no_teams(
    settings: Settings, heroes_toml: Path
) -> None:
    without_scenes(heroes_toml)
    async with open_app(settings.model_copy(update={"heroes_file": heroes_toml})) as app:
        with pytest.raises(UserError, match="writes no teams and no stories"):
            await app.teams.describe(app.teams.heroes_for(""), requester=1)


def without_scenes(heroes_toml: Path) -> None:
    text = heroes_toml.read_text()
    heroes_toml.write_text(text[: text.index("[scenes]")] + text[text.index("[profile]\n") :])
