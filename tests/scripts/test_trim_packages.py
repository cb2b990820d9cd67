"""What is deleted from an image's packages: what nobody imports there, and nothing else."""

from pathlib import Path

from scripts.trim_packages import trim


def test_tests_and_sources_are_deleted_and_modules_stay(tmp_path: Path) -> None:
    kept = ["numpy/testing/__init__.py", "pandas/core.py", "pandas/lib.so", "ours/tests/data.py"]
    deleted = ["numpy/_core/tests/test_a.py", "pandas/tests/io/test_b.py", "pandas/lib.pyx", "numpy/lib.c"]
    for name in kept + deleted:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"1234")
    assert trim(tmp_path) == 4 * len(deleted)
    left = [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()]
    assert sorted(left) == sorted(kept)
