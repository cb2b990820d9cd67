"""The buttons of a hero's message: Stop while it is written, Again and Report under the finished text.

What each does and to what stands in its id. cogs/hero/actions.py and cogs/moderation/buttons.py handle them.
"""

import discord

from bot.i18n.message import Translator, mark
from cogs.common.persistent import persistent_view

_LABELS = {"stop": mark("Stop"), "again": mark("Again"), "report": mark("Report")}


def hero_buttons(*actions: str, subject: int, t: Translator) -> discord.ui.View:
    """Buttons for a message. subject: the id of the description, or of the generation that Stop ends."""
    return persistent_view(
        discord.ui.Button(custom_id=f"hero:{action}:{subject}", label=t(_LABELS[action]))
        for action in actions
    )
