"""The gallery: who is in it, what its files say, and a folder that is written anew."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bot.app import App
from bot.errors import UserError
from bot.gallery.pictures import draw_pictures
from bot.gallery.site import begin_site, write_site, zip_site
from bot.i18n.message import ENGLISH
from bot.store import descriptions
from bot.store.schema import description
from tests.conftest import HOME, Stage

ATTACK = 'She is Zoë.</script><img src=x onerror="alert(1)"> \u2028 {{char}}'


def unseen(_done: int, _total: int) -> None:
    """Show no progress."""


async def describe(app: App, who: int, typed: str, *, guild_id: int | None = HOME) -> int:
    hero = app.heroes.vocabulary.parse(typed)
    return (await app.describer.describe(hero, requester=who, guild_id=guild_id)).id


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "heroes.jsonl").read_text().splitlines()]


async def write(app: App, folder: Path) -> list[int]:
    """Write the public gallery, and return the ids in it."""
    entries = await app.gallery.public(ENGLISH, unseen)
    begin_site(folder, ENGLISH)
    write_site(folder, await draw_pictures(folder, entries, app.cards, ENGLISH, unseen), ENGLISH)
    return [row["id"] for row in rows(folder)]


async def test_a_text_is_public_only_if_person_and_server_agree(app: App, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "gallery"
    shown = await describe(app, 1, "40 woman healing")
    await describe(app, 1, "40 woman healing", guild_id=5)  # a server that did not agree
    await describe(app, 1, "40 woman healing", guild_id=None)
    await describe(app, 2, "40 woman healing")  # a person who did not
    hidden = await describe(app, 1, "41 woman healing")
    await app.votes.simulate(shown, "voter", "👍")

    assert await write(app, folder) == []
    await app.member_settings.change(1, "gallery", allowed=True)
    await app.member_settings.change(2, "list", allowed=True)
    assert await write(app, folder) == []
    await app.guild_settings.change(HOME, in_gallery=True)
    assert await write(app, folder) == [hidden, shown]
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id == hidden).values(removed_at=1.0))
    assert await write(app, folder) == [shown]

    (row,) = rows(folder)
    assert (row["titles"], row["ups"], row["author"]) == (["40-year-old woman, healing"], 1, "base model")
    assert row["name"] in row["text"]
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {  # nothing is left of the hidden one
        "index.html",
        "gallery.css",
        "gallery.js",
        "heroes.js",
        "heroes.jsonl",
        f"characters/{shown}.json",
        row["picture"],
    }
    assert row["picture"].startswith(f"cards/{shown}-en-")
    everything = b"".join((folder / name).read_bytes() for name in files if not name.endswith("png"))
    assert app.pseudonyms.of(1).encode() not in everything
    assert str(HOME).encode() not in everything
    card = json.loads((folder / f"characters/{shown}.json").read_text())
    assert (card["spec"], card["spec_version"]) == ("chara_card_v2", "2.0")
    assert (card["data"]["name"], card["data"]["description"]) == (row["name"], row["text"])
    assert card["data"]["tags"] == ["healing", "woman"]

    await app.member_settings.change(1, "gallery", allowed=False)
    assert await write(app, folder) == []
    assert list((folder / "cards").iterdir()) == []


async def test_a_scene_is_public_only_with_the_hero_whom_it_is_about(app: App, tmp_path: Path) -> None:
    await app.guild_settings.change(HOME, in_gallery=True)
    for member in (1, 2):
        await app.member_settings.change(member, "gallery", allowed=True)
    hero = await describe(app, 1, "40 woman healing")
    async with app.db.read() as tx:
        told = await descriptions.get_many(tx, [hero])
    for member in (2, 1):
        scene = await app.stories.tell(told, requester=member, guild_id=HOME)
        async with app.db.read() as tx:
            told += await descriptions.get_many(tx, [scene.id])
    assert await write(app, tmp_path / "all") == [each.id for each in reversed(told)]
    await app.member_settings.change(2, "gallery", allowed=False)
    assert await write(app, tmp_path / "hero") == [hero]
    await app.member_settings.change(2, "gallery", allowed=True)
    await app.member_settings.change(1, "gallery", allowed=False)
    assert await write(app, tmp_path / "none") == []


async def test_no_text_is_read_as_html_and_no_page_loads_anything_from_elsewhere(
    app: App, tmp_path: Path
) -> None:
    await describe(app, 1, "40 woman healing")
    async with app.db.write() as tx:
        await tx.execute(update(description).values(text=ATTACK))
    write_site(tmp_path / "own", await app.gallery.own(1, ENGLISH), ENGLISH)

    script = (tmp_path / "own" / "heroes.js").read_text()
    assert "<" not in script
    assert script.isascii()
    assert json.loads(script.removeprefix("const HEROES = ").removesuffix(";\n"))[0]["text"] == ATTACK
    page = (tmp_path / "own" / "index.html").read_text()
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    logic = (tmp_path / "own" / "gallery.js").read_text()
    for unsafe in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "http"):
        assert unsafe not in logic


async def test_other_files_are_never_mixed_up_with_a_gallery(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(UserError, match="has other files in it"):
        write_site(tmp_path, [], ENGLISH)
    with pytest.raises(UserError, match="is a file"):
        write_site(tmp_path / "index.html", [], ENGLISH)
    assert (tmp_path / "index.html").read_text() == "mine"


async def test_a_gallery_that_was_broken_off_is_written_anew_without_who_left_meanwhile(
    app: App, tmp_path: Path
) -> None:
    folder = tmp_path / "gallery"
    stays, leaves = await describe(app, 1, "40 woman healing"), await describe(app, 2, "40 man rage")
    for who in (1, 2):
        await app.member_settings.change(who, "gallery", allowed=True)
    await app.guild_settings.change(HOME, in_gallery=True)
    entries = await app.gallery.public(ENGLISH, unseen)
    begin_site(folder, ENGLISH)
    drawn = await draw_pictures(folder, entries, app.cards, ENGLISH, unseen)
    await app.member_settings.change(2, "gallery", allowed=False)

    begin_site(folder, ENGLISH)
    write_site(folder, await app.gallery.still_public(drawn), ENGLISH)

    assert {entry.id for entry in drawn} == {stays, leaves}
    assert [row["id"] for row in rows(folder)] == [stays]
    assert [path.name.split("-")[0] for path in (folder / "cards").iterdir()] == [str(stays)]


async def test_a_folder_of_another_installation_keeps_none_of_its_cards(app: App, tmp_path: Path) -> None:
    """Such as one of before a restore: its ids are those of other texts."""
    folder = tmp_path / "gallery"
    stored = await describe(app, 1, "40 woman healing")
    await app.member_settings.change(1, "gallery", allowed=True)
    await app.guild_settings.change(HOME, in_gallery=True)
    await write(app, folder)
    (before,) = (folder / "cards").iterdir()
    assert await write(app, folder) == [stored]
    assert list((folder / "cards").iterdir()) == [before]  # it is not drawn again
    async with app.db.write() as tx:
        other = "Otto is a 71-year-old man who flies. He flies over the town."
        await tx.execute(update(description).values(text=other))
    assert await write(app, folder) == [stored]
    (after,) = (folder / "cards").iterdir()
    assert after.name != before.name
    assert rows(folder)[0]["picture"] == f"cards/{after.name}"


async def test_a_teams_card_is_in_the_gallery(app: App, tmp_path: Path) -> None:
    heroes = app.teams.heroes_for("healing, flight, ice")
    await app.teams.describe(heroes, requester=1, guild_id=HOME)
    await app.member_settings.change(1, "gallery", allowed=True)
    await app.guild_settings.change(HOME, in_gallery=True)
    await write(app, tmp_path / "gallery")
    (row,) = rows(tmp_path / "gallery")
    assert (tmp_path / "gallery" / row["picture"]).is_file()


async def test_export_is_a_zip_of_ones_own_page(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "heroes export")
    assert "You have asked for no hero yet." in stage.refusal()
    await describe(app, stage.ana.id, "40 woman healing", guild_id=None)
    await describe(app, stage.ben.id, "41 man rage")

    result = await stage.ana.slash(stage.channel, "heroes export")

    assert result.ephemeral
    assert result.response is not None
    assert result.response.content.startswith("1 hero. Unpack the file")
    (file,) = result.response.message.attachments
    archive = zipfile.ZipFile(io.BytesIO(await file.read()))
    assert "herosmith/index.html" in archive.namelist()
    (line,) = archive.read("herosmith/heroes.jsonl").splitlines()
    assert json.loads(line)["heroes"] == [{"age": 40, "gender": "woman", "power": "healing"}]
    assert len(zip_site([], ENGLISH)) < 20_000  # far below what Discord takes


def take_at_most(stage: Stage, size: int) -> None:
    """Let Discord take files of so many bytes, as it says with each interaction."""

    def limit(event: str, payload: Any) -> None:
        if event == "INTERACTION_CREATE":
            payload["attachment_size_limit"] = size

    stage.env.backend.subscribers.insert(0, limit)


async def test_an_export_that_discord_would_not_take_is_told_with_a_way_out(stage: Stage, app: App) -> None:
    await describe(app, stage.ana.id, "40 woman healing")
    take_at_most(stage, 1000)
    await stage.ana.slash(stage.channel, "heroes export")
    assert "Discord takes at most 0 MB here. `/privacy export` has them" in stage.refusal()
    result = await stage.ana.slash(stage.channel, "privacy export")
    assert result.response is not None
    (file,) = result.response.message.attachments
    assert file.filename == "herosmith.json.gz"
    assert b"healing" in gzip.decompress(await file.read())


async def test_nobody_keeps_the_machine_busy_with_exports(stage: Stage, app: App) -> None:
    await describe(app, stage.ana.id, "40 woman healing")
    for _ in range(3):
        await stage.ana.slash(stage.channel, "heroes export")
    await stage.ana.slash(stage.channel, "heroes export")
    assert stage.refusal() == "You have just had your heroes exported several times: ask again in 10 min."
    await describe(app, stage.ben.id, "41 man rage")
    assert (await stage.ben.slash(stage.channel, "heroes export")).response is not None


async def test_members_and_servers_choose_by_buttons_and_words(stage: Stage, app: App) -> None:
    settings = await stage.ana.slash(stage.channel, "heroes settings")
    assert settings.ephemeral
    assert settings.response is not None
    message = settings.response.message
    assert message.content.count("⬜") == 3
    assert "This server does not take part" in message.content
    for label in ("Show my list", "Join the gallery", "Name me"):
        await stage.ana.click(message, label=label)
    assert settings.response.message.content.count("✅") == 3
    assert await app.member_settings.allowed(stage.ana.id) == {"list", "gallery", "name"}
    assert (await app.privacy.counts(stage.ana.id))["member_setting"] == 1
    await stage.ana.click(message, label="Do not name me")
    async with app.db.read() as tx:
        stored = await tx.exec_driver_sql("SELECT user_id, shows_heroes, in_gallery FROM member_setting")
        assert [tuple(row) for row in stored] == [(None, 1, 1)]

    allowed = await stage.olga.slash(stage.channel, "settings gallery", allow=True)
    assert allowed.response is not None
    assert "may now be on a public page" in allowed.response.content
    assert "Public gallery: takes part" in allowed.response.content
    assert (await app.guild_settings.get(HOME)).in_gallery
    await stage.olga.slash(stage.channel, "settings gallery", allow=False)
    assert not (await app.guild_settings.get(HOME)).in_gallery
