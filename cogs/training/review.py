"""/dataset review: one example at a time, with Keep, Edit and Reject."""

import discord

from bot.client import Interaction
from bot.dataset.versions.review import LONGEST, Page
from bot.i18n.message import ENGLISH, Language, later
from bot.store.examples import Verdict
from cogs.common.locale import language_of
from cogs.common.markdown import plain
from cogs.common.permissions import require_operator
from cogs.common.persistent import LastingButton, Modal, lasting

_LOOKS: dict[Verdict, tuple[str, discord.ButtonStyle]] = {
    "keep": (later("Keep"), discord.ButtonStyle.success),
    "edit": (later("Edit"), discord.ButtonStyle.primary),
    "reject": (later("Reject"), discord.ButtonStyle.danger),
}


class ReviewButton(
    LastingButton,
    template=r"review:(?P<verdict>keep|edit|reject):(?P<version>[0-9]{1,9}):(?P<example_id>[0-9]{1,18})",
):
    """One verdict on one example. Which ones stands in its id, so it outlives a restart."""

    def __init__(self, verdict: Verdict, version: int, example_id: int, say: Language = ENGLISH) -> None:
        label, style = _LOOKS[verdict]
        super().__init__(f"review:{verdict}:{version}:{example_id}", label=say(label), style=style)
        self.verdict = verdict
        self.version = version
        self.example_id = example_id

    async def act(self, interaction: Interaction) -> None:
        """Keep the verdict and show the next example; for an edit, ask for the text first."""
        await require_operator(interaction)
        reviews = interaction.client.app.reviews
        if self.verdict == "edit":
            text = await reviews.text(self.example_id)
            say = await language_of(interaction)
            await interaction.response.send_modal(EditForm(self.version, self.example_id, text, say))
            return
        await interaction.response.defer()
        await reviews.judge(self.example_id, self.verdict)
        await turn_page(interaction, self.version)


class EditForm(Modal):
    """The text of an example, to be changed."""

    def __init__(self, version: int, example_id: int, text: str, say: Language) -> None:
        super().__init__(title=say("Edit the example"))
        self.version = version
        self.example_id = example_id
        self.text: discord.ui.TextInput[EditForm] = discord.ui.TextInput(
            label=say("Text"),
            custom_id="text",
            style=discord.TextStyle.paragraph,
            default=text[:LONGEST],
            max_length=LONGEST,
        )
        self.add_item(self.text)

    async def submit(self, interaction: Interaction) -> None:
        await require_operator(interaction)
        await interaction.response.defer()
        await interaction.client.app.reviews.judge(self.example_id, "edit", self.text.value)
        await turn_page(interaction, self.version)


async def turn_page(interaction: Interaction, version: int) -> None:
    """Put the next example in the place of the one that was judged."""
    page = await interaction.client.app.reviews.next(version)
    say = await language_of(interaction)
    await interaction.edit_original_response(content=show(say, page), view=buttons(say, page))


def show(say: Language, page: Page | None) -> str:
    """An example as it is shown for a verdict."""
    if page is None:
        return say("Every example of this dataset has been looked at. Verdicts count from the next build on.")
    text = plain(page.example.text)
    title = say(
        "**Dataset v{version}, {number} still to be looked at**", version=page.version, number=page.left
    )
    note = say("-# A verdict counts from the next build on.")
    return f"{title}\n`{page.example.prompt}`\n> {text[:1700]}\n{note}"


def buttons(say: Language, page: Page | None) -> discord.ui.View | None:
    """The verdicts to choose from; None where nothing is left."""
    if page is None:
        return None
    return lasting(ReviewButton(verdict, page.version, page.example.example_id, say) for verdict in _LOOKS)
