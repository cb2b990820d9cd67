"""Posts about winners: of a week, and of a season."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import discord

from bot import palette
from bot.client import HeroBot
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import Translator
from bot.rating.results import NamedVoter, Result, Turnout
from bot.rating.scores import Scored
from bot.store.seasons import Season
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.markdown import escape_markdown
from cogs.common.rated_texts import hero_line, quoted
from cogs.hero.cards import card_file

log = logging.getLogger(__name__)

_MAX_LENGTH = 1500  # characters of the winner's text
_MAX_FIELD = 1024  # characters of an embed's field, by Discord's limit
_PODIUM = 3  # places of a season
_MEDALS = {1: "🥇", 2: "🥈", 3: "🥉"}


@dataclass(frozen=True, slots=True)
class Voter:
    """Somebody who agreed to be named, by the name that they have in the server."""

    name: str
    votes: int


async def weekly_content(bot: HeroBot, guild: discord.Guild, result: Result, t: Translator) -> MessageContent:
    """Return the post on a week. Only the winner's text is quoted: of the others it has links."""
    vocabulary = bot.app.heroes.vocabulary
    first, *sharing = result.winners
    lines = [hero_line(first, vocabulary, t) + _link(first, t), quoted(first, _MAX_LENGTH)]
    if sharing:
        title = t("🏆 Heroes of the week: a shared first place")
        lines.append(t("As many people liked these, and they share the first place:"))
        lines += [f"- {hero_line(each, vocabulary, t)}{_link(each, t)}" for each in sharing]
        if result.has_more_winners:
            lines.append(t("- … and others with as many votes"))
    else:
        title = t("🏆 Hero of the week")
    embed = _embed(title, lines)
    if runners_up := result.runners_up:
        name = t("Second place") if len(runners_up) == 1 else t("A shared second place")
        shown = [hero_line(each, vocabulary, t) + _link(each, t) for each in runners_up]
        value = "\n".join(shown)
        value = value if len(value) <= _MAX_FIELD else shown[0][:_MAX_FIELD]
        embed.add_field(name=name if not sharing else t("Next place"), value=value, inline=False)
    voters = await _named(guild, result.turnout.named)
    embed.add_field(name=t("Who voted"), value=_turnout_text(result.turnout, voters, t), inline=False)
    embed.set_footer(
        text=t(
            "Take part: ask for a hero with /hero, and leave 👍 or 👎 under the heroes of others. Your "
            "votes choose next week's."
        )
    )
    return await _with_card(bot, embed, first, t)


async def season_content(
    bot: HeroBot, guild: discord.Guild, season: Season, result: Result, t: Translator
) -> MessageContent:
    """Return the post on a season: its first three places so far, or its winners."""
    over = season.ended_at is not None
    title = t("Season {number}", number=season.number)
    if over:
        title = t("🏆 The winners of season {number}", number=season.number)
    span = t("Since {day}.", day=f"<t:{season.started_at:.0f}:D>")
    if season.ended_at is not None:
        first, last = (f"<t:{at:.0f}:D>" for at in (season.started_at, season.ended_at))
        span = t("From {first} to {last}.", first=first, last=last)
    lines = [span, *_podium(result, bot.app.heroes.vocabulary, t)]
    if not result:
        lines.append(
            t("Nobody liked a hero in this season.")
            if over
            else t("Nobody is in it yet: ask for a hero with `/hero`, and vote on those of others.")
        )
    embed = _embed(title, lines)
    if not result:
        return MessageContent([embed])
    voters = await _named(guild, result.turnout.named)
    name = t("Thank you") if over else t("Who voted")
    embed.add_field(name=name, value=_turnout_text(result.turnout, voters, t), inline=False)
    return await _with_card(bot, embed, result.best[0], t)


def _embed(title: str, lines: Sequence[str]) -> discord.Embed:
    colour = discord.Colour.from_str(palette.CONTEST)
    return discord.Embed(title=title, description="\n".join(lines), colour=colour)


def _podium(result: Result, vocabulary: Vocabulary, t: Translator) -> list[str]:
    """Return the first three places, which several texts may share, with the text of the first."""
    lines = []
    for place, scored in zip(result.places(), result.best, strict=True):
        if place <= _PODIUM:
            lines.append(f"{_MEDALS[place]} {hero_line(scored, vocabulary, t)}{_link(scored, t)}")
            if scored is result.best[0]:
                lines.append(quoted(scored, _MAX_LENGTH))
    if len(set(result.places())) < len(result.best):
        lines.append(t("Texts with as many votes share a place."))
    if result.has_more_winners:
        lines.append(t("- … and others with as many votes"))
    return lines


def _link(scored: Scored, t: Translator) -> str:
    """Return a link to the message of a text, if it has one."""
    text = scored.description
    if text.guild_id is None or text.channel_id is None or text.message_id is None:
        return ""
    url = f"https://discord.com/channels/{text.guild_id}/{text.channel_id}/{text.message_id}"
    return f" · [{t('its message')}]({url})"


def _turnout_text(turnout: Turnout, voters: Sequence[Voter], t: Translator) -> str:
    """Return how many people voted how often, and who voted most of those who may be named."""
    people = t.count("{number} person", "{number} people", turnout.people)
    votes = t.count("{number} vote", "{number} votes", turnout.votes)
    text = t("{people} voted, with {votes} that count.", people=people, votes=votes)
    if not voters:
        return text
    named = (f"**{each.name}** ({t.count('{number} vote', '{number} votes', each.votes)})" for each in voters)
    return f"{text} {t('Of those who are named here, most came from {names}.', names=', '.join(named))}"


async def _named(guild: discord.Guild, voters: Sequence[NamedVoter]) -> list[Voter]:
    """Return the names of voters. Whoever has left, or cannot be asked for now, stays unnamed."""
    found = []
    for voter in voters:
        try:
            member = guild.get_member(voter.user_id) or await guild.fetch_member(voter.user_id)
        except DISCORD_FAILURES as error:
            log.info("a voter is not named: %s", error)
        else:
            found.append(Voter(escape_markdown(member.display_name), voter.votes))
    return found


async def _with_card(bot: HeroBot, embed: discord.Embed, first: Scored, t: Translator) -> MessageContent:
    """Return a message with the card of a text, without it if it cannot be drawn."""
    try:
        card = await bot.app.cards.draw(
            first.description, team=first.team, ups=first.ups, downs=first.downs, t=t
        )
    except Exception as error:  # noqa: BLE001 (the post matters more than its picture)
        log.warning("a post goes without its card: %s", error)
        return MessageContent([embed])
    embed.set_image(url=f"attachment://{card.file_name}")
    return MessageContent([embed], files=(card_file(card),))
