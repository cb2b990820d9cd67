"""Herosmith as pip installs it: built from a copy of the checkout, in a folder of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.settings import ROOT

_PARTS = ("bot", "cogs", "engine", "data", "docs", "examples", "bench", "scripts")
_TIMEOUT = 120


@dataclass(frozen=True)
class InstalledPackage:
    """The wheel, the folder into which it was installed, and an empty one in which programs run."""

    wheel: Path
    site: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables for processes that find the installed package, and nothing of the checkout before it."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.site),
            "TERM": "dumb",
            "CI": "1",  # opens no browser
            "ENGINE_RUNTIME": "llama.cpp",
        }

    def herosmith(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the program that pip installed, in the empty folder."""
        return self.python(str(self.site / "bin" / "herosmith"), *arguments)

    def python(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run Python in the empty folder, or in another one."""
        return _run([sys.executable, *arguments], folder or self.folder, self.environment)


def install(folder: Path) -> InstalledPackage:
    """Build the wheel and install it, both below a folder."""
    source, site, empty = folder / "source", folder / "site", folder / "empty"
    empty.mkdir()
    for part in _PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "var"))
    for file in ROOT.iterdir():
        if file.is_file() and file.name != ".env":
            shutil.copy(file, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--isolated"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    _run([*build, str(source)], folder).check_returncode()
    (wheel,) = folder.glob("*.whl")
    target = ["install", "--no-deps", "--no-index", "--no-compile", "--target", str(site)]
    _run([*pip, *target, str(wheel)], folder).check_returncode()
    return InstalledPackage(wheel, site, empty)


def _run(
    command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=_TIMEOUT
    )
