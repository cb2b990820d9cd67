"""The layers that CONTRIBUTING.md describes: who may import whom, what is loaded when, and a few habits."""

import ast
import gc
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from types import NoneType
from typing import get_args, get_type_hints

import grimp
import pytest
from pydantic import BaseModel

import cogs
from bot.dataset.versions.kept_verdicts import RULES
from bot.settings import ROOT
from bot.store.jobs import Job

# A folder or module of bot/, or cogs/, may import from the lines above it, never from its own line or below.
LAYERS = (
    ("config", "garbage_collection", "histogram", "i18n", "logs", "palette", "shards", "shipped_files"),
    ("chat", "engine_download", "errors"),
    ("extras", "heroes", "local_page", "refreshed"),
    ("cards", "settings", "store"),
    ("community", "jobs", "leases", "llm", "settings_file"),
    ("registry",),
    ("backup", "serving"),
    ("rating", "tuning"),
    ("gallery", "ranking"),
    ("dataset",),
    ("app", "connection", "processes"),
    ("doctor", "monitoring"),
    ("presentation",),
    ("client",),
    ("cogs", "cli", "dashboard", "playground"),
    ("command_line",),
    ("__main__",),
)
MAY_LOAD_TORCH = {
    "engine.base_model",
    "engine.cluster.data_parallel",
    "engine.inference.sampling",
    "engine.inference.torch_generator",
}
TORCH_FOLDER = "engine.training"
RAY_FOLDER = "engine.cluster"
DISCORD = {
    "bot.client",
    "bot.connection.account",
    "bot.connection.command_sync",
    "bot.connection.foreign_servers",
    "bot.connection.invite",
    "bot.connection.login",
    "bot.playground.simulated_discord",
    "bot.playground.view",
}
PACKAGES = ("bot", "cogs", "engine")


@pytest.fixture(autouse=True)
def _no_garbage_collection() -> Iterator[None]:
    """Keep finalizers from running while a syntax tree is made: Python 3.11 then reports a SystemError."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def importers(graph: grimp.ImportGraph, package: str) -> set[str]:
    """Modules that import a package or any module of it directly, from outside it."""
    if package not in graph.modules:
        return set()
    inside = {package} | (graph.find_descendants(package) if package in PACKAGES else set())
    return {
        importer
        for module in inside
        for importer in graph.find_modules_that_directly_import(module)
        if importer not in inside
    }


def imports(graph: grimp.ImportGraph, root: str) -> Iterator[tuple[str, str]]:
    """Every import between two modules of ours that begins in `root`."""
    for module in graph.modules:
        if module.split(".")[0] == root:
            for imported in graph.find_modules_directly_imported_by(module):
                if imported.split(".")[0] in PACKAGES:
                    yield module, imported


def place(module: str) -> str:
    """The name in LAYERS under which a module of bot/ or cogs/ stands."""
    root, _, rest = module.partition(".")
    return "cogs" if root == "cogs" else rest.partition(".")[0]


def folder(module: str) -> str:
    return ".".join(module.split(".")[:2])


def folders(importer: str, imported: str) -> tuple[str, str]:
    """The two folders, or files, in which the paths of two modules part."""
    ours, theirs = importer.split("."), imported.split(".")
    depth = 1 + next(at for at, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other)
    return ".".join(ours[:depth]), ".".join(theirs[:depth])


def sources(*roots: str) -> Iterator[tuple[str, str]]:
    for root in roots:
        for path in sorted((ROOT / root).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def test_the_graph_sees_external_packages(graph: grimp.ImportGraph) -> None:
    """Otherwise the tests below would prove nothing."""
    assert "bot.client" in importers(graph, "discord")
    assert "bot.store.schema.base" in importers(graph, "sqlalchemy")
    assert "bot.llm.client" in importers(graph, "openai")
    assert "engine.training.loop" in importers(graph, "torch")


def test_each_folder_imports_lower_layers_only(graph: grimp.ImportGraph) -> None:
    layer_of = {name: number for number, names in enumerate(LAYERS) for name in names}
    assert {place(module) for module in graph.find_children("bot")} | {"cogs"} == set(layer_of)
    upward = [
        f"{importer} imports {imported}"
        for root in ("bot", "cogs")
        for importer, imported in imports(graph, root)
        if imported not in ("bot", "cogs")  # their __init__ are leaves: cogs.EXTENSIONS is a list of names
        and place(importer) != place(imported)
        and layer_of[place(imported)] >= layer_of[place(importer)]
    ]
    assert upward == []


def test_the_lists_of_features_are_leaves(graph: grimp.ImportGraph) -> None:
    assert graph.find_modules_directly_imported_by("cogs") == set()
    assert graph.find_modules_directly_imported_by("bot") == set()


def test_the_product_needs_no_test_bench_or_script(graph: grimp.ImportGraph) -> None:
    assert {name for package in ("tests", "bench", "scripts") for name in importers(graph, package)} == set()


def test_no_two_folders_import_each_other(graph: grimp.ImportGraph) -> None:
    pairs = {
        folders(importer, imported)
        for root in PACKAGES
        for importer, imported in imports(graph, root)
        if imported.startswith(f"{root}.")
        and not importer.startswith(f"{imported}.")
        and not imported.startswith(f"{importer}.")
    }
    assert [pair for pair in pairs if pair[0] < pair[1] and pair[::-1] in pairs] == []


def test_no_circle_of_files(graph: grimp.ImportGraph) -> None:
    files: TopologicalSorter[str] = TopologicalSorter()
    for root in PACKAGES:
        for importer, imported in imports(graph, root):
            files.add(importer, imported)
    files.prepare()  # raises CycleError, which names the circle


def test_heroes_are_pure(graph: grimp.ImportGraph) -> None:
    """No store, no network, no Discord: they read files of data/ at most."""
    allowed = {"bot.chat", "bot.config", "bot.errors", "bot.heroes", "bot.i18n", "bot.shipped_files"}
    outside = {"aiohttp", "aiosqlite", "asyncio", "discord", "httpx2", "openai", "sqlalchemy", "sqlite3"}
    for module in graph.find_descendants("bot.heroes"):
        for imported in graph.find_modules_directly_imported_by(module):
            assert imported.split(".")[0] != "bot" or folder(imported) in allowed, (module, imported)
            assert imported.split(".")[0] not in outside, (module, imported)


def test_the_llm_knows_no_hero_and_chat_is_a_leaf(graph: grimp.ImportGraph) -> None:
    assert {name for name in importers(graph, "bot.chat") if name.startswith("bot.llm")}
    for module in graph.find_descendants("bot.llm"):
        found = graph.find_modules_directly_imported_by(module)
        assert not [name for name in found if name.startswith("bot.heroes")], module
    found = graph.find_modules_directly_imported_by("bot.chat")
    assert {name for name in found if name.startswith("bot.")} == {"bot.config"}


def test_the_client_imports_no_feature(graph: grimp.ImportGraph) -> None:
    """It loads what `cogs.EXTENSIONS` lists, and every feature is listed and adds itself."""
    assert {
        imported
        for imported in graph.find_modules_directly_imported_by("bot.client")
        if imported.startswith("cogs.")
    } == set()
    assert set(cogs.EXTENSIONS) == graph.find_children("cogs")
    for name in cogs.EXTENSIONS:
        source = (ROOT / name.replace(".", "/") / "__init__.py").read_text(encoding="utf-8")
        assert "async def setup(bot: HeroBot) -> None:" in source, name


def test_the_type_checker_sees_every_interaction() -> None:
    """Interaction[Any] would hide what a button calls, and so would a cog that is looked up by its name."""
    for path, source in sources("bot", "cogs"):
        assert "Interaction[Any]" not in source, path
        assert not re.search(r"\bget_cog\(", source), path


def test_cogs_reach_models_and_tables_through_services_only(graph: grimp.ImportGraph) -> None:
    forbidden = importers(graph, "openai") | importers(graph, "sqlalchemy") | importers(graph, "alembic")
    assert {name for name in forbidden if name.split(".")[0] == "cogs"} == set()


def test_discord_stays_in_cogs_client_connection_and_playground(graph: grimp.ImportGraph) -> None:
    assert {name for name in importers(graph, "discord") if not name.startswith("cogs.")} == DISCORD


def test_sql_stays_in_the_store(graph: grimp.ImportGraph) -> None:
    found = importers(graph, "sqlalchemy") | importers(graph, "alembic") | importers(graph, "aiosqlite")
    assert {name for name in found if not name.startswith("bot.store")} == set()


def test_the_engine_stands_alone(graph: grimp.ImportGraph) -> None:
    found = importers(graph, "bot") | importers(graph, "cogs")
    assert {name for name in found if name.split(".")[0] == "engine"} == set()


def test_ray_stays_in_its_folder_which_nothing_needs(graph: grimp.ImportGraph) -> None:
    """It is an optional part of the package: without it everything else starts."""
    assert {name for name in importers(graph, "ray") if not name.startswith(f"{RAY_FOLDER}.")} == set()
    inside = {RAY_FOLDER} | graph.find_descendants(RAY_FOLDER)
    found = set().union(*(importers(graph, module) for module in inside))
    assert found <= inside


def test_the_bot_knows_the_engine_by_its_address_only(graph: grimp.ImportGraph) -> None:
    assert {name for name in importers(graph, "engine") if not name.startswith("engine")} == set()


def imported_at_module_level(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_torch_is_imported_where_models_are_trained_or_run() -> None:
    """At module level; a lazy import inside a function costs only those who call it."""
    heavy = {"torch", "transformers", "peft", "safetensors"}
    found = set()
    for path, source in sources("bot", "cogs", "engine"):
        module = path.removesuffix(".py").replace("/", ".")
        if module.startswith(f"{TORCH_FOLDER}.") or module in MAY_LOAD_TORCH:
            continue
        if heavy & {name.split(".")[0] for name in imported_at_module_level(source)}:
            found.add(module)
    assert found == set()


def test_collecting_tests_loads_no_torch(graph: grimp.ImportGraph) -> None:
    """Every process of a parallel run collects all tests: five seconds of a core each."""
    packages = {"torch", "transformers", "peft"}
    above = set().union(*map(graph.find_downstream_modules, packages))
    heavy = packages | {name for name in above if name in MAY_LOAD_TORCH or folder(name) == TORCH_FOLDER}
    assert "engine.training.attention" in heavy
    assert [
        path
        for path, source in sources("tests")
        if any(name in heavy or name.split(".")[0] in heavy for name in imported_at_module_level(source))
    ] == []


def test_job_rows_are_read_as_models() -> None:
    """A job's spec and result are models by kind; dictionaries of them stay in bot/store/jobs.py."""
    hints = get_type_hints(Job)
    kinds = {kind for name in ("spec", "result") for kind in (*get_args(hints[name]),)} - {NoneType}
    assert kinds
    assert all(issubclass(kind, BaseModel) for kind in kinds)
    by_key = re.compile(r"""\.(?:spec|result)(?:\s+or\s+\{\})?\)?(?:\[["']|\.get\()""")
    found = [path for path, source in sources("bot", "cogs") if by_key.search(source)]
    assert [path for path in found if path != "bot/store/jobs.py"] == []


def test_what_people_type_is_parsed_where_the_blocklist_is_asked() -> None:
    past_it = re.compile(r"\.vocabulary\.(?:parse|hero)\(")
    assert [path for path, source in sources("bot", "cogs") if past_it.search(source)] == []


def test_tests_hand_in_what_they_change() -> None:
    """No test patches a private name of ours, or a name by its dotted path: moved code would break it."""
    ours = re.compile(
        r"""setattr\(\s*["'](?:bot|cogs|engine|bench)\.|setattr\(\s*(?!discord\.)[\w.]+,\s*["']_"""
    )
    assert [path for path, source in sources("tests") if ours.search(source)] == []


def test_tests_wait_with_a_bound() -> None:
    """A loop that sleeps until something is true has a deadline: eventually() has one."""
    unbounded = []
    for path, source in sources("tests"):
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.While) or path == "tests/support/eventually.py":
                continue
            calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
            sleeps = any(ast.unparse(call.func).endswith("sleep") for call in calls)
            if sleeps and "monotonic" not in ast.unparse(node):
                unbounded.append(f"{path}:{node.lineno}")
    assert unbounded == []


def test_importing_reads_no_environment_and_no_heavy_library() -> None:
    """Every module that may not load torch, in a fresh interpreter whose environment refuses to be read."""
    probe = f"""
import importlib, os, pkgutil, sys
import bot, cogs, engine
ours = [m.name for p in (bot, cogs, engine) for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")]
ours = [name for name in ours if ".migrations" not in name and not name.endswith("__main__")]
torch = {sorted(MAY_LOAD_TORCH)!r}
ours = [name for name in ours if name not in torch and not name.startswith("{TORCH_FOLDER}.")]
ours = [name for name in ours if not name.startswith("{RAY_FOLDER}.")]
"""
    probe += """
import discord, openai, sqlalchemy.ext.asyncio, pydantic_settings, simcord, rich.progress, typer
from discord.ext import commands, tasks
import alembic.command
mine = tuple(os.path.dirname(p.__path__[0]) + os.sep + p.__name__ + os.sep for p in (bot, cogs, engine))
real = os.environ.__class__.__getitem__
def refuse(self, key):
    callers = [sys._getframe(depth).f_code.co_filename for depth in (1, 2, 3)]  # os.getenv stands between
    if any(caller.startswith(mine) for caller in callers):
        raise SystemExit(f"{key} was read")
    return real(self, key)
os.environ.__class__.__getitem__ = refuse
for name in ours:
    importlib.import_module(name)
heavy = {"torch", "pandas", "transformers", "xllamacpp", "scipy", "matplotlib", "pyarrow"} & set(sys.modules)
raise SystemExit(f"loaded {heavy}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["bot.settings", "bot.command_line"])
def test_what_starts_first_loads_no_large_library(module: str) -> None:
    """Whoever only reads settings or --help waits neither for SQLAlchemy nor for the clients."""
    large = {"aiohttp", "discord", "openai", "pandas", "sqlalchemy"}
    probe = f"import sys, {module}; sys.exit(' '.join({large} & set(sys.modules)) or None)"
    done = subprocess.run(
        [sys.executable, "-c", probe], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_bot_starts_without_what_few_use() -> None:
    """Each of these takes memory and time of every start: what needs one loads it where it is used."""
    needless = {
        *("PIL", "matplotlib", "numpy", "pandas", "pyarrow", "rensa", "scipy", "torch", "transformers"),
        *("alembic", "babel", "packaging", "prometheus_client", "rich", "typer"),
        *("aiohttp.web", "sqlalchemy.dialects.postgresql"),
    }
    probe = f"""
import importlib, sys
import bot.app, bot.client, bot.monitoring.server
from bot.heroes.config import read_heroes
from bot.shipped_files import shipped
from cogs import EXTENSIONS
for name in EXTENSIONS:
    importlib.import_module(name)
read_heroes(shipped("data/heroes.toml"))
sys.exit(" ".join({needless} & set(sys.modules)) or None)
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_colours_are_named_in_the_palette_alone() -> None:
    named = re.compile(r"[\"']#[0-9a-fA-F]{6}[\"']|\bColou?r\.(?!from_str\b)\w+\(|\b0x[0-9a-fA-F]{6}\b")
    found = [path for path, text in sources("bot", "cogs", "bench") if named.search(text)]
    assert found == ["bot/palette.py"]


def test_all_of_curation_is_in_the_version_of_its_rules(graph: grimp.ImportGraph) -> None:
    """A change of what decides about a text must change the version under which verdicts are kept."""
    modules = {module.__name__ for module in RULES}
    deciding = {"bot.heroes.curation"} | graph.find_upstream_modules("bot.heroes.curation")
    only_data = {"bot.heroes.hero"}
    assert {each for each in deciding if each.startswith("bot.heroes.")} - only_data == modules
