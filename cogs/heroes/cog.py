"""/heroes: what somebody asked for, what a member shows, what somebody keeps, and what others may see."""

import asyncio
import io

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.community.hero_lists import ListKind, ListRequest, power_key
from bot.errors import UserError
from bot.gallery.site import zip_site
from bot.i18n.message import mark
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.responses import answer
from cogs.heroes.pages import list_content, list_request
from cogs.heroes.permissions import permissions_content

_MAX_CHOICES = 25  # of an autocompletion, by Discord's limit
_MAX_NUMBER = 999_999_999
_MEGABYTE = 1024 * 1024
_POWER = mark("Only heroes with this power")
_MODEL = mark("Only texts by the model of this number; 0: by the base model")

ModelNumber = app_commands.Range[int, 0, _MAX_NUMBER]


class HeroesCog(commands.Cog):
    """The heroes that you asked for and those that you keep."""

    group = app_commands.Group(
        name="heroes",
        description="The heroes that you asked for and those that you keep",
        allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
    )

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @group.command(description="The heroes that you asked for; delete one of them")
    @app_commands.describe(power=_POWER, model=_MODEL)
    async def mine(
        self, interaction: Interaction, power: str | None = None, model: ModelNumber | None = None
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        await self._show(interaction, "mine", 0, power, model)

    @group.command(description="The heroes that you keep with 🔖")
    @app_commands.describe(power=_POWER, model=_MODEL)
    async def favourites(
        self, interaction: Interaction, power: str | None = None, model: ModelNumber | None = None
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        await self._show(interaction, "kept", 0, power, model)

    @group.command(description="The heroes that a member asked for in this server, if they show them")
    @app_commands.describe(member="Whose heroes", power=_POWER, model=_MODEL)
    async def of(
        self,
        interaction: Interaction,
        member: discord.User,
        power: str | None = None,
        model: ModelNumber | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        await self._show(interaction, "of", member.id, power, model)

    @group.command(description="What others may see of you: your list, the gallery, your name")
    async def settings(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await answer(interaction, await permissions_content(interaction))

    @group.command(
        description="Get the heroes that you asked for, as a page to read and search, in a zip file"
    )
    async def export(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        t = await translator_of(interaction)
        entries = await self.app.gallery.own(interaction.user.id, t)
        if not entries:
            example = self.app.heroes.vocabulary.example
            raise UserError(
                "You have asked for no hero yet. `{/hero hero:{example}}` describes one.", example=example
            )
        packed = await asyncio.to_thread(zip_site, entries, t)
        if len(packed) > interaction.filesize_limit:
            raise UserError(
                "Your heroes take {size:.1f} MB, and Discord takes at most {most:.0f} MB here. `{/privacy "
                "export}` has them in a smaller file.",
                size=len(packed) / _MEGABYTE,
                most=interaction.filesize_limit / _MEGABYTE,
            )
        text = t.count(
            "{number} hero. Unpack the file, and open `index.html` in your browser; `heroes.jsonl` has the "
            "same for programs, `characters` a character card of each.",
            "{number} heroes. Unpack the file, and open `index.html` in your browser; `heroes.jsonl` has the "
            "same for programs, `characters` a character card of each.",
            len(entries),
        )
        name = "herosmith-heroes.zip"
        content = MessageContent(content=text, files=(lambda: discord.File(io.BytesIO(packed), name),))
        await answer(interaction, content)

    @mine.autocomplete("power")
    async def _suggest_mine(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await self._suggest(list_request(interaction, "mine", 0, None, None), typed)

    @favourites.autocomplete("power")
    async def _suggest_kept(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await self._suggest(list_request(interaction, "kept", 0, None, None), typed)

    @of.autocomplete("power")
    async def _suggest_of(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        member = getattr(interaction.namespace, "member", None)
        if member is None:  # it is typed before the member
            return []
        return await self._suggest(list_request(interaction, "of", member.id, None, None), typed)

    async def _suggest(self, wanted: ListRequest, typed: str) -> list[app_commands.Choice[str]]:
        words = typed.strip().casefold()
        found = [power for power in await self.app.hero_lists.powers(wanted) if words in power.casefold()]
        return [app_commands.Choice(name=power[:100], value=power[:100]) for power in found[:_MAX_CHOICES]]

    async def _show(
        self,
        interaction: Interaction,
        kind: ListKind,
        member_id: int,
        power: str | None,
        model: int | None,
    ) -> None:
        key = None if power is None else power_key(self._power(power))
        wanted = list_request(interaction, kind, member_id, model, key)
        await answer(interaction, await list_content(interaction, wanted, 0))

    def _power(self, typed: str) -> str:
        """Return a power as it is stored, also for a synonym."""
        return self.app.heroes.vocabulary.power(" ".join(typed.split()))
