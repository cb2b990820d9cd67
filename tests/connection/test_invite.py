"""The invite link asks for what the features need, and for nothing more."""

import ast
from urllib.parse import parse_qs, urlsplit

import discord
import pytest
import simcord

from bot.app import App
from bot.connection.invite import PERMISSIONS, SCOPES, application_id_of, invite_url
from bot.errors import OperatorError
from bot.settings import ROOT
from tests.conftest import Stage

OF_PEOPLE = {"manage_guild", "manage_messages"}  # asked of members, never of the bot
NOT_NEEDED = {"manage_threads"}  # a locked thread is left alone
BY_THE_WAY = {"view_channel"}  # without it Discord tells the bot nothing of a channel
GRANTED = {name for name, granted in PERMISSIONS if granted} - {"read_messages"} | {"view_channel"}


def permissions_named_in_features() -> set[str]:
    """Return the permissions of Discord that cogs/ reads, or that files need."""
    trees = [ast.parse(path.read_bytes()) for path in (ROOT / "cogs").rglob("*.py")]
    attributes = {n.attr for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    files = {"attach_files"} if "File" in attributes else set()
    return attributes & set(discord.Permissions.VALID_FLAGS) | files


def test_the_link_names_scopes_and_permissions() -> None:
    url = urlsplit(invite_url(123))
    assert (url.scheme, url.netloc, url.path) == ("https", "discord.com", "/oauth2/authorize")
    query = parse_qs(url.query)
    assert query["client_id"] == ["123"]
    assert set(query["scope"][0].split()) == set(SCOPES)
    assert discord.Permissions(int(query["permissions"][0])) == PERMISSIONS


def test_it_asks_for_what_the_features_look_at() -> None:
    needed = permissions_named_in_features() - OF_PEOPLE - NOT_NEEDED
    assert needed | BY_THE_WAY == GRANTED


@pytest.mark.parametrize("token", ["MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.x", " MTIzNDU2Nzg5MDEyMzQ1Njc4.G.x\n"])
def test_a_token_tells_its_application(token: str) -> None:
    assert application_id_of(token) == 123456789012345678


@pytest.mark.parametrize("token", ["", "x", "no-token.a.b", "aGVsbG8.a.b", "%%%.a.b", "ü.a.b"])
def test_what_is_no_token_is_a_sentence_without_it(token: str) -> None:
    with pytest.raises(OperatorError, match="General Information, Application ID") as refused:
        application_id_of(token)
    assert "Bot, Reset Token" in str(refused.value)
    assert not token.strip() or token not in str(refused.value).replace("--application", "").replace("ID", "")


def channel_with(stage: Stage, permissions: discord.Permissions) -> simcord.ChannelHandle:
    """Return a channel in which the bot has these permissions and no others."""
    me = stage.env.bot.user
    assert me is not None
    denied = discord.Permissions(~permissions.value & discord.Permissions.all_channel().value)
    overwrite = discord.PermissionOverwrite.from_pair(permissions, denied)
    return stage.env.guild.create_text_channel("invited", overwrites={me: overwrite})


@pytest.mark.usefixtures("running_worker")
async def test_with_them_a_build_ends_with_its_files_and_thumbs_are_reactions(stage: Stage, app: App) -> None:
    stage.channel = channel_with(stage, PERMISSIONS)
    await stage.build(limit=16)
    await stage.until_notified(app, 1)
    assert stage.channel.history()[-1].attachments

    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert [str(reaction.emoji) for reaction in stage.channel.history()[-1].reactions] == ["👍", "👎"]

    await stage.ana.send(stage.channel, f"<@{stage.env.bot.user.id}> 40 woman healing")  # type: ignore[union-attr]
    mention, reply = stage.channel.history()[-2:]
    assert reply.reference is not None
    assert reply.reference.message_id == mention.id
    assert reply.embeds
