"""The documentation: links and anchors lead somewhere, code blocks parse, and what they call exists."""

import ast
import configparser
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml

from bot.command_line import cli
from bot.settings import ROOT, Settings

SKIPPED = {"node_modules", ".venv", ".venv-clients", ".venv-docs", "site", ".github", "var"}
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not SKIPPED.intersection(path.relative_to(ROOT).parts)
    and not path.name.startswith(".")
    and (path.parent.name != "readings" or path.name == "README.md")  # the others are texts of models
)
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced code block."""

    language: str
    code: str


def blocks(page: str) -> list[Block]:
    found = []
    for indent, language, code in _FENCE.findall(page):
        found.append(Block(language, re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)))
    return found


def without_code(page: str) -> str:
    return re.sub(r"`[^`\n]*`|^(?: {4}|\t).*$", "", _FENCE.sub("", page), flags=re.MULTILINE)


def links(page: str) -> list[str]:
    """Return the targets of a page's links and pictures within the repository."""
    targets = [markdown or image for markdown, image in _LINK.findall(without_code(page))]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site's builder name them."""
    headings = _HEADING.findall(_FENCE.sub("", page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(path: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere."""
    for target in links(path.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        if not linked.exists() or (anchor and anchor not in anchors(linked.read_text(encoding="utf-8"))):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors_lead_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


def _parse_lines(code: str) -> None:
    for line in code.splitlines():
        json.loads(line)


NODE = shutil.which("node")
PARSERS: dict[str, Callable[[str], object]] = {
    "": str,
    "text": str,
    "csv": str,
    "python": lambda code: compile(code, "block", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT),
    "json": json.loads,
    "jsonl": _parse_lines,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "ini": lambda code: configparser.ConfigParser(strict=False).read_string(code),
    "bash": lambda code: _accepted(["/bin/sh", "-n"], code),
    "javascript": lambda code: _accepted([NODE, "--input-type=module", "--check"], code) if NODE else None,
}


def _accepted(command: list[str], code: str) -> None:
    """Let a program check code on its standard input."""
    subprocess.run(command, input=code, text=True, check=True, capture_output=True)


def parse(block: Block) -> None:
    """Parse a code block. Raises an error that says what is wrong, and KeyError for an unknown language."""
    PARSERS[block.language](block.code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_blocks_parse(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8")):
        parse(block)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "print("),
        ("json", "{'a': 1}"),
        ("jsonl", '{"a": 1}\n{"b"'),
        ("toml", "a ="),
        ("yaml", "a: [1"),
        ("ini", "key = 1"),
        ("bash", "if true"),
        ("klingon", "qapla"),
    ],
)
def test_a_broken_block_is_found(language: str, code: str) -> None:
    (block,) = blocks(f"# A page\n\n1. A step:\n\n    ```{language}\n    {code}\n    ```\n")
    assert block == (language, f"{code}\n")
    with pytest.raises(Exception, match=r".+"):
        parse(block)


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A title, `and` more\n\n## 2 apples\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#a-title-and-more) [c](there.md#2-apples) [d](https://example.com)\n"
        "`[e](nowhere.md)` [f](nowhere.md) [g](there.md#no) [h [i]](#page) ![j](no.png)\n"
        '<img src="none.png" alt="k">\n\n    [l](code.md)\n\n# Page\n'
    )
    assert list(broken(page)) == ["nowhere.md", "there.md#no", "no.png", "none.png"]


def commands_in(page: str) -> Iterator[str]:
    """Yield the `make` targets that a page names in code."""
    for code in re.findall(r"`([^`\n]+)`|^ {4,}(.+)$", page, flags=re.MULTILINE):
        yield from re.findall(r"^\s*make ([a-z][a-z-]*)", "".join(code))


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {
        (str(page.relative_to(ROOT)), target)
        for page in PAGES
        for target in commands_in(page.read_text(encoding="utf-8"))
    }
    assert {target for _, target in named} >= {"run", "test", "docs", "check", "quick"}
    assert [each for each in named if each[1] not in targets] == []


def test_every_terminal_command_that_is_named_exists() -> None:
    commands: dict[str, Any] = getattr(typer.main.get_command(cli), "commands")  # noqa: B009 (typer's own click)
    unknown = []
    for page in set(PAGES) - {ROOT / "CHANGELOG.md"}:  # which names commands of older versions
        text = page.read_text(encoding="utf-8")
        for code in re.findall(r"`([^`]+)`|^ {4,}(.+)$", text, flags=re.MULTILINE):
            for first, second in re.findall(
                r"^(?:\.venv/bin/)?herosmith ([a-z]+)(?: ([a-z]+))?", "".join(code)
            ):
                subcommands = getattr(commands.get(first), "commands", None)
                if first not in commands or (subcommands and second and second not in subcommands):
                    unknown.append((str(page.relative_to(ROOT)), f"{first} {second}"))
    assert unknown == []


GUIDES = sorted(
    {*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"}
)
OF_OTHERS = frozenset(
    {
        *("ARGS", "COMPOSE_PROFILES", "ENGINE_EXTRAS", "GREETING", "HF_HOME", "HF_HUB_OFFLINE"),
        *("PIP_EXTRA_INDEX_URL", "PYTHON", "RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED", "TEST_ENGINE"),
    }
)
"""Variables of other programs, of make, of the Dockerfile, and of a recipe."""
INVENTED = ("FEATURE", "CODE", "it.po", "ping.py", "greet.py", "subject", "data/var", "mine.toml")
"""What recipes make, or what exists at run time only."""


def missing_files(page: str) -> list[str]:
    """Return the files and folders of the repository that a page names in code, and that do not exist."""
    named = re.findall(r"`((?:bot|cogs|engine|bench|tests|scripts|data|docs|examples|ops)/[\w/.-]+)`", page)
    return [
        name for name in named if not (ROOT / name).exists() and not any(part in name for part in INVENTED)
    ]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    assert missing_files(page.read_text(encoding="utf-8")) == []


def test_a_missing_file_is_found() -> None:
    assert missing_files("`bot/app.py`, `bot/heroes/` and `bot/nowhere.py`, `cogs/FEATURE/`") == [
        "bot/nowhere.py"
    ]


def test_settings_that_are_assigned_exist() -> None:
    """Such as `TUNE=adapter`; a name alone may be a constant."""
    settings = {name.upper() for name in Settings.model_fields} | OF_OTHERS
    text = "".join(page.read_text(encoding="utf-8") for page in GUIDES)
    assigned = set(re.findall(r"(?:`|^ +)([A-Z][A-Z_]{3,})=", text, re.MULTILINE))
    assert assigned > {"TUNE", "ENGINE_BASE", "HEROES_FILE"}
    assert {name for name in assigned - settings if not name.startswith("VLLM_")} == set()


def said_by_others(message: str) -> bool:
    """Return whether a message of the troubleshooting page is that of Python or the system."""
    return message in {"ensurepip is not available", "No module named venv"} or "libgomp" in message


def test_messages_that_the_troubleshooting_page_quotes_are_said() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    entries = re.findall(r"^\*\*(.+?)\*\*", page, re.MULTILINE)
    codes = [each for entry in entries for each in re.findall(r"`([^`]*)`", entry)]
    quoted = [code for code in codes if " " in code and not code.startswith(("make", ".env"))]
    sources = [
        ROOT / "Makefile",
        *(path for folder in ("bot", "cogs", "engine") for path in (ROOT / folder).rglob("*.py")),
    ]
    said = re.sub(r'"\s+f?"', "", "".join(path.read_text(encoding="utf-8") for path in sources))
    assert len(quoted) > 6
    assert [each for each in quoted if each not in said and not said_by_others(each)] == []


def test_the_sites_navigation_names_pages_that_exist() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text())
    pages = re.findall(r"'([^']+\.md)'", str(config["project"]["nav"]))
    assert len(pages) > 15
    assert [page for page in pages if not (ROOT / page).exists()] == []
    documentation = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} - {"docs/README.md"}
    assert documentation <= set(pages), "add new pages to zensical.toml"
