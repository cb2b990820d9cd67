"""A restore replaces everything or nothing, keeps what was there, and believes no manifest."""

import asyncio
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bot.app import App, open_app
from bot.backup.archive import make_backup
from bot.backup.restore import open_restore
from bot.errors import BackupError, OperatorError, StoreError
from bot.settings import Settings
from bot.store.use_lock import mark_unfinished
from tests.support.backups import ANN, installation

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
