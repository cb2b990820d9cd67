"""/duel and duels in /hero's place: through the real bot in a simulated Discord."""

import discord
import pytest
import simcord

from bot.app import App
from bot.client import HeroBot
from bot.settings import Settings
from bot.store import duels
from bot.store.duels import Result
from tests.conftest import Stage
from tests.support.admin_channel import admin_channel
from tests.support.duels import choice_for, vote_unanimously
from tests.support.scripted_server import Script

LABELS = {"a": "A", "b": "B", "tie": "Tie"}


async def duel(stage: Stage) -> discord.Message:
    await stage.ana.slash(stage.channel, "duel", hero="40 woman healing")
    message = stage.channel.last_message
    assert message
    return message


async def answer(stage: Stage, command: str, **options: int | str) -> str:
    result = await stage.olga.slash(stage.channel, command, **options)
    assert result.response is not None
    return result.response.content


async def button(app: App, message: discord.Message, result: Result) -> str:
    """Return the label of the button that means a result in a message."""
    async with app.db.read() as tx:
        found = [duel for duel_id in range(1, 50) if (duel := await duels.get(tx, duel_id))]
    (duel_id,) = (duel.id for duel in found if duel.message_id == message.id)
    return LABELS[await choice_for(app, duel_id, result)]


def visible_data(message: discord.Message) -> str:
    """Return all that people can see of a message, with the custom ids of its buttons."""
    embeds = [str(embed.to_dict()) for embed in message.embeds]
    buttons = [str(row.to_dict()) for row in message.components]
    return message.content + "".join(embeds + buttons)


async def test_duel_without_a_candidate_is_refused(stage: Stage) -> None:
    result = await stage.olga.slash(stage.channel, "duel", hero="40 woman healing")
    assert "No new model is on trial" in stage.ephemeral_reply(result)
    stage.refusal()


@pytest.mark.usefixtures("two_models")
async def test_duel_hides_the_models_before_and_after_a_vote(stage: Stage) -> None:
    message = await duel(stage)
    assert [embed.title for embed in message.embeds] == ["40-year-old woman, healing", None]
    assert [(embed.description or "")[:6] for embed in message.embeds] == ["**A**\n", "**B**\n"]
    assert message.embeds[0].colour == message.embeds[1].colour

    vote = await stage.ben.click(message, label="A")

    assert vote.ephemeral
    assert vote.response
    assert "model 1, which is live" in vote.response.content
    assert "model 2, the new one" in vote.response.content
    for word in ("ft:tiny", "model 1", "model 2", "which is live", "the new one", "candidate"):
        assert word not in visible_data(_refreshed(stage, message))


@pytest.mark.usefixtures("two_models")
async def test_vote_is_final(stage: Stage) -> None:
    message = await duel(stage)
    await stage.ben.click(message, label="A")
    again = await stage.ben.click(message, label="B")
    assert again.response
    assert again.response.content.split("\n")[0] == "Your vote is final: you chose A."


@pytest.mark.usefixtures("two_models")
async def test_a_vote_is_told_whether_it_counts_and_how_many_are_needed(stage: Stage) -> None:
    first, second = await duel(stage), await duel(stage)

    async def said(person: simcord.MemberActor, message: discord.Message, label: str) -> str:
        vote = await person.click(message, label=label)
        assert vote.response
        return vote.response.content

    tie = await said(stage.ben, first, "Tie")
    assert tie.startswith("You chose a tie. A tie counts for neither of them.")
    assert "No vote counts in the trial yet; 12 decide it if all choose the same model." in tie

    counted = await said(stage.olga, first, "A")
    assert counted.startswith("You chose A, and it counts. Thank you.")
    assert "1 vote counts in the trial so far; about 11 more decide it" in counted

    assert "because somebody was faster" in await said(stage.ana, first, "A")
    assert "because an earlier vote of yours does" in await said(stage.olga, second, "B")


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(account_days=366)
async def test_a_duel_vote_of_a_young_account_is_told_so(stage: Stage) -> None:
    new = stage.env.guild.add_member(stage.env.create_user("new"))
    vote = await new.click(await duel(stage), label="A")
    assert vote.response
    assert "because your Discord account is younger than 366 days" in vote.response.content


@pytest.mark.usefixtures("two_models")
@pytest.mark.parametrize(
    ("command", "said", "german"),
    [
        ("models promote", "model 2 is live now.", "Jetzt ist Modell 2 im Dienst."),
        ("models retire", "model 1 is live now.", "Jetzt ist Modell 1 im Dienst."),
        ("models rollback", "the base model answers now.", "Jetzt antwortet das Grundmodell."),
    ],
)
async def test_a_vote_after_the_trial_says_that_it_is_over_and_what_is_live(
    stage: Stage, command: str, said: str, german: str
) -> None:
    message = await duel(stage)
    await answer(stage, command, **({} if command == "models rollback" else {"model": 2}))
    vote = await stage.ben.click(message, label="A")
    assert vote.response
    assert vote.response.content.startswith("You chose A. It comes too late to count.")
    assert f"Their trial is over: {said}" in vote.response.content
    assert "takes over" not in vote.response.content

    await stage.olga.slash(stage.channel, "settings language", language="Deutsch")
    again = await stage.ben.click(message, label="A")
    assert again.response
    assert f"Ihr Vergleich ist vorbei: {german}" in again.response.content


@pytest.mark.usefixtures("two_models")
async def test_the_vote_that_decides_a_trial_says_that_it_is_over(stage: Stage, app: App) -> None:
    await vote_unanimously(app, "candidate", 11)
    message = await duel(stage)
    vote = await stage.ben.click(message, label=await button(app, message, "candidate"))
    assert vote.response
    assert "Their trial is over: model 1 is live now." in vote.response.content


@pytest.mark.usefixtures("two_models")
async def test_duel_buttons_outlive_a_restart(stage: Stage, app: App) -> None:
    message = await duel(stage)
    await stage.env.restart_bot(HeroBot(app))
    vote = await stage.ben.click(_refreshed(stage, message), label="Tie")
    assert vote.response
    assert "a tie" in vote.response.content


@pytest.mark.usefixtures("two_models")
async def test_long_texts_and_markdown_are_escaped_and_truncated(stage: Stage, script: Script) -> None:
    script.texts = ["**Bold** @everyone <@1> `code` " * 200, "*" * 5000]
    message = await duel(stage)
    assert not message.mention_everyone
    assert not message.mentions
    assert "**Bold**" not in (message.embeds[0].description or "") + (message.embeds[1].description or "")
    assert sum(len(embed) for embed in message.embeds) < 6000


@pytest.mark.usefixtures("two_models")
async def test_description_is_shown_alone_if_the_other_model_fails(stage: Stage, script: Script) -> None:
    script.unknown_models = {"ft:tiny:2"}
    message = await duel(stage)
    assert "Written by model 1 " in (message.embeds[0].footer.text or "")
    assert [str(each.emoji) for each in message.reactions] == ["👍", "👎"]
    assert "duel:" not in visible_data(message)


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(duel_share=1)
@pytest.mark.parametrize(
    ("language", "reason"),
    [
        ("English", "A new model is on trial, so two models wrote this hero."),
        ("German", "Ein neues Modell tritt gegen das bisherige an, darum haben zwei Modelle diesen Helden "),
    ],
)
async def test_a_hero_that_becomes_a_duel_says_why(stage: Stage, language: str, reason: str) -> None:
    await stage.olga.slash(stage.channel, "settings language", language=language)
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    message = stage.channel.last_message
    assert message
    assert len(message.embeds) == 2
    assert (message.embeds[1].footer.text or "").startswith(reason)


@pytest.mark.usefixtures("two_models")
async def test_winning_candidate_is_proposed_and_promoted_by_an_operator(
    stage: Stage, app: App, settings: Settings
) -> None:
    members = [stage.env.guild.add_member(stage.env.create_user(f"member {number}")) for number in range(12)]
    for member in members:
        message = await duel(stage)
        await member.click(message, label=await button(app, message, "candidate"))
    async with admin_channel(stage, settings) as admins:
        await stage.env.advance_time(12)
        await _promote_by_an_operator(stage, admins.channel)
    assert [model.state for model in await app.registry.all()] == ["candidate", "live"]
    assert f"went live by votes, in the place of model 1, by <@{stage.olga.id}>" in await answer(
        stage, "models show", model=2
    )


async def _promote_by_an_operator(stage: Stage, admins: simcord.ChannelHandle) -> None:
    (proposal,) = admins.history()
    assert "12 of 12 people chose the new one" in proposal.content
    refused = await stage.ana.click(proposal, label="Promote")
    assert refused.response
    assert "Only the operators" in refused.response.content

    await stage.olga.click(proposal, label="Promote")
    (proposal,) = admins.history()
    assert f"Model 2 is live, by <@{stage.olga.id}>" in proposal.content
    assert proposal.components == []


@pytest.mark.usefixtures("two_models")
async def test_outdated_proposal_is_refused(stage: Stage, app: App, settings: Settings) -> None:
    await vote_unanimously(app, "candidate")
    async with admin_channel(stage, settings) as admins:
        await stage.env.advance_time(12)
        (proposal,) = admins.channel.history()
        await app.registry.retire(2)
        refused = await stage.olga.click(proposal, label="Promote")
    assert "model 2 retired" in refused.followups[0].content


@pytest.mark.usefixtures("two_models")
async def test_operators_see_the_status_of_a_trial(stage: Stage, app: App) -> None:
    await vote_unanimously(app, "candidate", 6)
    await vote_unanimously(app, "live", 2)  # the same people: their second votes do not count
    figures = (
        "6 of 6 people chose the new one (besides: 2 votes that do not count); about 6 more like this, and"
    )
    assert figures in await answer(stage, "models list")
    shown = await answer(stage, "models show", model=2)
    assert "Trial 1, model 2 against 1: under way" in shown
    assert figures in shown
    result = await stage.olga.slash(stage.channel, "models compare", a=2, hero="50 man flight")
    assert result.response
    assert figures in result.response.content


@pytest.mark.usefixtures("two_models")
async def test_one_vote_of_a_public_duel_counts(stage: Stage, app: App) -> None:
    message = await duel(stage)
    label = await button(app, message, "candidate")
    await stage.ben.click(message, label=label)
    await stage.olga.click(message, label=label)
    status = await app.trials.status()
    assert status
    assert (status.tally.wins, status.tally.votes) == (1, 2)


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(trial_days=1e-9)
async def test_trials_expire_while_nobody_votes(stage: Stage, app: App) -> None:
    assert await app.trials.running()
    await stage.env.advance_time(700)
    assert await app.trials.status() is None


def _refreshed(stage: Stage, message: discord.Message) -> discord.Message:
    return next(each for each in stage.channel.history() if each.id == message.id)
