"""/top: the best-rated descriptions, page by page."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import palette
from bot.app import App
from bot.client import HeroBot, Interaction
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import Translator, mark
from bot.rating.periods import Period
from bot.rating.scores import PAGE, Scored
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.common.locale import translated_choice, translator_of
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.rated_texts import hero_line, quoted
from cogs.common.responses import answer
from cogs.hero.cards import card_file, note_card

_MAX_LENGTH = 490  # characters of a text: five of them, escaped, fit into an embed with their titles

_NEAR = 5  # pages; from further beyond the end one comes to the first

_PERIODS: dict[Period, str] = {
    "week": mark("this week"),
    "month": mark("this month"),
    "season": mark("this season"),
    "all": mark("all time"),
}


class LeaderboardCog(commands.Cog):
    """The descriptions that people liked best."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="The descriptions that people liked best")
    @app_commands.describe(
        everywhere="True: of all servers, heroes of the vocabulary only",
        period="Only those of this week, this month or this season; if left out, of all time",
    )
    @app_commands.choices(period=[translated_choice(name, value) for value, name in _PERIODS.items()])
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def top(
        self,
        interaction: Interaction,
        everywhere: bool = False,
        period: app_commands.Choice[str] | None = None,
    ) -> None:
        scope = "all" if everywhere or interaction.guild_id is None else "here"
        await interaction.response.defer()
        chosen = _known(period.value if period else "all")
        await _show(interaction, scope, chosen, 0)


class PageButton(
    PersistentButton,
    template=r"top:(?P<scope>here|all):(?:(?P<period>week|month|season):)?(?P<page>[0-9]{1,6})",
):
    """Shows another page. Without a period in its custom id it is of all time."""

    def __init__(
        self, scope: str, page: int, label: str = "-", *, period: str = "all", disabled: bool = False
    ) -> None:
        of_period = "" if period == "all" else f"{period}:"
        super().__init__(f"top:{scope}:{of_period}{page}", label=label, disabled=disabled)
        self.scope = scope
        self.period = _known(period)
        self.page = page

    async def handle(self, interaction: Interaction) -> None:
        """Replace the page that is shown, with current scores."""
        await interaction.response.defer()
        await _show(interaction, self.scope, self.period, self.page)


def _known(period: str) -> Period:
    """Return a period that Discord names."""
    return next(known for known in _PERIODS if known == period)


async def _show(interaction: Interaction, scope: str, period: Period, page: int) -> None:
    """Show a page. One with a card is noted, so that it goes when the text of the card is hidden."""
    content, pictured = await _page(interaction, scope, period, page)
    message = await answer(interaction, content)
    app = interaction.client.app
    if pictured is not None and not message.flags.ephemeral:
        await note_card(app, pictured, message)
    else:
        await app.card_posts.remove(message.id)  # the page before may have had a card


async def _page(
    interaction: Interaction, scope: str, period: Period, page: int
) -> tuple[MessageContent, Description | None]:
    """Return a page of this server or of all. Powers outside the vocabulary stay in their own server.

    The first page shows the card of the best, which is returned as well, where the bot may attach files.
    """
    t = await translator_of(interaction)
    app = interaction.client.app
    current = await app.periods.current(period, interaction.guild_id)
    if scope == "here":
        guild_id = interaction.guild_id or 0
        best = await app.scores.best(guild_id=guild_id, span=current.span, page=page, hurried=True)
    else:
        powers = (await app.powers.vocabulary()).powers
        best = await app.scores.best(powers=powers, span=current.span, page=page, hurried=True)
    if page and not best:  # the descriptions on it have been removed since, or the period is a new one
        return await _page(interaction, scope, period, page - 1 if page <= _NEAR else 0)
    has_more = len(best) > PAGE
    targets = (("◀", page - 1, page > 0), ("▶", page + 1, has_more))
    buttons = [
        PageButton(scope, max(target, 0), label, period=period, disabled=not exists)
        for label, target, exists in targets
    ]
    view = persistent_view(buttons if page or has_more else ())
    title = t("Hall of fame of this server") if scope == "here" else t("Hall of fame of all servers")
    if current.name:
        title = f"{title}: {t(current.name)}"
    embed = _embed(t, app.heroes.vocabulary, title, page, best[:PAGE], has_more=has_more)
    files = []
    pictured: Description | None = None
    if best and page == 0 and interaction.app_permissions.attach_files:
        first = best[0]
        pictured = first.description
        card = await app.cards.draw(first.description, team=first.team, ups=first.ups, downs=first.downs, t=t)
        embed.set_image(url=f"attachment://{card.file_name}")
        files.append(card_file(card))
    content = MessageContent(embeds=[embed], view=view, files=tuple(files), replaces_files=True)
    return content, pictured


def _embed(
    t: Translator, vocabulary: Vocabulary, title: str, page: int, best: list[Scored], *, has_more: bool
) -> discord.Embed:
    if not best:
        text = t(
            "Nobody is in it yet. Ask for a hero with `/hero`; the texts that others give a 👍 appear here."
        )
    else:
        text = "\n\n".join(
            f"{hero_line(scored, vocabulary, t, rank=page * PAGE + rank)}\n{quoted(scored, _MAX_LENGTH)}"
            for rank, scored in enumerate(best, 1)
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
