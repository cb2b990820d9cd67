"""The buttons of a hero's message: Stop while it is written, Again and Report under the finished text.

What each does and to what stands in its id. cogs/hero/actions.py and cogs/moderation/buttons.py handle them.
"""

import discord

from bot.i18n.message import Language, later
from cogs.common.persistent import lasting

_LABELS = {"stop": later("Stop"), "again": later("Again"), "report": later("Report")}


def hero_buttons(*actions: str, subject: int, say: Language) -> discord.ui.View:
    """Buttons for a message. subject: the id of the description, or of the generation that Stop ends."""
    return lasting(
        discord.ui.Button(custom_id=f"hero:{action}:{subject}", label=say(_LABELS[action]))
        for action in actions
    )
