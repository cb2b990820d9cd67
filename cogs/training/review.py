"""/dataset review: one example at a time, with Keep, Edit and Reject."""

import discord

from bot.client import Interaction
from bot.dataset.versions.review import MAX_LENGTH, ReviewPage
from bot.i18n.message import ENGLISH, Translator, mark
from bot.store.examples import Verdict
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.markdown import escape_markdown
from cogs.common.permissions import require_operator
from cogs.common.persistent import Modal, PersistentButton, persistent_view
from cogs.common.responses import answer

_STYLES: dict[Verdict, tuple[str, discord.ButtonStyle]] = {
    "keep": (mark("Keep"), discord.ButtonStyle.success),
    "edit": (mark("Edit"), discord.ButtonStyle.primary),
    "reject": (mark("Reject"), discord.ButtonStyle.danger),
}


class ReviewButton(
    PersistentButton,
    template=r"review:(?P<verdict>keep|edit|reject):(?P<version>[0-9]{1,9}):(?P<example_id>[0-9]{1,18})",
):
    """One verdict on one example. Its custom_id holds both, so it survives restarts."""

    def __init__(self, verdict: Verdict, version: int, example_id: int, t: Translator = ENGLISH) -> None:
        label, style = _STYLES[verdict]
        super().__init__(f"review:{verdict}:{version}:{example_id}", label=t(label), style=style)
        self.verdict = verdict
        self.version = version
        self.example_id = example_id

    async def handle(self, interaction: Interaction) -> None:
        """Store the verdict and show the next example; for an edit, ask for the text first."""
        await require_operator(interaction)
        reviews = interaction.client.app.reviews
        if self.verdict == "edit":
            text = await reviews.current_text(self.example_id)
            t = await translator_of(interaction)
            await interaction.response.send_modal(EditForm(self.version, self.example_id, text, t))
            return
        await interaction.response.defer()
        await reviews.judge(self.example_id, self.verdict)
        await show_next(interaction, self.version)


class EditForm(Modal):
    """Asks for the changed text of an example."""

    def __init__(self, version: int, example_id: int, text: str, t: Translator) -> None:
        super().__init__(title=t("Edit the example"))
        self.version = version
        self.example_id = example_id
        self.text: discord.ui.TextInput[EditForm] = discord.ui.TextInput(
            label=t("Text"),
            custom_id="text",
            style=discord.TextStyle.paragraph,
            default=text[:MAX_LENGTH],
            max_length=MAX_LENGTH,
        )
        self.add_item(self.text)

    async def submit(self, interaction: Interaction) -> None:
        await require_operator(interaction)
        await interaction.response.defer()
        await interaction.client.app.reviews.judge(self.example_id, "edit", self.text.value)
        await show_next(interaction, self.version)


async def show_next(interaction: Interaction, version: int) -> None:
    """Replace the judged example by the next one."""
    page = await interaction.client.app.reviews.next(version)
    t = await translator_of(interaction)
    await answer(interaction, MessageContent(content=review_text(t, page), view=review_view(t, page)))


def review_text(t: Translator, page: ReviewPage | None) -> str:
    """Return the text that shows an example for a verdict."""
    if page is None:
        return t(
            "Every example of this dataset has been reviewed. What you decided counts from the next "
            "dataset on: `/build-dataset`."
        )
    text = escape_markdown(page.example.text)
    title = t(
        "**Dataset v{version}, still to review: {number}**", version=page.version, number=page.remaining
    )
    note = t("-# What you decide counts from the next dataset on.")
    return f"{title}\n`{page.example.prompt}`\n> {text[:1700]}\n{note}"


def review_view(t: Translator, page: ReviewPage | None) -> discord.ui.View | None:
    """Return the verdict buttons; None if no example is left."""
    if page is None:
        return None
    return persistent_view(
        ReviewButton(verdict, page.version, page.example.example_id, t) for verdict in _STYLES
    )
