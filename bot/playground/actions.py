"""What a person does on the page: each action as it arrives, and what it does in the simulated Discord."""

import re
from dataclasses import asdict
from typing import Annotated, Any, Literal

import simcord
from pydantic import BaseModel, Field
from simcord.backend.models import Interaction

from bot.playground.command_line import commands_of, read
from bot.playground.simulated_discord import Refused, SimulatedDiscord
from bot.playground.suggestions import suggest

Answer = dict[str, Any]  # what only the page that acted is told; everything else is seen in the channel


class Type(BaseModel):
    """Send a line: a command where it begins with a slash, else a message."""

    do: Literal["type"]
    text: str = Field(max_length=4000)

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord) -> Answer:
        text = self.text.strip()
        named = {f"@{each.name}": each for each in world.people.values()} | {
            f"#{world.channel.name}": world.channel
        }
        if text.startswith("/"):
            name, options = read(text, commands_of(person, world), named)
            return await _answered(world, await world.act(person.slash(world.channel, name, **options)))
        if text:
            await world.act(person.send(world.channel, _with_mentions(text, world)))
        return {}


class Suggest(BaseModel):
    """Ask how a line may go on."""

    do: Literal["suggest"]
    text: str = Field(max_length=4000)

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord) -> Answer:
        return {"suggestions": [asdict(each) for each in await suggest(self.text, person, world)]}


class Click(BaseModel):
    """Click a button."""

    do: Literal["click"]
    message: int
    custom_id: str

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord) -> Answer:
        click = person.click(world.message(self.message), custom_id=self.custom_id)
        return await _answered(world, await world.act(click))


class Select(BaseModel):
    """Choose from a menu."""

    do: Literal["select"]
    message: int
    custom_id: str
    values: list[str]

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord) -> Answer:
        channel = world.channel  # simcord takes a channel by its handle
        values = [channel if value == str(channel.id) else value for value in self.values]
        choice = person.select(world.message(self.message), values, custom_id=self.custom_id)
        return await _answered(world, await world.act(choice))


class Submit(BaseModel):
    """Send a form off; it is named by the interaction that opened it."""

    do: Literal["submit"]
    form: int
    values: dict[str, str | list[str]]

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord) -> Answer:
        opened = world.env.backend.interactions.get(self.form)
        if opened is None:
            raise Refused("That form is gone.")
        form = simcord.InteractionResult(world.env, opened)
        return await _answered(world, await world.act(person.submit_modal(form, dict(self.values))))


class React(BaseModel):
    """Add a reaction, or take it back."""

    do: Literal["react"]
    message: int
    emoji: str = Field(max_length=100)
    on: bool

    async def run(self, person: simcord.MemberActor, world: SimulatedDiscord) -> Answer:
        reaction = person.set_reaction(world.message(self.message), self.emoji, reacted=self.on)
        await world.act(reaction)
        return {}


class Request(BaseModel):
    """An action as a page asks for it; its answer goes back under the same number."""

    number: int
    action: Annotated[Type | Suggest | Click | Select | Submit | React, Field(discriminator="do")]


async def _answered(world: SimulatedDiscord, asked: Interaction | None) -> Answer:
    """Wait for the bot's first answer: a form is told, a message is seen in the channel."""
    if asked is None:
        return {}
    answered = await world.answer(asked)
    return {"form": {**answered.modal, "id": str(answered.id)}} if answered.modal else {}


def _with_mentions(text: str, world: SimulatedDiscord) -> str:
    """The text with each @name as Discord writes a mention."""
    bot = world.env.backend.bot_user
    ids = {name: person.id for name, person in world.people.items()} | {bot.name: bot.id}
    return re.sub(r"@(\w+)", lambda found: f"<@{ids[found[1]]}>" if found[1] in ids else found[0], text)
