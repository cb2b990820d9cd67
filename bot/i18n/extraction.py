"""Find the messages in the source that catalogues translate, as xgettext does."""

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
# the terminal, `python -m bot`, is in English, as are its checks of files
_TERMINAL = (
    "bot/cli/",
    "bot/dataset/lint/",
    "bot/dataset/reading/",
    *(f"bot/dataset/files/{name}" for name in ("base", "csv", "dataset_card", "formats", "hugging", "jsonl")),
    *(f"bot/dataset/files/{name}" for name in ("affixes", "hero_row", "parquet", "row")),
    *(f"bot/tuning/{name}.py" for name in ("model_names", "own_chat", "own_models", "own_trainings")),
)
COUNTED = ("count", "counted")
_IN_PAGES = {".html": re.compile(r"\{\{(.+?)\}\}(?!\})"), ".js": re.compile(r'\bt\("([^"]+)"')}

Key = str | tuple[str, str]  # two forms if the message is counted


def extract_messages(errors: Collection[str]) -> dict[Key, str]:
    """Return every message to people in Discord with its place, `file:line`.

    errors: the names of the error classes whose first argument is a message.
    """
    found: dict[Key, str] = {}
    for place, call in translating_calls(errors):
        texts = list(_texts(call))
        if called(call) in COUNTED and len(texts) == 2:
            found[texts[0], texts[1]] = place
        elif called(call) not in COUNTED and texts:
            found[texts[0]] = place
    for file in sorted((_ROOT / "bot").rglob("*")):
        for line, text in messages_of_page(file):
            found[text] = f"{file.relative_to(_ROOT)}:{line}"
    return found


def messages_of_page(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the messages of a web page's file with their lines: {{...}} in HTML, t("...") in JavaScript."""
    if pattern := _IN_PAGES.get(file.suffix):
        text = file.read_text(encoding="utf-8")
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match[1]


def translating_calls(errors: Collection[str]) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call that takes messages, with its place."""
    names = {"t", "mark", "LocalizedMessage", *COUNTED, *errors}
    for name, tree in sources("bot", "cogs"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in names:
                yield f"{name}:{node.lineno}", node


def sources(*places: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules in these folders and files by name, without the terminal's."""
    for place in places:
        path = _ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = str(file.relative_to(_ROOT))
            if not name.startswith(_TERMINAL):
                yield name, ast.parse(file.read_bytes())


def called(call: ast.Call) -> str:
    """Return the last part of the called name: `counted` of LocalizedMessage.counted()."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _texts(call: ast.Call) -> Iterator[str]:
    """Yield the literal texts among a call's arguments, in order."""
    for argument in call.args:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value:
            yield argument.value
