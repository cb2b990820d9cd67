"""/about: what answers here, what it learnt from, and where its code and its policy are."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.community.about import Standing
from bot.i18n.message import Language
from bot.store.statistics import Totals
from cogs.common.locale import language_of
from cogs.common.persistent import lasting


class AboutCog(commands.Cog):
    """About the bot: its model, its dataset, its loop."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="Which model answers here, what it learnt from, and what you do for it")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def about(self, interaction: Interaction) -> None:
        await interaction.response.defer()  # its figures are counted
        say = await language_of(interaction)
        settings = self.app.settings
        card = _card(say, await self.app.about.now())
        links = {say("Source code"): settings.source_url, say("Privacy"): settings.privacy_url}
        view = lasting(discord.ui.Button(label=label, url=url) for label, url in links.items() if url)
        await interaction.edit_original_response(embed=card, view=view)


def _card(say: Language, standing: Standing) -> discord.Embed:
    card = discord.Embed(
        title=say("A bot that owns its model, and learns from you"),
        description=say(
            "Ask for a hero with `/hero 40 woman healing`, and leave a thumb under what you read. "
            "What people like teaches the next model; it takes over only when your votes prove it better."
        ),
        colour=discord.Colour.blurple(),
    )
    card.add_field(name=say("Model"), value=_model(say, standing), inline=False)
    card.add_field(name=say("Dataset"), value=_dataset(say, standing), inline=False)
    card.add_field(name=say("The loop so far"), value=_loop(say, standing.totals), inline=False)
    return card


def _model(say: Language, standing: Standing) -> str:
    live = standing.live
    if live is None:
        return say("The untuned base model, {base}.", base=f"`{standing.base}`")
    return say(
        "Model {number}, {name}, tuned from {base}.",
        number=live.id,
        name=f"`{live.name}`",
        base=f"`{live.base}`",
    )


def _dataset(say: Language, standing: Standing) -> str:
    if standing.dataset is None:
        return say("None: no model has been tuned yet.")
    version, counts = standing.dataset.id, standing.dataset.counts
    size = counts.get("train", 0) + counts.get("valid", 0)
    if standing.dataset.kind == "preference":
        return say(
            "Version {version}: {pairs} pairs of the bot's own texts, one of each liked better by people.",
            version=version,
            pairs=size,
        )
    return say(
        "Version {version}: {texts} texts, {own} of them written by the bot itself, {liked} liked by people.",
        version=version,
        texts=size,
        own=size - counts.get("import", 0),
        liked=counts.get("description", 0),
    )


def _loop(say: Language, totals: Totals) -> str:
    lines = (
        say.count("{number} description written", "{number} descriptions written", totals.descriptions),
        say.count("{number} vote on descriptions", "{number} votes on descriptions", totals.votes),
        say.count("{number} pick in a duel", "{number} picks in duels", totals.picks),
        say.count("{number} person voted", "{number} people voted", totals.voters),
        say.count("{number} dataset built", "{number} datasets built", totals.datasets),
        say.count("{number} model tuned", "{number} models tuned", totals.models),
        say.count(
            "{number} of them made live by votes", "{number} of them made live by votes", totals.promoted
        ),
    )
    return "\n".join(f"- {line}" for line in lines)
