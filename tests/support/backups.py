"""What the tests of backups share: people, and model files as the engine keeps them."""

import json
import os
import re
import resource
import subprocess
import sys
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


def installation(settings: Settings, data_dir: Path) -> Settings:
    """Return the settings with another data folder."""
    return settings.model_copy(update={"data_dir": data_dir})


def start_backup(
    settings: Settings, path: Path, *, largest_file: int = resource.RLIM_INFINITY
) -> "subprocess.Popen[str]":
    """Start the command in a process of its own, on the settings' installation.

    largest_file: the bytes beyond which the kernel lets it write no file, as on a full disk.
    """
    program = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({largest_file}, {largest_file}))
sys.argv = ["herosmith", "backup", {str(path)!r}]
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
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
