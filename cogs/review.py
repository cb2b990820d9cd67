"""/dataset review: one example at a time, with Keep, Edit and Reject."""

from typing import TYPE_CHECKING, Any

import discord

from bot.dataset.review import LONGEST, Page
from cogs.form import Form
from cogs.lasting import LastingButton, lasting
from cogs.operators import require_operator
from cogs.plain import plain

if TYPE_CHECKING:
    from bot.client import HeroBot

_LOOKS = {
    "keep": ("Keep", discord.ButtonStyle.success),
    "edit": ("Edit", discord.ButtonStyle.primary),
    "reject": ("Reject", discord.ButtonStyle.danger),
}


class ReviewButton(
    LastingButton,
    template=r"review:(?P<verdict>keep|edit|reject):(?P<version>[0-9]{1,9}):(?P<example_id>[0-9]{1,18})",
):
    """One verdict on one example. Which ones stands in its id, so it outlives a restart."""

    def __init__(self, verdict: str, version: int, example_id: int) -> None:
        label, style = _LOOKS[verdict]
        super().__init__(f"review:{verdict}:{version}:{example_id}", label=label, style=style)
        self.verdict = verdict
        self.version = version
        self.example_id = example_id

    async def act(self, interaction: discord.Interaction[Any]) -> None:
        """Keep the verdict and show the next example; for an edit, ask for the text first."""
        await require_operator(interaction)
        reviews = interaction.client.app.reviews
        if self.verdict == "edit":
            text = await reviews.text(self.example_id)
            await interaction.response.send_modal(EditForm(self.version, self.example_id, text))
            return
        await interaction.response.defer()
        await reviews.judge(self.example_id, self.verdict)
        await turn_page(interaction, self.version)


class EditForm(Form, title="Edit the example"):
    """The text of an example, to be changed."""

    def __init__(self, version: int, example_id: int, text: str) -> None:
        super().__init__()
        self.version = version
        self.example_id = example_id
        self.text: discord.ui.TextInput[EditForm] = discord.ui.TextInput(
            label="Text",
            custom_id="text",
            style=discord.TextStyle.paragraph,
            default=text[:LONGEST],
            max_length=LONGEST,
        )
        self.add_item(self.text)

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        await require_operator(interaction)
        await interaction.response.defer()
        await interaction.client.app.reviews.judge(self.example_id, "edit", self.text.value)
        await turn_page(interaction, self.version)


async def turn_page(interaction: "discord.Interaction[HeroBot]", version: int) -> None:
    """Put the next example in the place of the one that was judged."""
    page = await interaction.client.app.reviews.next(version)
    await interaction.edit_original_response(content=show(page), view=buttons(page))


def show(page: Page | None) -> str:
    """An example as it is shown for a verdict."""
    if page is None:
        return "Every example of this dataset has been looked at. Verdicts count from the next build on."
    text = plain(page.example.text)
    return (
        f"**Dataset v{page.version}, {page.left} still to be looked at**\n"
        f"`{page.example.prompt}`\n> {text[:1700]}\n-# A verdict counts from the next build on."
    )


def buttons(page: Page | None) -> discord.ui.View | None:
    """The verdicts to choose from; None where nothing is left."""
    if page is None:
        return None
    return lasting(ReviewButton(verdict, page.version, page.example.example_id) for verdict in _LOOKS)
