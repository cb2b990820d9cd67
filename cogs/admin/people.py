"""/people: whom operators do not let ask, and who asks most."""

from collections.abc import Awaitable, Callable

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.community.people import ListedPerson
from bot.errors import NotUnderstood
from bot.i18n.message import Translator
from bot.presentation.people import blocked_text, heaviest_text
from cogs.common.locale import translator_of
from cogs.common.permissions import admins_group, is_operator, operators_only
from cogs.common.responses import answer

_DAYS_SUGGESTED = 7
_MAX_CHOICES = 25  # that Discord shows

Name = app_commands.Range[str, 1, 100]


class PeopleCog(commands.Cog):
    """People: a member is named by mention, anybody else by a short name from the list of the heaviest."""

    group = admins_group(name="people", description="Who asks most, and who may not ask (operators)")

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @group.command(description="Let somebody ask for no more heroes; what they vote still counts")
    @app_commands.describe(
        member="A member of this server", person="A short name from /people heaviest, or a Discord user id"
    )
    @operators_only
    async def block(
        self, interaction: Interaction, member: discord.User | None = None, person: Name | None = None
    ) -> None:
        t, found, name = await self._named(interaction, member, person)
        if await self.app.people.block(found, interaction.user.id):
            text = t(
                "{person} cannot ask for heroes any more, anywhere. Their votes still count.", person=name
            )
        else:
            text = t("{person} is blocked already.", person=name)
        await answer(interaction, text)

    @group.command(description="Let somebody ask for heroes again")
    @app_commands.describe(
        member="A member of this server", person="A short name from the list of blocked people"
    )
    @operators_only
    async def unblock(
        self, interaction: Interaction, member: discord.User | None = None, person: Name | None = None
    ) -> None:
        t, found, name = await self._named(interaction, member, person)
        if await self.app.people.unblock(found):
            text = t("{person} can ask for heroes again.", person=name)
        else:
            text = t("{person} is not blocked.", person=name)
        await answer(interaction, text)

    @group.command(name="reset-quota", description="Count somebody's heroes of today from zero again")
    @app_commands.describe(
        member="A member of this server", person="A short name from /people heaviest, or a Discord user id"
    )
    @operators_only
    async def reset_quota(
        self, interaction: Interaction, member: discord.User | None = None, person: Name | None = None
    ) -> None:
        t, found, name = await self._named(interaction, member, person)
        await self.app.people.reset_quota(found, interaction.user.id)
        text = t(
            "The heroes of {person} are counted from zero again. Those of the servers stay.", person=name
        )
        await answer(interaction, text)

    @group.command(description="List who asks for most heroes, and who is blocked")
    @app_commands.describe(days="How many days are counted; 1 if left out")
    @operators_only
    async def heaviest(self, interaction: Interaction, days: app_commands.Range[int, 1, 30] = 1) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        t = await translator_of(interaction)
        people = await self.app.people.heaviest(days)
        blocked = await self.app.people.blocked()
        text = f"{heaviest_text(t, people, days)}\n{blocked_text(t, blocked)}"
        # 25 and 25 who are blocked may not fit: the oldest blocks are left out, by whole lines
        await answer(interaction, text if len(text) <= 2000 else text[:2000].rpartition("\n")[0])

    async def _named(
        self, interaction: Interaction, member: discord.User | None, person: str | None
    ) -> tuple[Translator, str, str]:
        """Acknowledge the command. Return the language, the person's pseudonym, and what to call them.

        Raises UserError if nobody is named, or two are.
        """
        await interaction.response.defer(ephemeral=True, thinking=True)
        t = await translator_of(interaction)
        if member is not None and person is None:
            return t, self.app.people.of_user(member.id), member.mention
        if person is not None and member is None:
            found = await self.app.people.find(person)
            return t, found, f"`{await self.app.people.short(found)}`"
        raise NotUnderstood(
            "Name one person, either a member or somebody of `{/people heaviest}`. Nothing was changed."
        )

    @block.autocomplete("person")
    @reset_quota.autocomplete("person")
    async def _suggest_heaviest(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await _choices(interaction, typed, lambda: self.app.people.heaviest(_DAYS_SUGGESTED))

    @unblock.autocomplete("person")
    async def _suggest_blocked(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await _choices(interaction, typed, self.app.people.blocked)


async def _choices(
    interaction: Interaction, typed: str, people: Callable[[], Awaitable[list[ListedPerson]]]
) -> list[app_commands.Choice[str]]:
    """Return people by short names, with what they asked for, if the person who types is an operator."""
    if not await is_operator(interaction):
        return []
    t = await translator_of(interaction)
    matching = [each for each in await people() if each.short.startswith(typed.strip().lower())]
    return [
        app_commands.Choice(
            name=f"{each.short} · {t.count('{number} hero', '{number} heroes', each.heroes)}",
            value=each.short,
        )
        for each in matching[:_MAX_CHOICES]
    ]
