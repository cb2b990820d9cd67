"""/about: the live model, its dataset, the figures so far, and links to the code and the privacy policy."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import palette
from bot.app import App
from bot.client import HeroBot, Interaction
from bot.community.about import Overview
from bot.i18n.message import Translator
from bot.presentation.datasets import dataset_composition
from bot.rating.thresholds import Thresholds
from bot.rating.trial_status import TrialStatus
from bot.registry.names import name_in_sentence
from bot.settings import Settings
from bot.store.statistics import Totals
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.persistent import persistent_view
from cogs.common.responses import answer


class AboutCog(commands.Cog):
    """About the bot: its model, its dataset, its loop."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="Which model answers here, what it learnt from, and what you do for it")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def about(self, interaction: Interaction) -> None:
        await interaction.response.defer()  # counting the figures takes time
        t = await translator_of(interaction)
        settings = self.app.settings
        trial = await self.app.trials.status()
        embed = _embed(t, await self.app.about.now())
        votes = _votes_text(t, self.app.admission.thresholds, settings, trial)
        embed.add_field(name=t("Votes"), value=votes, inline=False)
        links = {t("Source code"): settings.source_url, t("Privacy"): settings.privacy_url}
        view = persistent_view(discord.ui.Button(label=label, url=url) for label, url in links.items() if url)
        await answer(interaction, MessageContent(embeds=[embed], view=view))


def _embed(t: Translator, overview: Overview) -> discord.Embed:
    embed = discord.Embed(
        title=t("A bot that owns its model, and learns from you"),
        description=t(
            "Ask for a hero with `/hero 40 woman healing`, and click a thumb under the text. The next "
            "model learns from what people like. The first one that passes a check answers here; each later "
            "one takes over if votes prove it better, or if an operator decides so."
        ),
        colour=discord.Colour.from_str(palette.MODEL),
    )
    embed.add_field(name=t("Model"), value=_model_text(t, overview), inline=False)
    embed.add_field(name=t("Dataset"), value=_dataset_text(t, overview), inline=False)
    embed.add_field(name=t("So far"), value=_totals_text(t, overview.totals), inline=False)
    return embed


def _model_text(t: Translator, overview: Overview) -> str:
    live, base = overview.live, name_in_sentence(overview.base)
    if live is None:
        return t("The base model, {base}, as it came: no model that was trained here is live.", base=base)
    return t("Model {number}, trained from {base}.", number=live.id, base=base)


def _dataset_text(t: Translator, overview: Overview) -> str:
    if overview.dataset is None:
        return t("None: the model that answers was not trained here.")
    version, counts = overview.dataset.id, overview.dataset.counts
    size = counts.get("train", 0) + counts.get("valid", 0)
    if overview.dataset.kind == "preference":
        return t(
            "Version {version}: {pairs} pairs of texts by the bot; people liked one of the two better.",
            version=version,
            pairs=size,
        )
    return t(
        "Version {version}: {composition}.",
        version=version,
        composition=dataset_composition(overview.dataset),
    )


def _votes_text(t: Translator, thresholds: Thresholds, settings: Settings, trial: TrialStatus | None) -> str:
    """Return what votes do, how many it takes, and which do not count."""
    lines = [
        t.count(
            "A text may train once {number} person besides the one who asked for it likes it; it takes more "
            "if others do not.",
            "A text may train once {number} people besides the one who asked for it like it; it takes more "
            "if others do not.",
            thresholds.fewest_ups,
        ),
        t(
            "Not counted are votes on a text that one has asked for oneself, of Discord accounts younger "
            "than {days} days, and more than {daily} of one person a day.",
            days=settings.account_days,
            daily=settings.daily_votes,
        ),
    ]
    if trial:
        lines.append(t("A new model is on trial, by `/duel`. {progress}", progress=trial.progress))
    return "\n".join(f"- {line}" for line in lines)


def _totals_text(t: Translator, totals: Totals) -> str:
    """Return what there is so far, without what there is nothing of."""
    lines = (
        (totals.descriptions, _written_text(t, totals)),
        (
            totals.votes,
            t.count(
                "{number} vote on descriptions, counted or not",
                "{number} votes on descriptions, counted or not",
                totals.votes,
            ),
        ),
        (
            totals.picks,
            t.count(
                "{number} vote in a duel, counted or not",
                "{number} votes in duels, counted or not",
                totals.picks,
            ),
        ),
        (totals.voters, t.count("{number} person voted", "{number} people voted", totals.voters)),
        (totals.datasets, t.count("{number} dataset built", "{number} datasets built", totals.datasets)),
        (totals.models, _trained_text(t, totals)),
    )
    shown = [f"- {line}" for number, line in lines if number]
    return "\n".join(shown) or t("Nothing yet. Ask for the first hero with `/hero`.")


def _written_text(t: Translator, totals: Totals) -> str:
    written = t.count("{number} description written", "{number} descriptions written", totals.descriptions)
    if not totals.redrawn:
        return written
    again = t.count(
        "{number} of them written a second time because the first text had a mistake",
        "{number} of them written a second time because the first text had a mistake",
        totals.redrawn,
    )
    return f"{written}, {again}"


def _trained_text(t: Translator, totals: Totals) -> str:
    trained = t.count("{number} model trained", "{number} models trained", totals.models)
    if not totals.promoted:
        return t("{trained}; none has gone live by votes so far", trained=trained)
    live = t.count(
        "{number} of them went live by votes", "{number} of them went live by votes", totals.promoted
    )
    return f"{trained}, {live}"
