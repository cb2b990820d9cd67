"""The design's walls: who may import whom, and that importing does nothing."""

import subprocess
import sys

import grimp
import pytest


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("bot", "cogs", "engine", include_external_packages=True)


def importers(graph: grimp.ImportGraph, package: str) -> set[str]:
    """Our modules that import a package or any module of it directly."""
    if package not in graph.modules:
        return set()
    inside = {package} | graph.find_descendants(package) if package in ("bot", "cogs") else {package}
    return {
        importer
        for module in inside
        for importer in graph.find_modules_that_directly_import(module)
        if importer not in inside
    }


def test_the_graph_sees_external_packages(graph: grimp.ImportGraph) -> None:
    """Without it every wall below would stand for nothing."""
    assert "bot.client" in importers(graph, "discord")
    assert "bot.store.schema" in importers(graph, "sqlalchemy")
    assert "bot.llm.client" in importers(graph, "openai")


def test_cogs_reach_models_and_tables_through_services_only(graph: grimp.ImportGraph) -> None:
    forbidden = importers(graph, "openai") | importers(graph, "sqlalchemy") | importers(graph, "alembic")
    assert {name for name in forbidden if name.split(".")[0] == "cogs"} == set()


def test_discord_stays_in_cogs_client_and_playground(graph: grimp.ImportGraph) -> None:
    outside = {name for name in importers(graph, "discord") if not name.startswith("cogs.")}
    assert outside == {"bot.client", "bot.playground.view", "bot.playground.simulated_discord"}


def test_sql_stays_in_the_store(graph: grimp.ImportGraph) -> None:
    found = importers(graph, "sqlalchemy") | importers(graph, "alembic") | importers(graph, "aiosqlite")
    assert {name for name in found if not name.startswith("bot.store")} == set()


def test_the_engine_stands_alone(graph: grimp.ImportGraph) -> None:
    found = importers(graph, "bot") | importers(graph, "cogs")
    assert {name for name in found if name.split(".")[0] == "engine"} == set()


def test_the_bot_knows_the_engine_by_its_address_only(graph: grimp.ImportGraph) -> None:
    outside = {name for name in importers(graph, "engine") if not name.startswith("engine")}
    assert outside == set()


def test_the_store_calls_nothing_above_it(graph: grimp.ImportGraph) -> None:
    below = {"bot.config", "bot.errors", "bot.heroes", "bot.i18n", "bot.store"}
    for module in graph.find_descendants("bot.store"):
        for imported in graph.find_modules_directly_imported_by(module):
            if imported.startswith("bot."):
                assert any(imported == name or imported.startswith(f"{name}.") for name in below), module


def test_importing_reads_no_environment_and_no_heavy_library() -> None:
    """Every module but the trainer's, in a fresh interpreter whose environment refuses to be read."""
    probe = """
import importlib, os, pkgutil, sys
import bot, cogs, engine
ours = [m.name for p in (bot, cogs, engine) for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")]
# the training child's own, and what serves a Hugging Face folder: they import what is heavy
trainer = {
    "base_model", "training.gguf_export", "training.loop", "training.lora", "training.lora_model",
    "training.objectives", "training.resource_checks", "training.run", "training.tokenization",
    "inference.sampling", "inference.torch_generator",
}
ours = [name for name in ours if ".migrations" not in name and not name.endswith("__main__")]
ours = [name for name in ours if name.removeprefix("engine.") not in trainer]
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
