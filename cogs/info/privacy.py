"""/privacy: show, export or delete what is stored about a person."""

import asyncio
import gzip
import io
from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.i18n.message import Translator, mark
from bot.store.personal_data import Erased
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer
from cogs.moderation.reports import refresh_takes


class PrivacyCog(commands.Cog):
    """What the bot has stored about you: see it, export it, delete it."""

    group = app_commands.Group(
        name="privacy",
        description="What the bot has stored about you: see it, export it, delete it",
        allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
    )

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @group.command(description="See what the bot has stored about you")
    async def show(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        t = await translator_of(interaction)
        counts = await self.app.privacy.counts(interaction.user.id)
        await answer(interaction, _stored_text(t, counts, self.app.settings.privacy_url))

    @group.command(description="Get everything that the bot has stored about you, as a file")
    async def export(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        t = await translator_of(interaction)
        content = await self.app.privacy.export(interaction.user.id)
        name = "herosmith.json"
        if len(content) > interaction.filesize_limit:
            content, name = await asyncio.to_thread(gzip.compress, content), "herosmith.json.gz"
        text = t("This is everything that is stored about you. Only you can see this message.")
        await answer(
            interaction,
            MessageContent(content=text, files=(lambda: discord.File(io.BytesIO(content), name),)),
        )

    @group.command(description="Delete everything that the bot has stored about you")
    async def delete(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        t = await translator_of(interaction)
        counts = await self.app.privacy.counts(interaction.user.id)
        if not any(counts.values()):
            await answer(interaction, t("Nothing is stored about you."))
            return
        await answer(
            interaction,
            MessageContent(
                content=f"{counts_text(t, counts)}\n{t(_CONFIRMATION)}", view=_confirmation_view(t)
            ),
        )


_CONFIRMATION = mark(
    "**Delete all of it? This cannot be undone.** Your votes and reports are deleted and no longer count,"
    " not even in a running trial of two models. The texts that you asked for are emptied, and taken out "
    "of datasets. A model that has learnt from a text keeps what it learnt. Messages in Discord stay "
    "where they are."
)


class PrivacyButton(PersistentButton, template=r"privacy:(?P<action>delete|keep)"):
    """The answer to the confirmation. It applies to the person who clicks, whose id is not in the button."""

    def __init__(self, action: str, label: str = "-") -> None:
        style = discord.ButtonStyle.danger if action == "delete" else discord.ButtonStyle.secondary
        super().__init__(f"privacy:{action}", label=label, style=style)
        self.action = action

    async def handle(self, interaction: Interaction) -> None:
        """Delete everything, or nothing, and replace the question by the outcome."""
        await interaction.response.defer()
        t = await translator_of(interaction)
        if self.action != "delete":
            await answer(interaction, t("Nothing was deleted."))
            return
        erased = await interaction.client.app.privacy.delete(interaction.user.id)
        await answer(interaction, _deleted_text(t, erased))
        await refresh_takes(interaction.client, erased.quoted)


def _confirmation_view(t: Translator) -> discord.ui.View:
    return persistent_view(
        [PrivacyButton("delete", t("Delete everything")), PrivacyButton("keep", t("Keep it"))]
    )


def _stored_text(t: Translator, counts: dict[str, int], policy: str | None) -> str:
    parts = [counts_text(t, counts) if any(counts.values()) else t("Nothing is stored about you.")]
    if not any(counts.values()):
        parts.append(
            t("Ask for a hero with `/hero`, or vote on one, and this lists it, to export or delete.")
        )
    else:
        parts.append(
            t(
                "Descriptions, votes and reports are stored under a pseudonym (a made-up name), never "
                "under your Discord id. `/privacy export` gives you everything as a file; `/privacy "
                "delete` deletes it."
            )
        )
    if policy:
        parts.append(t("What is stored, what for and how long: {url}", url=f"<{policy}>"))
    return "\n".join(parts)


def counts_text(t: Translator, counts: dict[str, int]) -> str:
    """Return a line for each table with rows of the person. counts: rows by table.

    A table without a sentence of its own is named as it is, so that nothing stored goes unsaid.
    """
    lines = {
        "description": t.count(
            "{number} description that you asked for, with its hero and where it was shown",
            "{number} descriptions that you asked for, with their heroes and where they were shown",
            counts["description"],
        ),
        "reaction": t.count(
            "{number} thumb that you left", "{number} thumbs that you left", counts["reaction"]
        ),
        "vote": t.count(
            "{number} vote that these thumbs make", "{number} votes that these thumbs make", counts["vote"]
        ),
        "duel_vote": t.count(
            "{number} vote of yours in a duel", "{number} votes of yours in duels", counts["duel_vote"]
        ),
        "report": t.count(
            "{number} report of a description, with what you wrote in it",
            "{number} reports of descriptions, with what you wrote in them",
            counts["report"],
        ),
        "pick": t.count(
            "{number} pick of yours between two texts about a hero",
            "{number} picks of yours between two texts about a hero",
            counts["pick"],
        ),
        "bookmark": t.count(
            "{number} hero that you keep", "{number} heroes that you keep", counts["bookmark"]
        ),
        "member_setting": t.count(
            "{number} choice of what others may see of you",
            "{number} choices of what others may see of you",
            counts["member_setting"],
        ),
        "blocked_person": t.count(
            "{number} note on who must not ask for heroes",
            "{number} notes on who must not ask for heroes",
            counts["blocked_person"],
        ),
        "quota_reset": t.count(
            "{number} time that an operator let you begin your day anew",
            "{number} times that an operator let you begin your day anew",
            counts["quota_reset"],
        ),
        "daily_use": t.count(
            "{number} note on how many heroes you asked for today",
            "{number} notes on how many heroes you asked for today",
            counts["daily_use"],
        ),
        "season": t.count(
            "{number} season that you started or ended",
            "{number} seasons that you started or ended",
            counts["season"],
        ),
        "job": t.count(
            "{number} job that you started as an operator",
            "{number} jobs that you started as an operator",
            counts["job"],
        ),
        "model_event": t.count(
            "{number} change of a model that you made as an operator",
            "{number} changes of models that you made as an operator",
            counts["model_event"],
        ),
        "power": t.count(
            "{number} power that you added to the vocabulary",
            "{number} powers that you added to the vocabulary",
            counts["power"],
        ),
        "notice": t.count(
            "{number} notice that named you", "{number} notices that named you", counts["notice"]
        ),
    }
    for table in sorted(counts.keys() - lines.keys()):
        lines[table] = t.count(
            "{number} row of the table `{table}`",
            "{number} rows of the table `{table}`",
            counts[table],
            table=table,
        )
    stored = [f"- {line}" for table, line in lines.items() if counts[table]]
    return "\n".join([t("**What is stored about you**"), *stored])


def _deleted_text(t: Translator, erased: Erased) -> str:
    text = t("Everything that was stored about you is deleted. What you do from now on is stored again.")
    return "\n".join(filter(None, [text, datasets_text(t, erased.datasets)]))


def datasets_text(t: Translator, datasets: Sequence[int]) -> str | None:
    """Return from which datasets a deletion took texts; None if from none."""
    if not datasets:
        return None
    return t(
        "Your texts were taken out of these datasets, so no model is trained on them any more: {versions}.",
        versions=", ".join(f"v{version}" for version in datasets),
    )
