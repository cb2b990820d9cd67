"""Backups are made while everything runs, all or nothing, and hold what they should."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.app import App, open_app
from bot.backup.archive import make_backup
from bot.backup.restore import open_restore
from bot.errors import BackupError, BackupRunning, OperatorError
from bot.heroes.hero import Hero
from bot.rating.votes import UP
from bot.settings import Settings
from bot.store import models
from bot.store.migrate import newest
from bot.store.use_lock import mark_unfinished
from tests.support.backups import ANN, BOB, add_adapter, add_model_files, installation, start_backup
from tests.support.eventually import eventually

pytestmark = pytest.mark.sqlite("backups copy its file")


def hidden_in(folder: Path) -> list[Path]:
    """Return what a backup that is not finished would have left."""
    return [path for path in folder.iterdir() if ".unfinished-" in path.name]


def made_in(folder: Path) -> list[Path]:
    """Return what looks like a backup, finished or not."""
    return [path for path in folder.iterdir() if "backup" in path.name]


def names_in(backup: Path) -> list[str]:
    """Return the files of a backup, in the order in which they were written, if it is one file."""
    if backup.is_dir():
        return sorted(path.relative_to(backup).as_posix() for path in backup.rglob("*") if path.is_file())
    with tarfile.open(backup) as tar:
        return tar.getnames()


@pytest.mark.parametrize("name", ["backup", "backup.tar.gz"])
@pytest.mark.usefixtures("model_files")
async def test_a_restored_backup_knows_its_voters(
    app: App, settings: Settings, shown: int, tmp_path: Path, name: str
) -> None:
    """Made while others write; in an empty folder votes belong to their voters, and deletion finds them."""
    writing = asyncio.create_task(_vote_again_and_again(app, shown))
    made = await make_backup(settings, tmp_path / name, app.db)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert made.path == tmp_path / name
    assert made.manifest.db_schema == newest()
    assert hidden_in(tmp_path) == []

    there = installation(settings, tmp_path / "elsewhere")
    with open_restore(there, made.path) as ready:
        assert not ready.replaces
        assert ready.swap().aside is None
    async with open_app(there) as restored:
        assert (await restored.privacy.counts(ANN))["vote"] == 1
        assert (await restored.privacy.counts(BOB))["vote"] == 1
        live = await restored.registry.live()
        assert live is not None
        await restored.privacy.delete(BOB)
        assert (await restored.privacy.counts(BOB))["vote"] == 0
        assert (await restored.privacy.counts(ANN))["vote"] == 1
    folder = there.data_dir / "engine" / "models" / live.name.replace(":", "_")
    assert (folder / "model.gguf").read_bytes() == b"weights"
    assert stat.S_IMODE((there.data_dir / "voters.key").stat().st_mode) == 0o600


async def _vote_again_and_again(app: App, shown: int) -> None:
    for user in range(100, 100_000):
        await app.votes.toggle(shown, user << 22, UP)


@pytest.mark.parametrize("name", ["backup", "backup.tar.gz"])
async def test_nobody_else_may_read_a_backup(app: App, settings: Settings, tmp_path: Path, name: str) -> None:
    made = await make_backup(settings, tmp_path / name, app.db)
    assert stat.S_IMODE(made.path.stat().st_mode) & 0o077 == 0


@pytest.mark.usefixtures("model_files")
async def test_the_manifest_is_written_last(app: App, settings: Settings, tmp_path: Path) -> None:
    made = await make_backup(settings, tmp_path / "backup.tar.gz", app.db)
    assert names_in(made.path)[-1] == "manifest.json"


async def test_models_that_nobody_needs_are_left_out(
    app: App, settings: Settings, model_files: list[Path], tmp_path: Path
) -> None:
    """A retired one stays only for a rollback; a person's own are in, checkpoints are not."""
    live, candidate = await app.registry.all()
    add_model_files(settings.data_dir, f"{candidate.name}:ckpt-step-3", is_checkpoint=True)
    add_model_files(settings.data_dir, "ft:tiny:mine:1")
    await app.registry.promote(candidate.id)
    kept = await make_backup(settings, tmp_path / "for a rollback", app.db)
    assert kept.manifest.models == sorted([live.name, candidate.name, "ft:tiny:mine:1"])

    await app.registry.roll_back()
    await app.registry.retire(candidate.id)
    less = await make_backup(settings, tmp_path / "less", app.db)
    assert less.manifest.models == sorted([live.name, "ft:tiny:mine:1"])
    shutil.rmtree(model_files[0])
    missing = await make_backup(settings, tmp_path / "missing", app.db)
    assert missing.manifest.missing_models == [live.name]


async def test_the_adapter_of_a_model_whose_files_are_deleted_is_in(
    app: App, settings: Settings, tmp_path: Path
) -> None:
    """It is all that is left of the model; other adapters are fetched from the engine again."""
    _, pruned = await app.registry.all()
    for model in await app.registry.all():
        add_adapter(settings, model.name)
    async with app.db.write() as tx:
        await models.change(tx, pruned.id, state="retired", pruned_at=1.0)
    made = await make_backup(settings, tmp_path / "backup", app.db)
    assert [name for name in names_in(made.path) if name.startswith("adapters/")] == [
        f"adapters/{pruned.name}/adapter_config.json",
        f"adapters/{pruned.name}/adapter_model.safetensors",
    ]


async def test_files_of_the_engine_and_reports_are_in_but_no_state_of_a_training(
    app: App, settings: Settings, tmp_path: Path
) -> None:
    for name in ("engine/jobs/ftjob-1/job.json", "engine/files/file-1/content", "reports/1/loss.png"):
        (settings.data_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (settings.data_dir / name).write_text("{}")
    (settings.data_dir / "engine/jobs/ftjob-1/state.pt").write_bytes(b"large")
    made = await make_backup(settings, tmp_path / "backup", app.db)
    found = names_in(made.path)
    assert {"engine/jobs/ftjob-1/job.json", "engine/files/file-1/content", "reports/1/loss.png"} <= set(found)
    assert [name for name in found if "state" in name] == []


async def test_settings_are_in_without_secrets(app: App, settings: Settings, tmp_path: Path) -> None:
    chosen = settings.model_copy(
        update={
            "discord_token": SecretStr("t0ken"),
            "engine_api_key": SecretStr("s3cret"),
            "source_url": "https://name:passw0rd@example.org/",
            "tuning_extra": {"key": "s3cret"},
            "min_voters": 5,
        }
    )
    made = await make_backup(chosen, tmp_path / "backup", app.db)
    text = (made.path / "settings" / "settings.env").read_text()
    assert "MIN_VOTERS=5\n" in text
    assert "HOME_GUILDS=" in text
    assert "DATA_DIR=" not in text
    for secret in ("t0ken", "s3cret", "passw0rd"):
        assert secret not in text
    assert (made.path / "settings" / "heroes.toml").is_file()


async def test_own_plots_are_backed_up_beside_the_heroes_file(
    app: App, settings: Settings, heroes_toml: Path, tmp_path: Path
) -> None:
    plots = heroes_toml.with_name("plots.toml")
    plots.write_text("plots = []\n")
    chosen = settings.model_copy(update={"heroes_file": heroes_toml})
    made = await make_backup(chosen, tmp_path / "backup", app.db)
    assert (made.path / "settings" / "plots.toml").read_text() == "plots = []\n"


async def test_files_of_settings_may_have_the_same_name(app: App, settings: Settings, tmp_path: Path) -> None:
    chosen = {}
    for setting in ("heroes_file", "prices_file", "blocklist"):
        chosen[setting] = tmp_path / setting / "settings.env"
        chosen[setting].parent.mkdir()
        shutil.copy(getattr(settings, setting), chosen[setting])
    made = await make_backup(settings.model_copy(update=chosen), tmp_path / "backup", app.db)
    for name, setting in (("heroes.toml", "heroes_file"), ("prices.toml", "prices_file")):
        assert (made.path / "settings" / name).read_bytes() == chosen[setting].read_bytes()
    assert (made.path / "settings" / "blocked.txt").read_bytes() == chosen["blocklist"].read_bytes()
    assert "HEROES_FILE=" in (made.path / "settings" / "settings.env").read_text()


class HangingDisk:
    """Lets a call on files below a folder wait until `goes_on` is set."""

    def __init__(self, folder: Path, call: Callable[..., Any]) -> None:
        self._folder = folder
        self._call = call
        self.hangs = threading.Event()
        self.goes_on = threading.Event()

    def __call__(self, path: Any, *args: Any, **options: Any) -> Any:
        if Path(path).is_relative_to(self._folder):
            self.hangs.set()
            assert self.goes_on.wait(20), "the event loop waits for the disk"
        return self._call(path, *args, **options)


CALLS = [(os.path, "lexists"), (os, "mkdir"), (shutil, "rmtree")]


async def test_one_backup_at_a_time(
    app: App, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = HangingDisk(tmp_path / "first", os.mkdir)
    monkeypatch.setattr(os, "mkdir", disk)
    first = asyncio.create_task(make_backup(settings, tmp_path / "first" / "backup", app.db))
    await eventually(disk.hangs.is_set, what="the first backup is under way")
    with pytest.raises(BackupRunning, match="wait until it is done"):
        await make_backup(settings, tmp_path / "second", app.db)
    assert not (tmp_path / "second").exists()
    disk.goes_on.set()
    assert (await first).path.is_dir()


@pytest.mark.parametrize(("module", "name"), CALLS)
async def test_the_bot_goes_on_while_the_disk_of_a_backup_hangs(
    app: App, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    """As one over the network does, when a backup begins and when it ends."""
    disk = HangingDisk(tmp_path / "backups", getattr(module, name))
    monkeypatch.setattr(module, name, disk)
    making = asyncio.create_task(make_backup(settings, tmp_path / "backups" / "backup", app.db))
    await eventually(disk.hangs.is_set, what="the disk hangs")
    disk.goes_on.set()
    assert (await making).path.is_dir()


@pytest.mark.parametrize(("module", "name"), CALLS[:2])
async def test_a_backup_cancelled_while_its_disk_hangs_leaves_nothing(
    app: App, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    """Also if it is cancelled again; the next one finds no lock."""
    disk = HangingDisk(tmp_path / "backups", getattr(module, name))
    monkeypatch.setattr(module, name, disk)
    path = tmp_path / "backups" / "backup"
    making = asyncio.create_task(make_backup(settings, path, app.db))
    await eventually(disk.hangs.is_set, what="the disk hangs")
    for _ in range(2):
        making.cancel()
        await asyncio.sleep(0)
    disk.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert hidden_in(path.parent) == []
    assert (await make_backup(settings, path, app.db)).path == path


@pytest.mark.parametrize("name", ["backup", "backup.tar.gz"])
async def test_what_is_there_stays(app: App, settings: Settings, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(BackupError, match="exists already"):
        await make_backup(settings, tmp_path / name, app.db)
    assert (tmp_path / name).read_text() == "mine"


async def test_a_cancelled_backup_leaves_nothing(app: App, settings: Settings, tmp_path: Path) -> None:
    add_model_files(settings.data_dir, "ft:tiny:mine:1", content=os.urandom(40_000_000))
    making = asyncio.create_task(make_backup(settings, tmp_path / "backup.tar.gz", app.db))
    await eventually(lambda: list(tmp_path.glob(".*.unfinished-*/backup.tar.gz")), what="it is written")
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert made_in(tmp_path) == []


@pytest.mark.parametrize("name", ["backup.tgz", "backup.zip", "backup.gz", "backup.tar", "BACKUP.TGZ"])
async def test_a_folder_is_not_named_like_an_archive(
    app: App, settings: Settings, tmp_path: Path, name: str
) -> None:
    with pytest.raises(BackupError, match=r"a backup in one file has to end in \.tar\.gz"):
        await make_backup(settings, tmp_path / name, app.db)
    assert made_in(tmp_path) == []


async def test_a_folder_is_made_and_told_but_none_above_it(
    app: App, settings: Settings, tmp_path: Path
) -> None:
    made = [await make_backup(settings, tmp_path / "disk" / name, app.db) for name in ("one", "two")]
    assert [each.new_folder for each in made] == [True, False]
    with pytest.raises(BackupError, match="gone is not there, nor is the folder above it: make it, or mount"):
        await make_backup(settings, tmp_path / "far" / "gone" / "backup", app.db)
    assert not (tmp_path / "far").exists()


async def test_a_path_that_cannot_be_made_is_said(app: App, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match=r"file.*: .*No backup was made"):
        await make_backup(settings, tmp_path / "file" / "backup", app.db)


async def test_an_unreadable_model_is_named(
    app: App, settings: Settings, model_files: list[Path], tmp_path: Path
) -> None:
    (model_files[0] / "manifest.json").write_text("{")
    with pytest.raises(BackupError, match=r"manifest\.json cannot be read"):
        await make_backup(settings, tmp_path / "backup", app.db)
    assert made_in(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
@pytest.mark.usefixtures("model_files")
async def test_an_unreadable_folder_is_named(app: App, settings: Settings, tmp_path: Path) -> None:
    folder = settings.data_dir / "engine" / "files"
    folder.mkdir()
    folder.chmod(0)
    with pytest.raises(BackupError, match="engine/files: Permission denied"):
        await make_backup(settings, tmp_path / "backup", app.db)
    folder.chmod(0o700)
    assert made_in(tmp_path) == []


def empty(secret: Path) -> None:
    secret.write_bytes(b"")


def replace_by_folder(secret: Path) -> None:
    secret.unlink()
    secret.mkdir()


@pytest.mark.parametrize(
    ("spoil", "words"), [(empty, "is empty"), (replace_by_folder, "is no file"), (Path.unlink, "is missing")]
)
async def test_without_the_secret_no_backup_is_made(
    app: App, settings: Settings, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    """None could be restored."""
    spoil(settings.data_dir / "voters.key")
    with pytest.raises(BackupError, match=f"voters.key {words}.*no backup was made"):
        await make_backup(settings, tmp_path / "backup", app.db)
    assert made_in(tmp_path) == []


async def test_a_backup_is_refused_after_an_interrupted_restore(settings: Settings, tmp_path: Path) -> None:
    there = installation(settings, tmp_path / "there")
    there.data_dir.mkdir()
    mark_unfinished(there.data_dir)
    with pytest.raises(OperatorError, match=r"was interrupted.*herosmith restore PATH"):
        await make_backup(there, tmp_path / "backup")


@pytest.mark.parametrize("name", [b"a\\b.md", b"a\xff.md"])
async def test_a_name_that_no_backup_can_hold_is_told(
    app: App, settings: Settings, tmp_path: Path, name: bytes
) -> None:
    folder = settings.data_dir / "reports"
    folder.mkdir(exist_ok=True)
    shutil.copy(settings.data_dir / "voters.key", folder / os.fsdecode(name))
    with pytest.raises(BackupError, match="Rename this file") as caught:
        await make_backup(settings, tmp_path / "backup.tar.gz", app.db)
    assert name.decode(errors="backslashreplace") in str(caught.value)
    assert made_in(tmp_path) == []


async def test_models_are_counted_by_their_files(app: App, settings: Settings, tmp_path: Path) -> None:
    add_model_files(settings.data_dir, "ft:tiny:mine:1")
    (add_model_files(settings.data_dir, "ft:tiny:mine:2") / "model.gguf").unlink()
    made = await make_backup(settings, tmp_path / "backup", app.db)
    assert made.manifest.model_count == 1
    assert made.manifest.model_copy(update={"models": ["ft:x"] * 3}).model_count == 1


async def test_nothing_to_back_up_is_said(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="nothing to back up yet"):
        await make_backup(installation(settings, tmp_path / "empty"), tmp_path / "backup")


async def test_another_kind_of_database_is_refused_with_its_tool(settings: Settings, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"database_url": "postgresql+asyncpg://name:secret@host/db"})
    with pytest.raises(BackupError, match="pg_dump") as caught:
        await make_backup(elsewhere, tmp_path / "backup")
    assert "secret" not in str(caught.value)


@pytest.fixture
def playground(settings: Settings, tmp_path: Path) -> Settings:
    """Return the settings with the data where commands without a token look for it."""
    return installation(settings, tmp_path / "installation" / "playground")


async def _start(settings: Settings) -> None:
    async with open_app(settings) as app:
        await app.describer.describe(Hero(40, "woman", "healing"), requester=ANN)


@pytest.mark.parametrize("name", ["backup", "backup.tar.gz"])
async def test_a_killed_backup_leaves_nothing_that_looks_like_one(
    playground: Settings, tmp_path: Path, name: str
) -> None:
    """The next one removes what it left, and works."""
    await _start(playground)
    large = add_model_files(playground.data_dir, "ft:tiny:mine:1", content=os.urandom(150_000_000))
    process = start_backup(playground, tmp_path / name)
    await eventually(lambda: hidden_in(tmp_path), what="the backup has begun", timeout=60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / name).exists()
    (left,) = hidden_in(tmp_path)
    assert not list(left.rglob("manifest.json"))
    with pytest.raises(OperatorError), open_restore(installation(playground, tmp_path / "new"), left):
        pass

    shutil.rmtree(large)
    made = await make_backup(playground, tmp_path / name)
    assert hidden_in(tmp_path) == []
    assert "manifest.json" in names_in(made.path)


@pytest.mark.parametrize("name", ["backup", "backup.tar.gz"])
async def test_a_full_disk_is_said_and_leaves_nothing(
    playground: Settings, tmp_path: Path, name: str
) -> None:
    """The kernel lets no file grow beyond 3 MB in that process, as on a full disk."""
    await _start(playground)
    add_model_files(playground.data_dir, "ft:tiny:mine:1", content=os.urandom(8_000_000))
    process = start_backup(playground, tmp_path / name, largest_file=3_000_000)
    out, errors = process.communicate(timeout=100)
    assert (process.returncode, out) == (1, "")
    assert "became full, so no backup was made" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / name).exists()
    assert hidden_in(tmp_path) == []


async def test_a_database_of_an_older_version_is_not_migrated(playground: Settings, tmp_path: Path) -> None:
    """Its models cannot be asked for, so all are in, and all adapters."""
    await _start(playground)
    add_model_files(playground.data_dir, "ft:tiny:any:1")
    add_adapter(playground, "ft:tiny:any:2")
    add_adapter(playground, ".unfinished-1/adapter")
    _set_schema(playground, "0012")
    made = await make_backup(playground, tmp_path / "backup")
    assert made.manifest.db_schema == "0012"
    assert made.manifest.models == ["ft:tiny:any:1"]
    adapters = {name.split("/")[1] for name in names_in(made.path) if name.startswith("adapters/")}
    assert adapters == {"ft:tiny:any:2"}
    assert json.loads((made.path / "manifest.json").read_bytes())["db_schema"] == "0012"


def _set_schema(settings: Settings, schema: str) -> None:
    with closing(sqlite3.connect(settings.data_dir / "hero.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (schema,))
