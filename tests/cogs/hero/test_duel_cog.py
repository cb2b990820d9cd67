"""/duel and duels in /hero's place: through the real bot in a simulated Discord."""

import discord
import pytest

from bot.app import App
from bot.client import HeroBot
from bot.store import duels
from bot.store.duels import Result
from tests.conftest import Stage
from tests.support.duels import choice_for, everyone, ruled, two_models
from tests.support.scripted_server import Script

LABELS = {"a": "A", "b": "B", "tie": "Tie"}


async def duel(stage: Stage) -> discord.Message:
    await stage.ana.slash(stage.channel, "duel", hero="40 woman healing")
    message = stage.channel.last_message
    assert message
    return message


async def said(stage: Stage, command: str, **options: int | str) -> str:
    result = await stage.olga.slash(stage.channel, command, **options)
    assert result.response is not None
    return result.response.content


async def button(app: App, message: discord.Message, result: Result) -> str:
    """The label under which a result stands in a message."""
    async with app.db.read() as tx:
        numbers = [each for number in range(1, 50) if (each := await duels.get(tx, number))]
    (number,) = (each.id for each in numbers if each.message_id == message.id)
    return LABELS[await choice_for(app, number, result)]


def everything(message: discord.Message) -> str:
    """All that people can see of a message, and what its buttons carry."""
    cards = [str(card.to_dict()) for card in message.embeds]
    buttons = [str(row.to_dict()) for row in message.components]
    return message.content + "".join(cards + buttons)


@pytest.fixture
async def two(app: App) -> None:
    await two_models(app)


async def test_without_a_candidate_it_says_so(stage: Stage) -> None:
    result = await stage.olga.slash(stage.channel, "duel", hero="40 woman healing")
    assert "no new model to try against the live one" in stage.told_alone(result)
    stage.refusal()


@pytest.mark.usefixtures("two")
async def test_a_duel_is_blind_before_and_after_a_vote(stage: Stage) -> None:
    message = await duel(stage)
    assert [card.title for card in message.embeds] == ["40-year-old woman, healing", None]
    assert [(card.description or "")[:6] for card in message.embeds] == ["**A**\n", "**B**\n"]
    assert message.embeds[0].colour == message.embeds[1].colour

    vote = await stage.ben.click(message, label="A")

    assert vote.ephemeral
    assert vote.response
    assert "model 1, the live one" in vote.response.content
    assert "model 2, the candidate" in vote.response.content
    for word in ("ft:tiny", "model 1", "model 2", "the live one", "candidate"):
        assert word not in everything(_again(stage, message))


@pytest.mark.usefixtures("two")
async def test_a_vote_cannot_be_changed(stage: Stage) -> None:
    message = await duel(stage)
    await stage.ben.click(message, label="A")
    again = await stage.ben.click(message, label="B")
    assert again.response
    assert "Your vote is final: you said A." in again.response.content


@pytest.mark.usefixtures("two")
async def test_buttons_of_a_duel_outlive_a_restart(stage: Stage, app: App) -> None:
    message = await duel(stage)
    await stage.env.restart_bot(HeroBot(app))
    vote = await stage.ben.click(_again(stage, message), label="Tie")
    assert vote.response
    assert "a tie" in vote.response.content


@pytest.mark.usefixtures("two")
async def test_long_and_hostile_texts_stay_harmless(stage: Stage, script: Script) -> None:
    script.texts = ["**Bold** @everyone <@1> `code` " * 200, "*" * 5000]
    message = await duel(stage)
    assert not message.mention_everyone
    assert not message.mentions
    assert "**Bold**" not in (message.embeds[0].description or "") + (message.embeds[1].description or "")
    assert sum(len(card) for card in message.embeds) < 6000


@pytest.mark.usefixtures("two")
async def test_where_one_model_fails_the_other_answers_as_in_hero(stage: Stage, script: Script) -> None:
    script.unknown_models = {"ft:tiny:2"}
    message = await duel(stage)
    assert "Written by model 1 " in (message.embeds[0].footer.text or "")
    assert [str(each.emoji) for each in message.reactions] == ["👍", "👎"]
    assert "duel:" not in everything(message)


@pytest.mark.usefixtures("two")
async def test_a_share_of_heroes_are_duels(stage: Stage, app: App) -> None:
    app.duels._share = 1
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    message = stage.channel.last_message
    assert message
    assert len(message.embeds) == 2
    app.duels._share = 0
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    message = stage.channel.last_message
    assert message
    assert "Written by model 1 " in (message.embeds[0].footer.text or "")


@pytest.mark.usefixtures("two")
async def test_the_votes_of_members_propose_a_promotion_which_operators_confirm(
    stage: Stage, app: App
) -> None:
    admins = stage.env.guild.create_text_channel("admins")
    app.notifications._admin_channel = admins.id
    members = [stage.env.guild.add_member(stage.env.create_user(f"member {at}")) for at in range(8)]
    for member in members:
        message = await duel(stage)
        await member.click(message, label=await button(app, message, "candidate"))
    await stage.env.restart_bot(HeroBot(app))
    await stage.env.advance_time(12)

    (proposal,) = admins.history()
    assert "8 of 8 people preferred the candidate" in proposal.content
    refused = await stage.ana.click(proposal, label="Promote")
    assert refused.response
    assert "Only the operators" in refused.response.content

    await stage.olga.click(proposal, label="Promote")
    (proposal,) = admins.history()
    assert f"Model 2 is live, by <@{stage.olga.id}>" in proposal.content
    assert proposal.components == []
    assert [model.state for model in await app.registry.all()] == ["candidate", "live"]
    assert f"went live by votes, in the place of model 1, by <@{stage.olga.id}>" in await said(
        stage, "models show", model=2
    )


@pytest.mark.usefixtures("two")
async def test_a_proposal_that_time_has_overtaken_is_refused_in_words(stage: Stage, app: App) -> None:
    app.notifications._admin_channel = stage.channel.id
    await everyone(app, "candidate")
    await stage.env.advance_time(12)
    proposal = stage.channel.last_message
    assert proposal
    await app.registry.retire(2)
    refused = await stage.olga.click(proposal, label="Promote")
    assert "model 2 retired" in refused.followups[0].content


@pytest.mark.usefixtures("two")
async def test_operators_are_told_how_a_trial_stands(stage: Stage, app: App) -> None:
    await everyone(app, "candidate", 6)
    await everyone(app, "live", 2)  # the same people: their second votes do not count
    figures = "6 of 6 people preferred the candidate (100 %, surely between"
    assert figures in await said(stage, "models list")
    shown = await said(stage, "models show", model=2)
    assert "Trial 1, model 2 against 1: under way" in shown
    assert figures in shown
    result = await stage.olga.slash(stage.channel, "models compare", a=2, hero="50 man flight")
    assert result.response
    assert figures in result.response.content


@pytest.mark.usefixtures("two")
async def test_of_a_public_duel_all_votes_are_kept_and_one_counts(stage: Stage, app: App) -> None:
    message = await duel(stage)
    label = await button(app, message, "candidate")
    await stage.ben.click(message, label=label)
    await stage.olga.click(message, label=label)
    standing = await app.trials.status()
    assert standing
    assert (standing.tally.wins, standing.tally.votes) == (1, 2)


@pytest.mark.usefixtures("two")
async def test_trials_are_tended_while_nobody_votes(stage: Stage, app: App) -> None:
    await app.trials.running()
    ruled(app, days=1e-9)
    await stage.env.advance_time(700)
    assert await app.trials.status() is None


def _again(stage: Stage, message: discord.Message) -> discord.Message:
    return next(each for each in stage.channel.history() if each.id == message.id)
