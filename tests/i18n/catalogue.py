"""Find what must be translated: messages in the source, names and descriptions of commands."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from discord import app_commands

from bot.errors import UserError
from bot.settings import ROOT

# the terminal, `python -m bot`, is in English, as are its checks of files
_TERMINAL = (
    "bot/cli/",
    "bot/dataset/lint/",
    "bot/dataset/reading/",
    *(f"bot/dataset/files/{name}" for name in ("base", "csv", "dataset_card", "formats", "hugging", "jsonl")),
    *(f"bot/dataset/files/{name}" for name in ("affixes", "hero_row", "parquet", "row")),
    "bot/playground/",
)
_COUNTED = ("count", "counted")
# The modules that make text for people in Discord, and the calls whose text is not part of it: what Discord
# itself translates, and the log.
_TEXT_MODULES = (
    "cogs",
    "bot/jobs/queue.py",
    "bot/community/powers.py",
    "bot/community/content_reports.py",
    "bot/presentation/jobs.py",
    "bot/jobs/worker.py",
    "bot/presentation/datasets.py",
    "bot/dataset/versions/status.py",
    "bot/rating/trial_status.py",
    "bot/rating/trials.py",
    "bot/serving/comparison.py",
    "bot/tuning/job.py",
    "bot/presentation/models.py",
    "bot/registry/availability.py",
)
_OTHER_CALLS = {
    "Group",
    "admins_group",
    "command",
    "describe",
    "debug",
    "info",
    "warning",
    "error",
    "exception",
    "compile",
}
_WORDS = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}|^[A-Z][a-z]+\b")


def _errors(of: type[UserError] = UserError) -> Iterator[str]:
    yield of.__name__
    for subclass in of.__subclasses__():
        yield from _errors(subclass)


_TRANSLATING = {"t", "mark", "LocalizedMessage", *_COUNTED, *_errors()}


def sentences() -> dict[str | tuple[str, str], str]:
    """Return every message to people in Discord with its place; two forms if it is counted."""
    found: dict[str | tuple[str, str], str] = {}
    for place, call in _translating_calls():
        texts = list(_texts(call))
        if _called(call) in _COUNTED and len(texts) == 2:
            found[texts[0], texts[1]] = place
        elif _called(call) not in _COUNTED and texts:
            found[texts[0]] = place
    return found


def f_strings() -> list[str]:
    """Return the places where a message is an f-string, which no catalogue can contain."""
    return [
        place
        for place, call in _translating_calls()
        if any(isinstance(argument, ast.JoinedStr) for argument in call.args)
    ]


def _translating_calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call that takes messages, with its place."""
    for name, tree in _sources("bot", "cogs"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in _TRANSLATING:
                yield f"{name}:{node.lineno}", node


def _sources(*places: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules in these folders and files by name, without the terminal's."""
    for place in places:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = str(file.relative_to(ROOT))
            if not name.startswith(_TERMINAL):
                yield name, ast.parse(file.read_bytes())


def bare_texts() -> list[str]:
    """Return literals that look like text for people and are not part of a translated message."""
    found = []
    for name, tree in _sources(*_TEXT_MODULES):
        walk = _BareTexts()
        walk.visit(tree)
        found += [f"{name}:{line} {text}" for line, text in walk.found]
    return found


class _BareTexts(ast.NodeVisitor):
    """Visits all literals except docstrings, keys, types, errors for the log, and translated messages."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and _WORDS.search(node.value):
            self.found.append((node.lineno, node.value))

    def visit_Call(self, node: ast.Call) -> None:
        called = _called(node)
        if called in _TRANSLATING:
            self._visit(*(argument.value for argument in node.keywords))
        elif called not in _OTHER_CALLS:
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        if isinstance(node.exc, ast.Call) and _called(node.exc) in _TRANSLATING:
            self.visit(node.exc)

    def visit_Dict(self, node: ast.Dict) -> None:
        self._visit(*node.values)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Skip comparisons: they are not shown."""

    def visit_arg(self, node: ast.arg) -> None:
        """Skip quoted types."""

    def _visit(self, *nodes: ast.AST) -> None:
        for node in nodes:
            self.visit(node)


def _texts(call: ast.Call) -> Iterator[str]:
    """Yield the literal texts among a call's arguments, in order."""
    for argument in call.args:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value:
            yield argument.value


def _called(call: ast.Call) -> str:
    """Return the last part of the called name: `counted` of LocalizedMessage.counted()."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def names_and_descriptions(tree: app_commands.CommandTree[Any]) -> tuple[set[str], set[str]]:
    """Return the names and the descriptions of commands and options."""
    names, descriptions = set(), set()
    for command in tree.walk_commands():
        names.add(command.name)
        descriptions.add(command.description)
        if isinstance(command, app_commands.Command):
            for parameter in command.parameters:
                names.add(parameter.display_name)
                descriptions.add(str(parameter.description))
    return names, descriptions


def fields(sentence: str) -> list[str]:
    return sorted(re.findall(r"\{(\w*)[^}]*\}", sentence))
