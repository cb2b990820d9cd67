"""Every benchmark can be called as `python -m bench.NAME [--quick] [--json]`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCHES = (
    "engine",
    "adherence",
    "dataset",
    "interactions",
    "votes",
    "admission",
    "store",
    "scale",
    "cluster",
    "trials",
    "flywheel",
    "reading",
)
HEAVY = (
    "torch",
    "numpy",
    "pandas",
    "scipy",
    "matplotlib",
    "pyarrow",
    "ray",
    "transformers",
    "gguf",
    "xllamacpp",
    "rensa",
)


def test_the_list_names_every_bench() -> None:
    assert {path.parent.name for path in (ROOT / "bench").glob("*/__main__.py")} == set(BENCHES)


def test_help_names_both_flags_and_loads_no_heavy_library() -> None:
    program = f"""
import importlib, sys
for name in {BENCHES}:
    sys.argv[1:] = ["--help"]
    try:
        importlib.import_module(f"bench.{{name}}.__main__").main()
    except SystemExit:
        print("loaded:", *({set(HEAVY)} & set(sys.modules)), end="=====")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    *helps, rest = done.stdout.split("=====")
    assert not rest.strip()
    for name, text in zip(BENCHES, helps, strict=True):
        assert f"usage: python -m bench.{name}" in text
        assert "--quick" in text
        assert "--json" in text
        assert text.splitlines()[-1].strip() == "loaded:", name
