"""/top: the best-rated descriptions, page by page."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import palette
from bot.app import App
from bot.client import HeroBot, Interaction
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import Translator
from bot.rating.scores import PAGE, Scored
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.markdown import escape_markdown
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer
from cogs.hero.cards import card_file

_MAX_LENGTH = 550  # characters of a text: five of them, escaped, fit into an embed


class LeaderboardCog(commands.Cog):
    """The descriptions that people liked best."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="The descriptions that people liked best")
    @app_commands.describe(everywhere="True: of all servers, heroes of the vocabulary only")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def top(self, interaction: Interaction, everywhere: bool = False) -> None:
        scope = "all" if everywhere or interaction.guild_id is None else "here"
        await interaction.response.defer()
        await answer(interaction, await _page(interaction, scope, 0))


class PageButton(
    PersistentButton,
    template=r"top:(?P<scope>here|all):(?P<page>[0-9]{1,6})",
):
    """Shows another page."""

    def __init__(self, scope: str, page: int, label: str = "-", *, disabled: bool = False) -> None:
        super().__init__(f"top:{scope}:{page}", label=label, disabled=disabled)
        self.scope = scope
        self.page = page

    async def handle(self, interaction: Interaction) -> None:
        """Replace the page that is shown, with current scores."""
        await interaction.response.defer()
        await answer(interaction, await _page(interaction, self.scope, self.page))


async def _page(interaction: Interaction, scope: str, page: int) -> MessageContent:
    """Return a page of this server or of all. Powers outside the vocabulary stay in their own server.

    The first page shows the card of the best.
    """
    t = await translator_of(interaction)
    app = interaction.client.app
    if scope == "here":
        best = await app.scores.best(guild_id=interaction.guild_id or 0, page=page)
    else:
        best = await app.scores.best(powers=(await app.powers.vocabulary()).powers, page=page)
    if page and not best:  # the descriptions on it have been removed since
        return await _page(interaction, scope, page - 1)
    has_more = len(best) > PAGE
    targets = (("◀", page - 1, page > 0), ("▶", page + 1, has_more))
    buttons = [
        PageButton(scope, max(target, 0), label, disabled=not exists) for label, target, exists in targets
    ]
    view = persistent_view(buttons if page or has_more else ())
    embed = _embed(t, app.heroes.vocabulary, scope, page, best[:PAGE], has_more=has_more)
    files = []
    if best and page == 0:
        first = best[0]
        card = await app.cards.draw(first.description, ups=first.ups, downs=first.downs, t=t)
        embed.set_image(url=f"attachment://{card.file_name}")
        files.append(card_file(card))
    return MessageContent(embeds=[embed], view=view, files=tuple(files), replaces_files=True)


def _embed(
    t: Translator, vocabulary: Vocabulary, scope: str, page: int, best: list[Scored], *, has_more: bool
) -> discord.Embed:
    title = t("Hall of fame of this server") if scope == "here" else t("Hall of fame of all servers")
    if not best:
        text = t(
            "Nobody is in it yet. Ask for a hero with `/hero`; the texts that others give a 👍 appear here."
        )
    else:
        text = "\n\n".join(
            _entry(page * PAGE + rank, scored, vocabulary, t) for rank, scored in enumerate(best, 1)
        )
    embed = discord.Embed(title=title, description=text, colour=discord.Colour.from_str(palette.CONTEST))
    if best:
        order = t(
            "The best liked come first; a text that many people like comes before one that only two like. 👍 "
            "and 👎 are the votes that count, so they may be fewer than under the text itself: the bot's own "
            "thumbs and those of whoever asked for it are left out."
        )
        is_only_page = page == 0 and not has_more
        embed.set_footer(text=order if is_only_page else f"{t('Page {page}.', page=page + 1)} {order}")
    return embed


def _entry(rank: int, scored: Scored, vocabulary: Vocabulary, t: Translator) -> str:
    """Return the hero with its votes, and the escaped text, truncated.

    Two thumbs of two are fewer than nine of ten by the score: a share of the votes would belie the rank.
    """
    description = scored.description
    text = description.text if len(description.text) <= _MAX_LENGTH else f"{description.text[:_MAX_LENGTH]} …"
    text = escape_markdown(" ".join(text.split()))[: _MAX_LENGTH + 100]
    title = vocabulary.team_title(scored.team, t) if scored.team else vocabulary.title(description.hero, t)
    hero = escape_markdown(title.capitalize())
    return f"**{rank}. {hero}** · 👍 {scored.ups} 👎 {scored.downs}\n> {text}"
