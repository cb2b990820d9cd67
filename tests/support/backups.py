"""What the tests of backups share: people, files as the engine and the bot keep them, and the commands."""

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.settings import ROOT, Settings

ANN, BOB = 2 << 22, 3 << 22


def add_model_files(
    data_dir: Path, name: str, *, content: bytes = b"weights", is_checkpoint: bool = False
) -> Path:
    """Add a tuned model to an engine's folder. Return its folder."""
    folder = data_dir / "engine" / "models" / re.sub("[:/]", "_", name)
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(content)
    manifest = {"id": name, "base": "tiny", "job": "ftjob-1", "is_checkpoint": is_checkpoint}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def add_adapter(settings: Settings, name: str, content: bytes = b"adapter") -> Path:
    """Add a model's adapter to the bot's folder. Return its folder."""
    folder = settings.adapters / name
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(content)
    return folder


def installation(settings: Settings, data_dir: Path) -> Settings:
    """Return the settings with another data folder."""
    return settings.model_copy(update={"data_dir": data_dir})


def start_backup(
    settings: Settings, path: Path, *, largest_file: int = resource.RLIM_INFINITY
) -> "subprocess.Popen[str]":
    """Start the command in a process of its own, on the settings' installation.

    largest_file: the bytes beyond which the kernel lets it write no file, as on a full disk.
    """
    return _start(settings, path, "backup", stdin=subprocess.DEVNULL, largest_file=largest_file)


@contextmanager
def started_restore(settings: Settings, path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start the command at a terminal, where it unpacks the backup and waits for an answer. Kill it after."""
    ours, its = os.openpty()
    try:
        process = _start(settings, path, "restore", stdin=its)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()
    finally:
        os.close(ours)
        os.close(its)


def _start(
    settings: Settings, path: Path, command: str, *, stdin: int, largest_file: int = resource.RLIM_INFINITY
) -> "subprocess.Popen[str]":
    program = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({largest_file}, {largest_file}))
sys.argv = ["herosmith", {command!r}, {str(path)!r}]
from bot.__main__ import main
main()
"""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=path.parent,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "DATA_DIR": str(settings.data_dir.parent),
            "ENGINE_URL": str(settings.engine_url),
        },
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
