"""Actions of a person on the page: each as it arrives, and its effect in the simulated Discord."""

import re
from dataclasses import asdict
from typing import Annotated, Any, Literal

import simcord
from pydantic import BaseModel, Field
from simcord.backend.models import Interaction

from bot.errors import Refused
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.playground.command_line import is_complete, parse_command, visible_commands
from bot.playground.simulated_discord import OPERATOR, SimulatedDiscord
from bot.playground.suggestions import suggest

_GONE = mark("That button or menu has done its work, or its message has changed: look at the message again.")
_SENT = mark("This form was sent already, or belongs to somebody else. Open it anew.")
_TOO_LONG = mark("Discord would not send this message: it has at most 2,000 characters.")
_NO_MENU = mark("Discord would not offer this for this message.")
_NO_REACTION = mark("Discord would not accept this reaction here.")

Answer = dict[str, Any]  # sent only to the page that acted; everything else is seen in the channel


class Type(BaseModel):
    """Send a line: a command if it begins with a slash, else a message.

    A command that lacks something is not sent, but completed by the first suggestion, as in Discord.
    """

    do: Literal["type"]
    text: str = Field(max_length=4000)

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord, t: Translator) -> Answer:
        text = self.text.strip()
        mentionable: dict[str, object] = {f"@{role.name}": role for role in world.roles}
        mentionable |= {f"@{person.name}": person for person in world.people.values()}
        mentionable[f"#{world.channel.name}"] = world.channel
        known = visible_commands(person, world, t)
        if not is_complete(text, known) and (suggestions := await suggest(self.text, person, world, t)):
            return {"completed": suggestions[0].line}
        if text.startswith("/"):
            hidden = visible_commands(world.people[OPERATOR], world, t)
            name, options = parse_command(text, known, mentionable, hidden)
            typed = person.slash(world.channel, name, **options)
            refusal = LocalizedMessage(
                "Discord would not send /{name} like this. Type it with a space after it to see what it "
                "takes.",
                name=name,
            )
            return await _wait_for_answer(world, await world.act(typed, refusal))
        if text:
            message = person.send(world.channel, _with_mentions(text, world))
            await world.act(message, _TOO_LONG)
        return {}


class Suggest(BaseModel):
    """Ask for completions of a line."""

    do: Literal["suggest"]
    text: str = Field(max_length=4000)

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord, t: Translator) -> Answer:
        suggestions = [asdict(item) for item in await suggest(self.text, person, world, t)]
        return {"suggestions": suggestions}


class ClickAction(BaseModel):
    """Click a button."""

    do: Literal["click"]
    message: int
    custom_id: str

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord, _t: Translator) -> Answer:
        click = person.click(world.message(self.message), custom_id=self.custom_id)
        return await _wait_for_answer(world, await world.act(click, _GONE))


class Select(BaseModel):
    """Choose from a menu."""

    do: Literal["select"]
    message: int
    custom_id: str
    values: list[str]

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord, _t: Translator) -> Answer:
        channel = world.channel  # simcord wants the channel's handle, not its id
        values = [channel if value == str(channel.id) else value for value in self.values]
        selection = person.select(world.message(self.message), values, custom_id=self.custom_id)
        return await _wait_for_answer(world, await world.act(selection, _GONE))


class Submit(BaseModel):
    """Submit a form. Its id is the interaction's that opened it."""

    do: Literal["submit"]
    form: int
    values: dict[str, str | list[str]]

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord, _t: Translator) -> Answer:
        opened = world.env.backend.interactions.get(self.form)
        if opened is None:
            raise Refused(_SENT)
        form = simcord.InteractionResult(world.env, opened)
        submission = person.submit_modal(form, dict(self.values))
        return await _wait_for_answer(world, await world.act(submission, _SENT))


class React(BaseModel):
    """Add or remove a reaction."""

    do: Literal["react"]
    message: int
    emoji: str = Field(max_length=100)
    on: bool

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord, _t: Translator) -> Answer:
        reaction = person.set_reaction(world.message(self.message), self.emoji, reacted=self.on)
        await world.act(reaction, _NO_REACTION)
        return {}


class UseMenu(BaseModel):
    """Use a command in the menu of a message, where Discord has it under Apps."""

    do: Literal["menu"]
    message: int
    name: str = Field(max_length=32)

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord, _t: Translator) -> Answer:
        used = person.context_menu(world.channel, self.name, world.message(self.message))
        return await _wait_for_answer(world, await world.act(used, _NO_MENU))


class ActionRequest(BaseModel):
    """An action that a page asks for. The answer carries the same number."""

    number: int
    action: Annotated[
        Type | Suggest | ClickAction | Select | Submit | React | UseMenu, Field(discriminator="do")
    ]


async def _wait_for_answer(world: SimulatedDiscord, interaction: Interaction | None) -> Answer:
    """Wait for the bot's first answer. Return a form; a message is seen in the channel."""
    if interaction is None:
        return {}
    answered = await world.wait_for_answer(interaction)
    return {"form": {**answered.modal, "id": str(answered.id)}} if answered.modal else {}


def _with_mentions(text: str, world: SimulatedDiscord) -> str:
    """Return the text with each @name replaced by Discord's form of a mention."""
    bot = world.env.backend.bot_user
    ids = {name: person.id for name, person in world.people.items()} | {bot.name: bot.id}
    return re.sub(r"@(\w+)", lambda match: f"<@{ids[match[1]]}>" if match[1] in ids else match[0], text)
