"""Apps -> How was this made?: what is known of how a hero's text came about."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.dataset.browsing.provenance import NearText, Provenance
from bot.i18n.message import Translator, mark
from bot.serving.takes import SAME_OPENING
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.markdown import escape_markdown, quote
from cogs.common.responses import answer
from cogs.hero.shown import shown_title
from cogs.hero.take_embeds import manner_label, message_url

NAME = mark("How was this made?")  # Discord's limit is 32 characters, in each language

_MOST_PROMPT, _MOST_MESSAGE = 1000, 400  # characters: a field of an embed has up to 1,024
_MOST_QUOTE = 220


class ProvenanceCog(commands.Cog):
    """A command in the menu of each message, under Apps."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self.menu = app_commands.ContextMenu(name=NAME, callback=self._explain)
        self.menu.allowed_installs = app_commands.AppInstallationType(guild=True, user=True)
        self.menu.allowed_contexts = app_commands.AppCommandContext(
            guild=True, dm_channel=True, private_channel=True
        )

    async def cog_load(self) -> None:
        self.bot.tree.add_command(self.menu)

    async def cog_unload(self) -> None:
        self.bot.tree.remove_command(self.menu.name, type=self.menu.type)

    async def _explain(self, interaction: Interaction, message: discord.Message) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        t = await translator_of(interaction)
        found = await self.app.provenance.of_message(message.id)
        title = await shown_title(self.app, found.description, t)
        await answer(interaction, MessageContent([_embed(found, title, t)]))


def _embed(found: Provenance, title: str, t: Translator) -> discord.Embed:
    embed = discord.Embed(title=t("How was this made?"), description=f"**{escape_markdown(title)}**")
    embed.add_field(name=t("By"), value=_author_text(found, t), inline=False)
    embed.add_field(name=t("When"), value=_time_text(found.description, t), inline=False)
    embed.add_field(name=t("What the model was sent"), value=_prompt_text(found, t), inline=False)
    embed.add_field(name=t("How its words were drawn"), value=_draws_text(found, t), inline=False)
    if found.lineage:
        name = t("Story") if found.description.kind == "scene" else t("Another take")
        embed.add_field(name=name, value=_lineage_text(found, t), inline=False)
    if found.model:
        embed.add_field(
            name=t("What it is nearest to, of what the model learnt"),
            value=_nearest_text(found.nearest, t),
            inline=False,
        )
    return embed


def _author_text(found: Provenance, t: Translator) -> str:
    shown = found.description
    if found.model is None:
        return t("The base model, {model}, before any training.", model=f"`{shown.model}`")
    return t(
        "Model {number}, `{name}`, which was trained on dataset v{dataset}, from {base}.",
        number=found.model.id,
        name=found.model.name,
        dataset=found.model.dataset_id,
        base=f"`{found.model.base}`",
    )


def _time_text(shown: Description, t: Translator) -> str:
    return t(
        "{at}, in {seconds:.1f} s: {sent:,} tokens were read and {written:,} written.",
        at=f"<t:{int(shown.created_at)}:f>",
        seconds=shown.seconds,
        sent=shown.prompt_tokens,
        written=shown.completion_tokens,
    )


def _prompt_text(found: Provenance, t: Translator) -> str:
    version = t("Version {number} of the prompts.", number=found.description.prompt_version)
    if not found.description.of_one_hero:
        return t(
            "{version} What exactly was sent for a team or a scene is not noted.",
            version=version,
        )
    if not found.prompt:
        return t("{version} What exactly was sent is not known any more.", version=version)
    lines = [version]
    for message in found.prompt:
        text = escape_markdown(message["content"])
        if len(text) > _MOST_MESSAGE:
            text = f"{text[:_MOST_MESSAGE].rstrip(chr(92))} …"
        lines.append(f"`{message['role']}` {text}")
    if found.prompt[-1]["role"] == "assistant":
        lines.append(t("The last one is how the text was begun; the model went on from there."))
    shown = "\n".join(lines)
    return shown if len(shown) <= _MOST_PROMPT else f"{shown[:_MOST_PROMPT].rstrip(chr(92))} …"


def _draws_text(found: Provenance, t: Translator) -> str:
    sampling = found.description.sampling
    seed = sampling.get("seed")
    parts = [f"`{name}` {value}" for name, value in found.sampling.items()]
    parts.append(f"`seed` {seed}" if seed is not None else t("a seed that nobody noted"))
    draws = sampling.get("draws", 1)
    drawn = t.count(
        "It was drawn once.",
        "It was drawn {number} times, because curation found a fault in those before.",
        draws,
    )
    return f"{', '.join(parts)}. {drawn}"


def _lineage_text(found: Provenance, t: Translator) -> str:
    if found.description.kind == "scene":
        lines = [t("It is a scene of a story, after:")]
    else:
        manner = manner_label(found.description.sampling.get("tone") or SAME_OPENING, t)
        lines = [t("{manner}. It goes back to:", manner=manner)]
    for number, parent in enumerate(found.lineage, 1):
        url = message_url(parent)
        if not parent.text or parent.removed_at is not None:
            said = t("a text that is gone or hidden")
        else:
            said = quote(parent.text, 80)
        lines.append(f"{number}. " + (f"{said} [↗]({url})" if url else said))
    return "\n".join(lines)


def _nearest_text(nearest: tuple[NearText, ...], t: Translator) -> str:
    if not nearest:
        return t("No text that it learnt is much like it.")
    lines = []
    for near in nearest:
        liked = t("liked by people") if near.liked else t("of the dataset")
        lines.append(f"- {near.likeness:.0%}, {liked}: {quote(near.text, _MOST_QUOTE)}")
    return "\n".join(lines)
