"""Every benchmark can be called as `python -m bench.NAME [--quick] [--json]`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHES = ("engine", "adherence", "dataset", "interactions", "votes", "admission", "trials", "flywheel")
HEAVY = (
    "torch",
    "numpy",
    "pandas",
    "scipy",
    "matplotlib",
    "pyarrow",
    "transformers",
    "gguf",
    "xllamacpp",
    "rensa",
)


def test_the_list_names_every_bench() -> None:
    assert {path.parent.name for path in (ROOT / "bench").glob("*/__main__.py")} == set(BENCHES)


@pytest.mark.parametrize("name", BENCHES)
def test_help_names_both_flags_and_loads_no_heavy_library(name: str) -> None:
    program = f"""
import sys
from bench.{name}.__main__ import main
sys.argv[1:] = ["--help"]
try:
    main()
except SystemExit:
    print("loaded:", *({set(HEAVY)} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert f"usage: python -m bench.{name}" in done.stdout
    assert "--quick" in done.stdout
    assert "--json" in done.stdout
    assert done.stdout.splitlines()[-1].strip() == "loaded:"
