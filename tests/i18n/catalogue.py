"""What the tests of the catalogues look for: messages in the source, and text that no catalogue sees."""

import ast
import re
from functools import cache

from bot.errors import message_errors
from bot.i18n.extraction import COUNTED, Key, called, extract_messages, sources, translating_calls
from bot.i18n.missing import NAME, read_catalogue, translations
from bot.settings import ROOT

# Their text is for operators, in English, or for no one to read. All others that make messages are checked.
_OTHER_MODULES = (
    "bot/connection/shard_claims.py",
    "bot/local_page/localization.py",  # HTML
    "bot/playground/server.py",
    "bot/store/database.py",  # SQL
    "bot/store/faults.py",
)
# Values, names, and what is logged
_OTHER_TEXTS = frozenset(
    {
        *("fell back", "held back", "rolled back", "voted down"),
        *(
            "Azure",
            "Crusoe",
            "Herosmith",
            "Hero HQ",
            "Herosmith dashboard",
            "Herosmith dataset v",
            "Nebius Token Factory",
        ),
        *("Hello", "Value error, ", "offset points", "the answer is not understood: "),
        *("the first dataset", "the ranker"),  # of jobs' lanes
        *("Accept-Language", "Host", "Strict"),  # of HTTP
        *('<meta name="generator" content="Herosmith gallery">', "const HEROES = "),  # of the gallery
    }
)
# Calls whose text is not part of it: what Discord itself translates, and the log
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


_COMMANDS = (
    *("hero", "team", "story", "duel", "top", "help", "about", "privacy", "settings", "powers", "dataset"),
    *("build-dataset", "finetune", "models", "season", "quota", "people"),
)
_ERRORS = message_errors()
_TRANSLATING = {"t", "mark", "LocalizedMessage", *COUNTED, *_ERRORS}
_MAKERS = {"Translator", *_TRANSLATING}  # whose import shows that a module makes messages


@cache  # parsing all sources takes a quarter of a second
def sentences() -> dict[Key, str]:
    """Return every message to people in Discord with its place; two forms if it is counted."""
    return extract_messages(_ERRORS)


def f_strings() -> list[str]:
    """Return the places where a message is an f-string, which no catalogue can contain."""
    return [
        place
        for place, call in translating_calls(_ERRORS)
        if any(isinstance(argument, ast.JoinedStr) for argument in call.args)
    ]


def bare_texts() -> list[str]:
    """Return literals that look like text for people and are not part of a translated message."""
    found = []
    for name, tree in sources("bot", "cogs"):
        if name not in _OTHER_MODULES and (name.startswith("cogs/") or _makes_messages(tree)):
            walk = _BareTexts()
            walk.visit(tree)
            found += [f"{name}:{line} {text}" for line, text in walk.found if text not in _OTHER_TEXTS]
    return found


def _makes_messages(tree: ast.Module) -> bool:
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return any(alias.name in _MAKERS for node in imports for alias in node.names)


class _BareTexts(ast.NodeVisitor):
    """Visits all literals except docstrings, keys, types, errors for the log, and translated messages."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Constant(self, node: ast.Constant) -> None:
        text = node.value  # a command is written in its language where it is shown
        if isinstance(text, str) and _WORDS.search(text) and not text.startswith("/"):
            self.found.append((node.lineno, text))

    def visit_Call(self, node: ast.Call) -> None:
        name = called(node)
        if name in _TRANSLATING:
            self._visit(*(argument.value for argument in node.keywords))
        elif name not in _OTHER_CALLS:
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        if isinstance(node.exc, ast.Call) and called(node.exc) in _TRANSLATING:
            self.visit(node.exc)

    def visit_Dict(self, node: ast.Dict) -> None:
        self._visit(*node.values)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Skip comparisons: they are not shown."""

    def visit_arg(self, node: ast.arg) -> None:
        """Skip quoted types."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Visit all but the type of what it returns."""
        self._visit(*node.decorator_list, node.args, *node.body)

    def _visit(self, *nodes: ast.AST) -> None:
        for node in nodes:
            self.visit(node)


def fields(sentence: str) -> list[str]:
    """Return the names of its fields; commands such as {/models compare a:{number}} and theirs among them."""
    return sorted(re.findall(r"\{(/?[\w -]*)", sentence))


def formats(sentence: str) -> list[str]:
    """Return its fields with how each is written, such as {number:,}."""
    return sorted(re.findall(r"\{[^{}/]+\}", without_commands(sentence)))


def commands() -> set[str]:
    """Return the commands that messages have as fields, each value of an option as `1`."""
    found = set[str]()
    for key in sentences():
        for form in (key,) if isinstance(key, str) else key:
            found |= set(re.findall(r"\{(/[^{}]+)\}", re.sub(r"(?<=:)\{\w+\}", "1", form)))
    return found


def bare_commands(sentence: str) -> list[str]:
    """Return the commands outside of backticks, by their names in any language."""
    return _command().findall(re.sub(r"`[^`]*`", "", sentence))


@cache
def _command() -> re.Pattern[str]:
    catalogues = [read_catalogue(file) for file in sorted((ROOT / "data" / "languages").glob("*.po"))]
    translated = {
        name for each in catalogues for root in _COMMANDS for name in translations(each, root, NAME)
    }
    names = "|".join(map(re.escape, sorted({*_COMMANDS, *translated})))
    return re.compile(rf"(?<![\w/])\{{?/(?:{names}|\{{name\}})(?![\w-])")


def most_colons(text: str) -> int:
    """Return how many colons one of its sentences has at most, without those in fields, commands and code."""
    plain = re.sub(r"`[^`]*`|\{/(?:[^{}]|\{\w+\})*\}|\{[^{}]*\}", "", text)
    return max(len(re.findall(r":(?=\W|$)", each)) for each in re.split(r"(?<=[.!?…])\s|\n", plain))


def without_commands(sentence: str) -> str:
    """Leave out the commands that are fields: each surface writes them by itself."""
    return re.sub(r"\{/(?:[^{}]|\{\w+\})*\}", "", sentence)
