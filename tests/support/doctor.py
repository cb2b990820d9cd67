"""What `herosmith doctor --json` prints, by check."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

from bot.presentation.doctor import CHECKS
from bot.settings import Settings
from tests.support.databases import execute

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123"  # noqa: S105
Findings = dict[str, list[dict[str, Any]]]


def findings(done: Result) -> Findings:
    """Return the findings by check."""
    value = json.loads(done.stdout)
    found: Findings = {}
    for each in value["checks"]:
        assert list(each) == ["check", "state", "cause", "cure", "file"]
        assert each["check"] in CHECKS
        assert each["cause"]
        found.setdefault(each["check"], []).append(each)
    codes = {"ok": 0, "warning": 1, "failed": 2}
    assert done.exit_code == codes[value["state"]], done.output
    assert done.stderr == ""
    return found


def states(done: Result) -> dict[str, str]:
    """Return the worst state of each check."""
    order = ("failed", "warning", "ok", "skipped")
    return {
        check: min((each["state"] for each in found), key=order.index)
        for check, found in findings(done).items()
    }


def content(folder: Path) -> dict[str, str]:
    """Return every file below a folder, with a hash of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def change(settings: Settings, statement: str, **values: object) -> None:
    asyncio.run(execute(settings.database, statement, **values))


def whole_output(run: Callable[..., Result], *options: str) -> str:
    """Return all that the command prints, in both forms."""
    done = [run("doctor", *options), run("doctor", "--json", *options)]
    assert all(each.exit_code in (0, 1, 2) for each in done)
    assert all(each.exception is None or isinstance(each.exception, SystemExit) for each in done)
    return "".join(each.stdout + each.stderr for each in done)
