"""Which permissions the bot has in a channel, which it lacks, and where to give them: a button for admins."""

import discord

from bot.client import Interaction
from bot.connection.invite import PERMISSIONS
from bot.errors import NotAllowed
from bot.i18n.message import ENGLISH, Translator, mark
from cogs.common.locale import translator_of
from cogs.common.persistent import PersistentButton
from cogs.common.responses import confirm

# By discord.py's name, those of the invite: as Discord's settings call them, and what they are for.
PURPOSES = {
    "read_messages": mark("**View Channel**: without it I know nothing of this channel"),
    "send_messages": mark("**Send Messages**: answers to mentions, the hero of the week"),
    "embed_links": mark("**Embed Links**: heroes in answers to mentions, and in posts"),
    "read_message_history": mark("**Read Message History**: without it nobody can add a thumb"),
    "add_reactions": mark("**Add Reactions**: the two thumbs under a hero"),
    "attach_files": mark("**Attach Files**: cards, charts and tables"),
    "send_messages_in_threads": mark("**Send Messages in Threads**: the same in threads"),
}


class PermissionsButton(PersistentButton, template="onboarding:permissions"):
    """Shows the bot's permissions in the channel of the button, to those who may give them."""

    def __init__(self, t: Translator = ENGLISH) -> None:
        super().__init__("onboarding:permissions", label=t("Check permissions"), emoji="🔧")

    async def handle(self, interaction: Interaction) -> None:
        """Answer the admin alone. Raises NotAllowed for anybody else."""
        if interaction.guild_id is None:
            raise NotAllowed("This works only in a server.")
        if not interaction.permissions.manage_guild:
            raise NotAllowed(
                "Only members with the permission Manage Server may check this. `/help` shows what you can "
                "do here."
            )
        await interaction.response.defer(ephemeral=True)
        t = await translator_of(interaction)
        # of this very channel, as Discord sends it with the click
        await confirm(interaction, permissions_text(t, interaction.channel_id, interaction.app_permissions))


def permissions_text(t: Translator, channel_id: int | None, granted: discord.Permissions) -> str:
    """Return which of the invite's permissions are there, and what to do about those that are missing."""
    needed = [name for name, wanted in PERMISSIONS if wanted]
    missing = [name for name in needed if not getattr(granted, name)]
    lines = [t("My permissions in {channel}:", channel=f"<#{channel_id}>")]
    lines += [
        f"{'❌' if name in missing else '✅'} {t(PURPOSES[name])}" for name in PURPOSES if name in needed
    ]
    if missing:
        lines.append(
            t(
                "For this channel, give me those with a ❌ under Edit Channel (the gear beside its name), "
                "Permissions; for all channels under Server Settings, Roles, in my role. Then click here "
                "once more. Until then commands such as `/hero` work, but what needs them does not."
            )
        )
    else:
        lines.append(t("Nothing is missing here. Other channels may differ: `/help` has this button, too."))
    return "\n".join(lines)
