"""The wheel: it has everything that the program needs, and works from an empty folder without a checkout."""

import json
import re
import sqlite3
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
from alembic.script import ScriptDirectory

from bot.settings import ROOT
from engine.storage import weights
from tests.support import tiny_model
from tests.support.installed_package import InstalledPackage, install

pytestmark = pytest.mark.package

ENGINE_ALONE = """
import runpy, sys
for package in ("discord", "sqlalchemy", "openai", "bot", "cogs"):
    sys.modules[package] = None  # to import it fails
sys.argv = ["engine", *sys.argv[1:]]
runpy.run_module("engine", run_name="__main__")
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> InstalledPackage:
    return install(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def engine_url(package: InstalledPackage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the installed engine, without the packages that only the bot needs."""
    folder = tmp_path_factory.mktemp("engine")
    base = tiny_model.write(folder / "tiny.F32.gguf", weights.find(None).path)
    options = [
        "--data",
        "data",
        "--base",
        str(base),
        "--port",
        "0",
        "--runtime",
        "llama.cpp",
        "--with-parent",
    ]
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE_ALONE, *options],
        cwd=folder,
        env=package.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        yield line.rpartition(" ")[2].strip()
        process.terminate()


@pytest.fixture(scope="module")
def installation(package: InstalledPackage, engine_url: str) -> InstalledPackage:
    """Write the one file that an installation needs: its .env, in the working folder."""
    lines = [f"ENGINE_URL={engine_url}", "AUTHOR_MODEL=tiny", "BASE_MODEL=tiny", "DRAWS=1"]
    (package.folder / ".env").write_text("\n".join(lines), encoding="utf-8")
    return package


def test_the_wheel_has_every_module_and_file(package: InstalledPackage) -> None:
    packed = set(zipfile.ZipFile(package.wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for root in ("bot", "cogs", "engine") for path in _sources(root)}
    assert len(modules) > 300
    assert modules - packed == set()
    shipped = (
        "bases.toml",
        "heroes.toml",
        "plots.toml",
        "prices.toml",
        "blocked.txt",
        "first_dataset.jsonl",
        "languages/de.po",
        "fonts/Inter-Regular.otf",
        "fonts/NotoSansArabic-Bold.ttf",
        "fonts/OFL.txt",
        "languages/fr.po",
    )
    assert {f"bot/shipped/data/{name}" for name in shipped} <= packed
    assert {f"bot/shipped/{name}" for name in ("README.md", "docs/hosting.md", ".env.example")} <= packed
    roots = {name.split("/")[0] for name in packed}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"bot", "cogs", "engine"}
    assert not [name for name in packed if "/var/" in name or name.endswith(("/.env", ".pyc"))]


def _sources(root: str) -> Iterator[Path]:
    yield from (path for path in (ROOT / root).rglob("*") if path.suffix in {".py", ".js", ".css", ".html"})


def test_it_tells_its_version(package: InstalledPackage) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert package.herosmith("--version").stdout == f"herosmith {project['version']}\n"
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(project['version'])}\b", changes, re.MULTILINE)


def test_it_reads_its_own_files_and_writes_below_the_working_folder(installation: InstalledPackage) -> None:
    listed = installation.herosmith("languages", "list", "--json")
    assert [row["language"] for row in json.loads(listed.stdout)] == ["de", "fr"], listed.stderr
    probe = installation.python(
        "-c",
        "import bot, cogs, engine; from bot.settings_file import load_settings; s = load_settings()\n"
        "print(bot.__file__, cogs.__file__, engine.__file__)\nprint(s.heroes_file)\nprint(s.data_dir)",
    )
    packages, heroes, data = probe.stdout.splitlines()
    assert all(Path(file).is_relative_to(installation.site) for file in packages.split())
    assert Path(heroes) == installation.site / "bot" / "shipped" / "data" / "heroes.toml"
    assert Path(data) == installation.folder / "data" / "var"


def test_a_file_below_the_working_folder_takes_the_place_of_the_shipped_one(
    package: InstalledPackage, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.toml").touch()
    probe = "from bot.settings import Settings; s = Settings(); print(s.prices_file); print(s.blocklist)"
    found = package.python("-c", probe, folder=tmp_path).stdout.splitlines()
    shipped = package.site / "bot" / "shipped" / "data" / "blocked.txt"
    assert found == [str(tmp_path / "data" / "prices.toml"), str(shipped)]


def test_hero_writes_a_text_and_the_database_is_of_the_newest_schema(installation: InstalledPackage) -> None:
    hero = installation.herosmith("hero", "40", "woman", "healing")
    assert hero.returncode == 0, hero.stderr
    assert len(hero.stdout.split()) > 10  # the beginning of a text, and what random weights make of it
    (database,) = (installation.folder / "data" / "var").rglob("hero.db")
    with closing(sqlite3.connect(database)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert revision == ScriptDirectory(str(ROOT / "bot" / "store" / "migrations")).get_current_head()


def test_run_opens_the_playground_with_its_pages(installation: InstalledPackage) -> None:
    with subprocess.Popen(
        [sys.executable, str(installation.site / "bin" / "herosmith"), "run"],
        cwd=installation.folder,
        env=installation.environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        printed = ""
        for line in process.stderr:
            printed += line
            if found := re.search(r"Open: (http://127\.0\.0\.1:\d+)/(\?token=\S+)", line):
                break
        try:
            assert found, printed
            with urlopen(found[1] + "/" + found[2]) as page:  # noqa: S310 (the address is its own)
                assert b"<title>" in page.read()
            with urlopen(f"{found[1]}/docs/hosting.md{found[2]}") as page:  # noqa: S310
                assert b"<h1" in page.read()
        finally:
            process.terminate()
            process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("lacking", "command", "parts"),
    [
        ({"xllamacpp": "the model engine"}, ["hero", "40", "woman", "healing"], "engine"),
        ({"simcord": "the playground"}, ["run"], "playground"),
        ({"pyarrow": "Parquet files"}, ["dataset", "check", "texts.parquet"], "files"),
    ],
)
def test_a_part_that_is_not_installed_is_named_with_the_command_that_installs_it(
    package: InstalledPackage, lacking: dict[str, str], command: list[str], parts: str, tmp_path: Path
) -> None:
    (tmp_path / "texts.parquet").write_bytes(b"PAR1")
    program = "import sys; sys.modules.update(dict.fromkeys({!r})); from bot.__main__ import main; main()"
    done = package.python("-c", program.format(list(lacking)), *command, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert all(purpose in done.stderr for purpose in lacking.values())
    assert f"-m pip install 'herosmith[{parts}]'" in done.stderr
