"""The page's server, through the messages that a browser exchanges with it."""

import asyncio

import aiohttp
import discord
import pytest
from discord import app_commands

from bot.app import App
from bot.client import HeroBot
from bot.errors import OperatorError
from bot.i18n.message import ENGLISH
from bot.local_page.server import Page
from bot.playground.command_line import visible_commands
from bot.playground.server import open_page
from bot.playground.simulated_discord import SimulatedDiscord
from cogs.common.permissions import is_for_operators
from tests.playground.conftest import Message, Visitor, visiting, visitor_session
from tests.support.scripted_server import Script


def buttons(message: Message) -> dict[str, str]:
    return {each["label"]: each["custom_id"] for row in message["components"] for each in row["components"]}


def title(message: Message) -> str:
    return str(message["embeds"][0]["title"]) if message["embeds"] else ""


async def hero(visitor: Visitor) -> Message:
    assert await visitor.type_line("/hero 40 woman healing") == {}
    return await visitor.wait_for_message(
        lambda message: title(message).startswith("40-year-old") and len(message["reactions"]) == 2
    )


async def test_people_and_their_roles_are_sent(olga: Visitor, ana: Visitor) -> None:
    await ana.ask(do="suggest", text="")
    people = [(each["name"], each["role"]) for each in ana.surroundings["people"]]
    assert people == [("olga", "operator"), ("ana", "member"), ("ben", "member")]
    assert ana.surroundings["you"] == "ana"
    assert olga.surroundings["bot"]["name"] == "Herosmith"


async def test_an_answer_names_the_author_of_the_command(ana: Visitor, olga: Visitor) -> None:
    answer = await hero(ana)
    assert answer["interaction_metadata"]["user"]["username"] == "ana"
    assert answer["interaction_metadata"]["name"] == "hero"
    assert (await olga.wait_for_message(title))["id"] == answer["id"]


async def test_an_error_is_shown_only_to_its_author(ana: Visitor, olga: Visitor) -> None:
    assert await ana.type_line("/hero dragon") == {}
    error = await ana.wait_for_message(lambda message: message["flags"] & 64)
    assert "age" in error["content"]
    refused = (await ana.type_line("/finetune"))["refused"]
    assert refused == "/finetune is a command of operators: become olga above to use it."
    for typed in ("/dataset", "/dataset nosuch"):
        refused = (await ana.type_line(typed))["refused"]
        assert refused == "/dataset is a command of operators: become olga above to use it."
    assert (await ana.type_line("/nosuch"))["refused"].startswith("There is no command /nosuch. /help")
    await ana.type_line("done")
    await olga.wait_for_message(lambda message: message["content"] == "done")
    assert error["id"] not in olga.messages


async def test_who_may_not_use_a_command_learns_whose_it_is(ana: Visitor, world: SimulatedDiscord) -> None:
    known = visible_commands(world.people["ana"], world, ENGLISH)
    assert isinstance(world.env.bot, HeroBot)
    roots = {each.name: each for each in world.env.bot.tree.get_commands()}
    hidden = [
        command
        for command in visible_commands(world.people["olga"], world, ENGLISH)
        if command.path not in {each.path for each in known}
    ]
    owners = set()
    for command in hidden:
        root = roots[command.path.split()[0]]
        assert isinstance(root, (app_commands.Command, app_commands.Group))
        owner = "operators" if is_for_operators(root) else "server admins"
        refused = (await ana.type_line(f"/{command.path}"))["refused"]
        assert refused == f"/{command.path} is a command of {owner}: become olga above to use it."
        owners.add(owner)
    assert owners == {"operators", "server admins"}


async def test_messages_mention_people_and_bot(olga: Visitor, world: SimulatedDiscord) -> None:
    await olga.type_line("@ana, ask @Herosmith and @nobody <b>please</b>")
    message = await olga.wait_for_message(lambda message: "please" in message["content"])
    ana, bot = world.people["ana"].id, world.env.backend.bot_user.id
    assert message["content"] == f"<@{ana}>, ask <@{bot}> and @nobody <b>please</b>"
    assert message["author"]["username"] == "olga"


async def test_reactions_are_added_and_removed(ana: Visitor, olga: Visitor) -> None:
    answer = await hero(olga)
    await ana.wait_for_message(title)
    for on, count in ((True, 2), (False, 1)):
        assert await ana.ask(do="react", message=answer["id"], emoji="👍", on=on) == {}
        mine = await ana.wait_for_message(lambda message, count=count: count in _thumbs(message))  # type: ignore[misc]
        assert mine["reactions"][0]["me"] is on
        theirs = await olga.wait_for_message(lambda message, count=count: count in _thumbs(message))  # type: ignore[misc]
        assert theirs["reactions"][0]["me"] is False


def _thumbs(message: Message) -> list[int]:
    return [each["count"] for each in message["reactions"] if each["emoji"]["name"] == "👍"]


@pytest.mark.usefixtures("running_worker")
async def test_a_job_is_confirmed_and_announced(olga: Visitor, ana: Visitor) -> None:
    assert [step["done"] for step in olga.steps] == [False] * len(olga.steps)
    await olga.type_line("/build-dataset limit:24")
    plan = await olga.wait_for_message(lambda message: "Confirm" in buttons(message))
    refused = await ana.ask(do="click", message=plan["id"], custom_id=buttons(plan)["Confirm"])
    assert refused == {}  # the bot refuses, in a message that only ana sees
    await ana.wait_for_message(lambda message: "Only the operators" in message["content"])
    assert await olga.ask(do="click", message=plan["id"], custom_id=buttons(plan)["Confirm"]) == {}
    announcement = await olga.wait_for_message(
        lambda message: "Dataset v1 is ready" in message["content"], 60
    )
    assert [file["content_type"] for file in announcement["attachments"]] == ["image/png", "text/csv"]
    await olga.wait_for(lambda: any(step["done"] for step in olga.steps))
    assert [step["title"] for step in olga.steps if step["done"]] == ["Gather examples"]
    gone = await olga.ask(do="click", message=plan["id"], custom_id=buttons(plan)["Confirm"])
    assert gone["refused"].startswith("That button or menu has done its work")


async def test_edits_are_sent_while_commands_run(
    world: SimulatedDiscord, ana: Visitor, olga: Visitor, script: Script
) -> None:
    """Neither a slow command nor a slow model blocks the page."""
    script.delay = 2.0
    proceed = asyncio.Event()
    await _add(world, _slow_command(proceed))
    await olga.type_line("/slow")
    await olga.wait_for_message(lambda message: message["flags"] & 128)  # is thinking
    await ana.type_line("/hero 40 woman healing")  # waits for the model server meanwhile
    await ana.wait_for_message(lambda message: "two words" in message["content"])
    assert not proceed.is_set()
    assert [text for text in ana.texts if text] == ["one", "two words"]
    await ana.type_line("still here")
    await olga.wait_for_message(lambda message: message["content"] == "still here")
    proceed.set()
    await olga.wait_for_message(lambda message: message["content"] == "the end")
    await ana.wait_for_message(title)


def _slow_command(
    proceed: asyncio.Event,
) -> "discord.app_commands.Command[discord.app_commands.Group, ..., None]":
    @discord.app_commands.command(description="Answers bit by bit")
    async def slow(interaction: discord.Interaction[HeroBot]) -> None:
        await interaction.response.defer(thinking=True)
        for text in ("one", "two words"):
            await asyncio.sleep(0.3)
            await interaction.edit_original_response(content=text)
        await proceed.wait()
        await interaction.edit_original_response(content="the end")

    return slow


async def test_a_command_without_an_answer_is_reported(world: SimulatedDiscord, olga: Visitor) -> None:
    @discord.app_commands.command(description="Says nothing")
    async def mute(_interaction: discord.Interaction[HeroBot]) -> None: ...

    await _add(world, mute)
    assert await olga.type_line("/mute") == {
        "refused": "Herosmith did not answer within three seconds. Try again; the terminal may say why."
    }


async def test_a_form_is_opened_and_submitted(world: SimulatedDiscord, olga: Visitor, ana: Visitor) -> None:
    class Question(discord.ui.Modal, title="A question"):
        text: discord.ui.TextInput["Question"] = discord.ui.TextInput(label="Text", custom_id="text")

        async def on_submit(self, interaction: discord.Interaction) -> None:
            await interaction.response.send_message(f"read {self.text.value}")

    @discord.app_commands.command(description="Asks by a form")
    async def form(interaction: discord.Interaction[HeroBot]) -> None:
        await interaction.response.send_modal(Question())

    await _add(world, form)
    opened = (await olga.type_line("/form"))["form"]
    assert opened["title"] == "A question"
    send = {"do": "submit", "form": opened["id"], "values": {"text": "hello"}}
    assert (await ana.ask(**send))["refused"].startswith("This form was sent already")
    assert await olga.ask(**send) == {}
    await ana.wait_for_message(lambda message: message["content"] == "read hello")
    assert (await olga.ask(**send))["refused"].startswith("This form was sent already")


async def test_a_menu_in_a_layout_is_used(world: SimulatedDiscord, olga: Visitor) -> None:
    class Menu(discord.ui.LayoutView):
        row: discord.ui.ActionRow["Menu"] = discord.ui.ActionRow()

        @row.select(options=[discord.SelectOption(label="Red"), discord.SelectOption(label="Blue")])
        async def colour(self, interaction: discord.Interaction, menu: "discord.ui.Select[Menu]") -> None:
            await interaction.response.send_message(f"chosen {menu.values[0]}")

    @discord.app_commands.command(description="Shows a menu")
    async def menu(interaction: discord.Interaction[HeroBot]) -> None:
        await interaction.response.send_message(view=Menu())

    await _add(world, menu)
    await olga.type_line("/menu")
    message = await olga.wait_for_message(lambda message: message["components"])
    custom_id = message["components"][0]["components"][0]["custom_id"]
    choose = {"do": "select", "message": message["id"], "custom_id": custom_id}
    assert "look at the message again" in (await olga.ask(**choose, values=["Green"]))["refused"]
    await olga.ask(**choose, values=["Blue"])
    await olga.wait_for_message(lambda message: message["content"] == "chosen Blue")


async def _add(
    world: SimulatedDiscord, command: "discord.app_commands.Command[discord.app_commands.Group, ..., None]"
) -> None:
    bot = world.env.bot
    assert isinstance(bot, HeroBot)
    bot.tree.add_command(command)
    await bot.tree.sync()


async def test_many_reloads_show_the_same_messages(page: Page, olga: Visitor) -> None:
    await olga.type_line("hello")
    await olga.wait_for_message(lambda message: message["content"] == "hello")
    for _ in range(40):
        async with visiting(page, "olga") as again:
            await again.wait_for_message(lambda message: message["content"] == "hello")
            assert len(again.messages) == 1


@pytest.mark.parametrize(
    "request_", ["nonsense", "[1]", '{"number": 1}', '{"number": 1, "action": {"do": "fly"}}']
)
async def test_invalid_requests_are_refused_and_the_socket_stays_open(page: Page, request_: str) -> None:
    async with visitor_session(page) as session, session.ws_connect("/socket?as=ana") as tab:
        for _ in range(2):
            await tab.send_str(request_)
            async with asyncio.timeout(10):
                while "refused" not in (answer := await tab.receive_json()):
                    pass
            assert "reload it" in answer["refused"]


async def test_unknown_people_are_rejected(page: Page) -> None:
    async with visitor_session(page) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect("/socket?as=eve")


async def test_images_are_shown_and_other_files_saved(
    page: Page, world: SimulatedDiscord, olga: Visitor
) -> None:
    script = b"<script>alert(1)</script>"
    files = [("my chart.png", b"png"), ("page.html", script), ("x.svg", script)]
    await world.act(world.people["ana"].send(world.channel, "files", attachments=files))
    sent = await olga.wait_for_message(lambda message: message["content"] == "files")
    async with visitor_session(page) as session:
        kinds = []
        for file in sent["attachments"]:
            path = file["url"].split("/attachments/")[1]
            async with session.get(f"/attachments/{path}") as answer:
                kinds.append((answer.content_type, answer.headers.get("Content-Disposition")))
        async with session.get("/attachments/nothing.png") as missing:
            assert missing.status == 404
    assert kinds == [("image/png", None), *[("application/octet-stream", "attachment")] * 2]


async def test_a_taken_port_is_reported(page: Page, world: SimulatedDiscord, app: App) -> None:
    taken = int(page.origin.rsplit(":", 1)[1])
    with pytest.raises(OperatorError, match=rf"Port {taken} is taken .*PLAYGROUND_PORT"):
        async with open_page(world, app, taken):
            pass


async def test_the_menu_of_a_message_says_how_its_text_was_made(ana: Visitor, olga: Visitor) -> None:
    answer = await hero(olga)
    await ana.wait_for_message(title)
    (menu,) = ana.surroundings["menus"]
    assert await ana.ask(do="menu", message=answer["id"], name=menu["name"]) == {}
    told = await ana.wait_for_message(lambda message: title(message) == menu["label"])
    assert told["flags"] & 64
    assert "refused" in await ana.ask(do="menu", message=answer["id"], name="Nothing of ours")
