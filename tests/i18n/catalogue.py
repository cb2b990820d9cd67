"""What is to be translated: sentences in the source, names and descriptions of commands."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from discord import app_commands

from bot.errors import UserError
from bot.settings import ROOT

# `python -m bot`, for whoever is at the terminal, speaks English; so do the checks of files that it makes
_TERMINAL = (
    "bot/cli/",
    "bot/dataset/lint/",
    *(f"bot/dataset/files/{name}" for name in ("base", "csv", "dataset_card", "formats", "hugging", "jsonl")),
    *(f"bot/dataset/files/{name}" for name in ("parquet", "row")),
    "bot/playground/",
)
_COUNTED = ("count", "counted")
# Where words are put together for people in Discord; and the calls whose words they do not read in an answer:
# what Discord itself translates, and the log.
_SPOKEN = (
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
_TOLD_ELSEWHERE = {
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
    for each in of.__subclasses__():
        yield from _errors(each)


_SAYING = {"t", "mark", "LocalizedMessage", *_COUNTED, *_errors()}


def sentences() -> dict[str | tuple[str, str], str]:
    """Every sentence that is said to people in Discord, with where it stands; two forms where it counts."""
    found: dict[str | tuple[str, str], str] = {}
    for place, call in _saying():
        texts = list(_texts(call))
        if _called(call) in _COUNTED and len(texts) == 2:
            found[texts[0], texts[1]] = place
        elif _called(call) not in _COUNTED and texts:
            found[texts[0]] = place
    return found


def made_up() -> list[str]:
    """Where a sentence is an f-string: no catalogue can have it."""
    return [place for place, call in _saying() if any(isinstance(each, ast.JoinedStr) for each in call.args)]


def _saying() -> Iterator[tuple[str, ast.Call]]:
    """Every call that takes sentences, with where it stands."""
    for name, tree in _sources("bot", "cogs"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in _SAYING:
                yield f"{name}:{node.lineno}", node


def _sources(*places: str) -> Iterator[tuple[str, ast.Module]]:
    """The product's own modules in these folders and files, by their names; without the terminal's."""
    for place in places:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = str(file.relative_to(ROOT))
            if not name.startswith(_TERMINAL):
                yield name, ast.parse(file.read_bytes())


def bare_words() -> list[str]:
    """Literals that read like words for people, and stand in no sentence that a language says."""
    found = []
    for name, tree in _sources(*_SPOKEN):
        walk = _BareWords()
        walk.visit(tree)
        found += [f"{name}:{line} {text}" for line, text in walk.found]
    return found


class _BareWords(ast.NodeVisitor):
    """Looks at every literal but docstrings, keys, types, errors for the log, and what is said already."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and _WORDS.search(node.value):
            self.found.append((node.lineno, node.value))

    def visit_Call(self, node: ast.Call) -> None:
        called = _called(node)
        if called in _SAYING:
            self._visit(*(argument.value for argument in node.keywords))
        elif called not in _TOLD_ELSEWHERE:
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        if isinstance(node.exc, ast.Call) and _called(node.exc) in _SAYING:
            self.visit(node.exc)

    def visit_Dict(self, node: ast.Dict) -> None:
        self._visit(*node.values)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        """What is compared is nothing that is shown."""

    def visit_arg(self, node: ast.arg) -> None:
        """Types are quoted where they would be circular."""

    def _visit(self, *nodes: ast.AST) -> None:
        for node in nodes:
            self.visit(node)


def _texts(call: ast.Call) -> Iterator[str]:
    """The literal texts that a call is given in their order."""
    for argument in call.args:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value:
            yield argument.value


def _called(call: ast.Call) -> str:
    """The last part of what is called: `Sentence` and `counted` in Sentence.counted()."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def names_and_descriptions(tree: app_commands.CommandTree[Any]) -> tuple[set[str], set[str]]:
    """What commands and options are called, and what is said of them."""
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
