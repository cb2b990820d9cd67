"""A take's message: the text before and the new one, and buttons to say which one likes better."""

import discord

from bot import palette
from bot.i18n.message import Translator, mark
from bot.serving.takes import SAME_OPENING, ShownTake
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.common.markdown import escape_markdown
from cogs.common.persistent import persistent_view
from cogs.hero.embeds import hidden_text
from cogs.hero.take_buttons import PickButton

_MAX_LENGTH = 1500  # characters of the text before; all embeds of a message may have 6,000 together

_MANNERS = {
    SAME_OPENING: mark("The same opening idea"),
    "funny": mark("Funny"),
    "gentle": mark("Gentle"),
    "adventurous": mark("Adventurous"),
    "mysterious": mark("Mysterious"),
}


def manner_label(manner: str, t: Translator) -> str:
    """Return how a manner of a take is called; a tone of one's own file by its key."""
    return t(_MANNERS[manner]) if manner in _MANNERS else manner.capitalize()


def take_content(content: MessageContent, shown: ShownTake, t: Translator) -> MessageContent:
    """Return the message of a take, which is content by itself, below the text before."""
    (embed,) = content.embeds
    manner = shown.take.sampling.get("tone") or SAME_OPENING
    embed.set_author(name=t("Another take: {manner}", manner=manner_label(manner, t)))
    buttons = list(content.view.children) if content.view else []
    for button in buttons:
        button.row = (button.row or 0) + 1  # below the picks
    is_visible = bool(shown.parent.text) and shown.parent.removed_at is None
    picks = [PickButton(prefers, shown.take.id, t) for prefers in ("parent", "take")] if is_visible else []
    return MessageContent([_parent_embed(shown.parent, t), embed], persistent_view([*picks, *buttons]))


def _parent_embed(parent: Description, t: Translator) -> discord.Embed:
    """Return the text before, with a link to its message."""
    if not parent.text:
        text = t("*The person who asked for it had it deleted.*")
    elif notice := hidden_text(parent, t):
        text = f"*{notice}*"
    else:
        text = escape_markdown(parent.text)
        if len(text) > _MAX_LENGTH:
            text = f"{text[: _MAX_LENGTH - 2].rsplit(' ', 1)[0]} …"
    embed = discord.Embed(description=text, colour=discord.Colour.from_str(palette.CONTEST))
    return embed.set_author(name=t("The text before"), url=message_url(parent))


def message_url(description: Description) -> str | None:
    """Return the address of the message that shows a description; None if there is none any more."""
    if description.channel_id is None or description.message_id is None:
        return None
    place = description.guild_id or "@me"
    return f"https://discord.com/channels/{place}/{description.channel_id}/{description.message_id}"
