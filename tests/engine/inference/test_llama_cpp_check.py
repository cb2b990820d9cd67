"""A machine on which llama.cpp does not run: the engine says so at its start."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from engine.inference.llama_cpp_check import obstacle

ROOT = Path(__file__).resolve().parents[3]
OLD = frozenset({"sse4_2", "avx", "bmi2"})


def python(folder: Path, *lines: str) -> str:
    """Return a program in place of Python: the one that tries to load the model."""
    path = folder / "python"
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return str(path)


@pytest.fixture(autouse=True)
def _x86(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def test_an_old_processor_is_named(tiny_base: Path, tmp_path: Path) -> None:
    dying = python(tmp_path, "kill -ILL $$")
    said = obstacle(tiny_base, flags=lambda: OLD, python=dying)
    assert said.startswith(
        "llama.cpp does not run on this processor, which lacks the instructions avx2, f16c, fma."
    )
    assert "--base (ENGINE_BASE), which torch serves, or run the engine on another machine." in said


def test_a_package_that_was_built_for_an_old_processor_serves(tiny_base: Path) -> None:
    assert obstacle(tiny_base, flags=lambda: OLD) == ""


def test_another_failure_is_not_taken_for_the_processor(tmp_path: Path) -> None:
    assert obstacle(tmp_path / "none.gguf", flags=lambda: OLD) == ""


@pytest.mark.parametrize("flags", [OLD | {"avx2", "f16c", "fma"}, frozenset()])
def test_nothing_is_tried_without_need(tiny_base: Path, tmp_path: Path, flags: frozenset[str]) -> None:
    dying = python(tmp_path, "kill -ILL $$")
    assert obstacle(tiny_base, flags=lambda: flags, python=dying) == ""


def test_nothing_is_tried_on_arm(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    dying = python(tmp_path, "kill -ILL $$")
    assert obstacle(tiny_base, flags=lambda: frozenset({"asimd", "fphp"}), python=dying) == ""


def test_a_package_that_does_not_load_ends_the_start_with_a_sentence(tiny_base: Path, tmp_path: Path) -> None:
    broken = tmp_path / "packages"
    broken.mkdir()
    (broken / "xllamacpp.py").write_text("raise ImportError('/lib/libc.so.6: version GLIBC_2.34 not found')")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "engine",
            "--data",
            str(tmp_path / "data"),
            "--base",
            str(tiny_base),
            "--port",
            "0",
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(broken)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("engine: llama.cpp cannot be loaded on this machine")
    assert "GLIBC_2.34 not found. Install its package by pip install xllamacpp." in last
    assert "Traceback" not in done.stderr
