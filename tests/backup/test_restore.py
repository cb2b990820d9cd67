"""A restore replaces everything or nothing, keeps what was there, and believes no manifest."""

import asyncio
import errno
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bot.app import App, open_app
from bot.backup.archive import make_backup
from bot.backup.restore import open_restore
from bot.errors import BackupError, OperatorError, StoreError
from bot.settings import Settings
from bot.store import models
from bot.store.inspection import sees_locks
from bot.store.use_lock import is_unfinished, mark_unfinished
from tests.support.backups import ANN, add_adapter, installation, started_restore

pytestmark = pytest.mark.sqlite("backups copy its file")

Change = Callable[[Path], object]


@pytest.fixture
async def backup(app: App, settings: Settings, shown: int, model_files: list[Path], tmp_path: Path) -> Path:
    """Return a backup of an installation with two models and two votes."""
    assert shown
    assert model_files
    return (await make_backup(settings, tmp_path / "backup", app.db)).path


@pytest.fixture
def there(settings: Settings, tmp_path: Path) -> Settings:
    """Return the settings of an empty installation."""
    return installation(settings, tmp_path / "there")


def edit(backup: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest."""
    manifest = json.loads((backup / "manifest.json").read_text())
    change(manifest)
    (backup / "manifest.json").write_text(json.dumps(manifest))


def entry(manifest: dict[str, Any], path: str = "voters.key") -> dict[str, Any]:
    """Return what a manifest says of a file."""
    found: dict[str, Any] = next(each for each in manifest["files"] if each["path"] == path)
    return found


def name_another_file(path: str, content: bytes = b"x") -> Change:
    """Return a change by which the manifest names one more file, with its right hash."""
    described = {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return lambda backup: edit(backup, lambda manifest: manifest["files"].append(described))


def replace_by_link(backup: Path) -> None:
    (backup / "voters.key").rename(backup.parent / "outside.key")
    (backup / "voters.key").symlink_to(backup.parent / "outside.key")


def replace_folder_by_link(backup: Path) -> None:
    (backup / "engine").rename(backup.parent / "outside")
    (backup / "engine").symlink_to(backup.parent / "outside")


def empty_the_secret(backup: Path) -> None:
    (backup / "voters.key").write_bytes(b"")
    described = {"path": "voters.key", "bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    edit(backup, lambda manifest: entry(manifest).update(described))


def change_the_database(backup: Path) -> None:
    """Take rows out of the database, and make its hash right again."""
    with closing(sqlite3.connect(backup / "hero.db")) as connection, connection:
        connection.execute("DELETE FROM vote")
    content = (backup / "hero.db").read_bytes()
    described = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    edit(backup, lambda manifest: entry(manifest, "hero.db").update(described))


LIES: dict[str, tuple[Change, str]] = {
    "another byte": (
        lambda path: (path / "voters.key").write_bytes(os.urandom(32)),
        "voters.key differs from what the manifest says",
    ),
    "another size": (
        lambda path: edit(path, lambda manifest: entry(manifest).update(bytes=31)),
        "voters.key differs from what the manifest says",
    ),
    "a missing file": (lambda path: (path / "voters.key").unlink(), "voters.key is missing"),
    "fewer rows": (change_the_database, "the number of rows of vote differs"),
    "more rows": (
        lambda path: edit(path, lambda manifest: manifest["rows"].update(vote=99)),
        "the number of rows of vote differs",
    ),
    "another schema": (
        lambda path: edit(path, lambda manifest: manifest.update(db_schema="0001")),
        "the schema differs",
    ),
    "a newer schema": (
        lambda path: edit(path, lambda manifest: manifest.update(db_schema="9999")),
        "made by a newer Herosmith",
    ),
    "a newer format": (
        lambda path: edit(path, lambda manifest: manifest.update(format=2, later=1)),
        "made by a newer Herosmith",
    ),
    "no schema": (
        lambda path: edit(path, lambda manifest: manifest.update(db_schema="ae10")),
        "which no version of Herosmith makes",
    ),
    "a time that is none": (
        lambda path: edit(path, lambda manifest: manifest.update(made_at="yesterday")),
        "cannot be read, so it is damaged",
    ),
    "a time that some time zones do not have": (
        lambda path: edit(path, lambda manifest: manifest.update(made_at="0001-01-01T00:00:00+00:00")),
        "cannot be read, so it is damaged",
    ),
    "a size that no disk has": (
        lambda path: edit(path, lambda manifest: entry(manifest).update(bytes=10**400)),
        "cannot be read, so it is damaged",
    ),
    "a path above": (name_another_file("../evil"), "no file of a backup"),
    "a path above, from below": (name_another_file("engine/models/../../../evil"), "no file of a backup"),
    "a path from the root": (name_another_file("/tmp/evil"), "no file of a backup"),  # noqa: S108
    "an unknown file": (name_another_file("use.lock"), "no file of a backup"),
    "a file twice": (name_another_file("voters.key"), "names a file twice"),
    "no secret": (
        lambda path: edit(path, lambda manifest: manifest["files"].remove(entry(manifest))),
        "names a file twice, or not hero.db and voters.key",
    ),
    "an empty secret": (empty_the_secret, "voters.key is empty"),
    "a link": (replace_by_link, "voters.key is a link"),
    "a linked folder": (replace_folder_by_link, "engine is a link"),
    "no manifest": (lambda path: (path / "manifest.json").unlink(), "no complete backup"),
    "half a manifest": (
        lambda path: (path / "manifest.json").write_text((path / "manifest.json").read_text()[:99]),
        "cannot be read, so it is damaged",
    ),
    "a manifest of another kind": (
        lambda path: (path / "manifest.json").write_text("[1]"),
        "cannot be read, so it is damaged",
    ),
    "nothing": (shutil.rmtree, "There is no backup"),
}


@pytest.mark.parametrize("kind", LIES)
def test_no_lie_is_restored(backup: Path, there: Settings, kind: str) -> None:
    change, sentence = LIES[kind]
    change(backup)
    with pytest.raises(BackupError, match=sentence), open_restore(there, backup) as ready:
        ready.swap()
    left = list(there.data_dir.iterdir()) if there.data_dir.exists() else []
    assert [path.name for path in left if path.name != "use.lock"] == []
    assert not (there.data_dir.parent / "evil").exists()


def as_tar(backup: Path, *others: tuple[tarfile.TarInfo, bytes]) -> Path:
    """Return a backup as one file, with other members in front."""
    path = backup.with_name("made.tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        for info, content in others:
            tar.addfile(info, io.BytesIO(content))
        for each in sorted(backup.rglob("*")):
            if each.is_file():
                tar.add(each, each.relative_to(backup).as_posix())
    return path


def link(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("engine/models/x/manifest.json")
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def file(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        ([(link(tarfile.SYMTYPE), b"")], "is a link or no file"),
        ([(link(tarfile.LNKTYPE), b"")], "is a link or no file"),
        ([(link(tarfile.CHRTYPE), b"")], "is a link or no file"),
        ([file("voters.key", b"x" * 32)], "voters.key differs"),
        ([file("manifest.json", b"{}")], "no complete backup"),
    ],
)
def test_no_archive_that_lies_is_restored(
    backup: Path, there: Settings, others: list[tuple[tarfile.TarInfo, bytes]], sentence: str
) -> None:
    made = as_tar(backup, *others)
    with pytest.raises(BackupError, match=sentence), open_restore(there, made):
        pass


def test_files_that_no_manifest_names_are_left_alone(backup: Path, there: Settings) -> None:
    (backup / "engine" / "models" / "evil.json").write_text("{}")
    made = as_tar(backup, file("../evil", b"x"))
    for path in (backup, made):
        with open_restore(there, path):
            pass
        assert not (there.data_dir.parent / "evil").exists()
        assert not list(there.data_dir.rglob("evil*"))


@pytest.mark.parametrize("part", [0.2, 0.9])
def test_a_cut_archive_is_refused(backup: Path, there: Settings, part: float) -> None:
    made = as_tar(backup)
    made.write_bytes(made.read_bytes()[: int(made.stat().st_size * part)])
    with pytest.raises(BackupError, match=r"damaged|no complete backup"), open_restore(there, made):
        pass


def test_another_file_is_refused(there: Settings, tmp_path: Path) -> None:
    (tmp_path / "notes.tar.gz").write_text("hello")
    with pytest.raises(BackupError, match="is damaged"), open_restore(there, tmp_path / "notes.tar.gz"):
        pass


async def test_what_was_there_is_kept_aside(backup: Path, settings: Settings, there: Settings) -> None:
    async with open_app(there) as other:
        await other.powers.add("juggling", actor_id=1)
    secret = (there.data_dir / "voters.key").read_bytes()
    (there.data_dir / "engine" / "models" / "old").mkdir(parents=True)
    (there.data_dir / "engine" / "models" / "old" / "manifest.json").write_text("{}")
    with open_restore(there, backup) as ready:
        assert ready.replaces
        restored = ready.swap()
    assert restored.aside is not None
    assert (restored.aside / "voters.key").read_bytes() == secret
    assert (restored.aside / "engine" / "models" / "old" / "manifest.json").is_file()
    assert not (there.data_dir / "engine" / "models" / "old").exists()
    async with open_app(installation(settings, restored.aside)) as kept:
        assert await kept.powers.added() == ["juggling"]
    async with open_app(there) as restored_app:
        assert await restored_app.powers.added() == []
        assert (await restored_app.privacy.counts(ANN))["vote"] == 1
    assert (there.data_dir / "restored-settings" / "settings.env").is_file()
    with open_restore(there, backup) as ready:  # once more, in the same second
        again = ready.swap()
    assert again.aside not in (None, restored.aside)


async def test_nothing_is_changed_without_the_swap(backup: Path, there: Settings) -> None:
    async with open_app(there) as other:
        await other.powers.add("juggling", actor_id=1)
    before = sorted(path.name for path in there.data_dir.iterdir())
    with open_restore(there, backup):
        pass
    assert sorted(path.name for path in there.data_dir.iterdir()) == before
    async with open_app(there) as other:
        assert await other.powers.added() == ["juggling"]


async def test_a_running_bot_is_not_restored_over(backup: Path, there: Settings) -> None:
    async with open_app(there):
        with pytest.raises(StoreError, match="stop it first"), open_restore(there, backup):
            pass
    with open_restore(there, backup) as ready:
        ready.swap()


_WORKS_IN_A_FOLDER = """
import pathlib, sys
from bot.store.use_lock import in_use
with in_use(pathlib.Path(sys.argv[-1])):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(not sees_locks(), reason="this system does not tell who holds a lock")
def test_a_refused_restore_names_the_command_that_is_in_its_way(backup: Path, there: Settings) -> None:
    there.data_dir.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", _WORKS_IN_A_FOLDER, "herosmith", "dashboard", "--no-open"]
    with subprocess.Popen(
        [*command, str(there.data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        named = rf"in use by herosmith dashboard .*\(process {other.pid}\)"
        with pytest.raises(StoreError, match=named), open_restore(there, backup):
            pass
        other.communicate()


def test_a_running_engine_is_not_restored_over(backup: Path, there: Settings) -> None:
    (there.data_dir / "engine").mkdir(parents=True)
    with (
        FileLock(there.data_dir / "engine" / "engine.lock"),
        pytest.raises(StoreError, match="engine works in"),
        open_restore(there, backup),
    ):
        pass


async def test_a_worker_on_another_machine_is_not_restored_over(backup: Path, there: Settings) -> None:
    async with open_app(there):
        pass

    def set_heartbeat(at: float) -> None:
        with closing(sqlite3.connect(there.data_dir / "hero.db")) as connection, connection:
            connection.execute("DELETE FROM job")
            row = "INSERT INTO job (kind, spec, state, heartbeat) VALUES ('build', '{}', 'running', ?)"
            connection.execute(row, (at,))

    set_heartbeat(time.time())
    with pytest.raises(StoreError, match="perhaps on another machine"), open_restore(there, backup):
        pass
    set_heartbeat(time.time() - 120)
    with open_restore(there, backup):
        pass


def test_no_bot_starts_during_a_restore(backup: Path, there: Settings) -> None:
    async def start() -> None:
        async with open_app(there):
            pass

    with open_restore(there, backup) as ready:
        with pytest.raises(StoreError, match="is being restored"):
            asyncio.run(start())
        ready.swap()
    asyncio.run(start())


async def test_no_bot_starts_after_an_interrupted_restore(backup: Path, there: Settings) -> None:
    """As after a power cut between two moves; the same restore mends it."""
    there.data_dir.mkdir()
    mark_unfinished(there.data_dir)
    with pytest.raises(StoreError, match="Restore the backup once more"):
        async with open_app(there):
            pass
    with open_restore(there, backup) as ready:
        ready.swap()
    async with open_app(there) as app:
        assert (await app.privacy.counts(ANN))["vote"] == 1


def test_a_failed_swap_after_an_interrupted_one_lets_nothing_start(backup: Path, there: Settings) -> None:
    """What was there before is incomplete."""
    there.data_dir.mkdir()
    mark_unfinished(there.data_dir)
    with open_restore(there, backup) as ready:
        (staging,) = there.data_dir.glob(".restore-*")
        (staging / "voters.key").unlink()
        with pytest.raises(BackupError, match="Everything is as it was before"):
            ready.swap()
    assert is_unfinished(there.data_dir)


async def test_a_failed_swap_leaves_everything_as_it_was(backup: Path, there: Settings) -> None:
    async with open_app(there) as other:
        await other.powers.add("juggling", actor_id=1)
    with open_restore(there, backup) as ready:
        (staging,) = there.data_dir.glob(".restore-*")
        (staging / "voters.key").unlink()  # the database is in place by then
        with pytest.raises(BackupError, match="Everything is as it was before"):
            ready.swap()
    async with open_app(there) as other:
        assert await other.powers.added() == ["juggling"]


async def test_what_cannot_be_put_back_is_told_with_its_places(
    backup: Path, there: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that fails during the swap; the same restore mends it."""
    async with open_app(there):
        pass
    move = shutil.move

    def fail(old: Path, new: Path) -> None:
        if old.name == "voters.key" and new == there.data_dir / "voters.key":
            raise OSError(errno.ENOSPC, "No space left on device", str(new))
        if new.parent.name.startswith(".restore-"):  # when the database's move is taken back
            raise OSError(errno.EIO, "Input/output error", str(new))
        move(old, new)

    with monkeypatch.context() as patch, open_restore(there, backup) as ready:
        patch.setattr(shutil, "move", fail)
        with pytest.raises(BackupError, match="No space left on device") as caught:
            ready.swap()
    (aside,) = there.data_dir.glob("before-restore-*")
    assert f"It lies in {there.data_dir} and {aside}: delete nothing there" in str(caught.value)
    assert "Input/output error" in str(caught.value)
    with pytest.raises(StoreError, match="Restore the backup once more"):
        async with open_app(there):
            pass
    with open_restore(there, backup) as ready:
        ready.swap()
    assert (aside / "voters.key").is_file()
    async with open_app(there) as app:
        assert (await app.privacy.counts(ANN))["vote"] == 1


async def test_a_disk_that_takes_no_marker_changes_nothing(backup: Path, there: Settings) -> None:
    async with open_app(there) as other:
        await other.powers.add("juggling", actor_id=1)
    with open_restore(there, backup) as ready:
        (there.data_dir / "restore.unfinished").symlink_to("no folder/marker")
        with pytest.raises(BackupError, match=r"No such file or directory.*Nothing was changed"):
            ready.swap()
    assert not list(there.data_dir.glob("before-restore-*"))
    async with open_app(there) as other:
        assert await other.powers.added() == ["juggling"]


async def test_a_marker_that_stays_is_told(backup: Path, there: Settings) -> None:
    with open_restore(there, backup) as ready:
        marker = there.data_dir / "restore.unfinished"
        marker.mkdir()  # which is no file that can be removed
        with pytest.raises(BackupError, match=r"The backup is in place, but .*restore\.unfinished"):
            ready.swap()
    marker.rmdir()
    async with open_app(there) as app:
        assert (await app.privacy.counts(ANN))["vote"] == 1


def test_a_path_that_cannot_be_looked_at_is_told(there: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="File name too long"), open_restore(there, tmp_path / ("x" * 300)):
        pass


_OTHER_DISK = Path("/dev/shm")  # noqa: S108 (a disk of its own on Linux)


@pytest.mark.skipif(
    not _OTHER_DISK.is_dir() or _OTHER_DISK.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev,
    reason="needs two disks",
)
def test_half_a_database_on_another_disk_is_removed(backup: Path, there: Settings) -> None:
    """The kernel lets no file grow beyond 50 kB, as on a full disk."""
    with tempfile.TemporaryDirectory(dir=_OTHER_DISK) as folder:
        chosen = there.model_copy(update={"database_url": f"sqlite+aiosqlite:///{folder}/hero.db"})
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        with open_restore(chosen, backup) as ready:
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
            try:
                with pytest.raises(BackupError, match="Everything is as it was before"):
                    ready.swap()
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert list(Path(folder).iterdir()) == []


async def test_what_a_killed_restore_unpacked_is_removed(
    backup: Path, settings: Settings, tmp_path: Path
) -> None:
    """It is a whole copy of the database and of voters.key."""
    there = installation(settings, tmp_path / "installation" / "playground")
    async with open_app(there):
        pass
    with started_restore(there, backup) as process:
        assert process.stdout
        told = await asyncio.to_thread(process.stdout.readline)
        assert "is sound" in told  # now it waits for an answer
        process.send_signal(signal.SIGKILL)
    (left,) = there.data_dir.glob(".restore-*")
    assert (left / "voters.key").is_file()
    with open_restore(there, backup) as ready:
        assert not left.exists()
        ready.swap()
    assert not list(there.data_dir.glob(".restore-*"))
    async with open_app(there) as app:
        assert (await app.privacy.counts(ANN))["vote"] == 1


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_adapters_are_restored_to_their_folder(
    app: App, settings: Settings, there: Settings, tmp_path: Path, *, elsewhere: bool
) -> None:
    """The one of the same name is kept aside, and others are left alone: a server may use them."""
    model = (await app.registry.all())[1]
    add_adapter(settings, model.name, b"new")
    async with app.db.write() as tx:
        await models.change(tx, model.id, state="retired", pruned_at=1.0)
    made = await make_backup(settings, tmp_path / "backup", app.db)
    if elsewhere:
        there = there.model_copy(update={"adapter_dir": tmp_path / "shared"})
    old, other = add_adapter(there, model.name, b"old"), add_adapter(there, "other", b"other")
    with open_restore(there, made.path) as ready:
        assert ready.replaces
        aside = ready.swap().aside
    assert aside
    assert (old / "adapter_model.safetensors").read_bytes() == b"new"
    assert (aside / "adapters" / model.name / "adapter_model.safetensors").read_bytes() == b"old"
    assert (other / "adapter_model.safetensors").read_bytes() == b"other"


def test_a_backup_with_other_names_of_settings_files_is_restored(backup: Path, there: Settings) -> None:
    """Earlier versions named them as the installation does."""
    (backup / "settings" / "heroes.toml").rename(backup / "settings" / "mine.toml")
    edit(backup, lambda manifest: entry(manifest, "settings/heroes.toml").update(path="settings/mine.toml"))
    edit(backup, lambda manifest: manifest.update(made_at="2026-11-30T12:00:00+00:00"))
    with open_restore(there, backup) as ready:
        assert ready.manifest.made_at == datetime(2026, 11, 30, 12, tzinfo=UTC)
        ready.swap()
    assert (there.data_dir / "restored-settings" / "mine.toml").is_file()


async def test_a_database_elsewhere_is_restored_there(backup: Path, there: Settings, tmp_path: Path) -> None:
    (tmp_path / "databases").mkdir()
    file_ = tmp_path / "databases" / "heroes.sqlite"
    chosen = there.model_copy(update={"database_url": f"sqlite+aiosqlite:///{file_}"})
    async with open_app(chosen):
        pass
    with open_restore(chosen, backup) as ready:
        ready.swap()
    assert len(list(file_.parent.glob("heroes.sqlite.before-restore-*"))) >= 1
    async with open_app(chosen) as app:
        assert (await app.privacy.counts(ANN))["vote"] == 1


def test_another_kind_of_database_is_refused(backup: Path, there: Settings) -> None:
    chosen = there.model_copy(update={"database_url": "postgresql+asyncpg://name:secret@host/db"})
    with pytest.raises(OperatorError, match="Only a SQLite database") as caught, open_restore(chosen, backup):
        pass
    assert "secret" not in str(caught.value)
