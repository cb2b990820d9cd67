"""/heroes settings: what others may see of a member, switched by buttons."""

import discord

from bot.client import Interaction
from bot.community.member_settings import PERMISSIONS, Permission
from bot.i18n.message import ENGLISH, Translator, mark
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer

_WORDS: dict[Permission, str] = {
    "list": mark(
        "**Your list.** With `{/heroes of}`, everyone in a server sees the heroes that you asked for in that "
        "server, those of channels that they cannot open among them: age, gender, power, text and votes. "
        "Nobody sees there what you asked for in other servers or in direct messages."
    ),
    "gallery": mark(
        "**The gallery.** The heroes that you asked for in servers that take part may stand on a web page "
        "that anyone can read: age, gender, power, text, votes and model, and the day. Your name is not on "
        "it. If you leave, they go when the operators next publish it."
    ),
    "name": mark(
        "**Your name.** Lists of those who vote most may name you, with how many votes you gave; what you "
        "voted for is not shown. For this alone your Discord id is stored, until you switch it off."
    ),
}
_LABELS: dict[Permission, tuple[str, str]] = {  # to switch it on, and off
    "list": (mark("Show my list"), mark("Hide my list")),
    "gallery": (mark("Join the gallery"), mark("Leave the gallery")),
    "name": (mark("Name me"), mark("Do not name me")),
}


class PermissionButton(
    PersistentButton,
    template=r"heroes:allow:(?P<permission>list|gallery|name):(?P<allowed>[01])",
):
    """Allows others to see something of the person who clicks, or forbids it: twice is once."""

    def __init__(self, permission: Permission, allowed: int, t: Translator = ENGLISH) -> None:
        on, off = _LABELS[permission]
        style = discord.ButtonStyle.primary if allowed else discord.ButtonStyle.secondary
        super().__init__(f"heroes:allow:{permission}:{allowed}", label=t(on if allowed else off), style=style)
        self.permission: Permission = permission
        self.allowed = bool(allowed)

    async def handle(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        settings = interaction.client.app.member_settings
        allowed = await settings.change(interaction.user.id, self.permission, allowed=self.allowed)
        await answer(interaction, await _content(interaction, allowed))


async def permissions_content(interaction: Interaction) -> MessageContent:
    """Return what a member allows, with the buttons that change it."""
    allowed = await interaction.client.app.member_settings.allowed(interaction.user.id)
    return await _content(interaction, allowed)


async def _content(interaction: Interaction, allowed: frozenset[Permission]) -> MessageContent:
    t = await translator_of(interaction)
    lines = [t("What others may see of you, in all servers: only what is ticked here.")]
    for each in PERMISSIONS:
        text = t(_WORDS[each])
        if each == "gallery" and interaction.guild_id is not None:
            text += " " + await _server_text(interaction, interaction.guild_id, t)
        lines.append(f"{'✅' if each in allowed else '⬜'} {text}")
    buttons = [PermissionButton(each, int(each not in allowed), t) for each in PERMISSIONS]
    return MessageContent(content="\n".join(lines), view=persistent_view(buttons))


async def _server_text(interaction: Interaction, guild_id: int, t: Translator) -> str:
    setting = await interaction.client.app.guild_settings.get(guild_id)
    if setting.in_gallery:
        return t("This server takes part.")
    return t("This server does not take part; its admins can change that.")
