"""What the machine has to spare, within a container."""

from pathlib import Path

import psutil
import pytest

from engine import system


@pytest.mark.parametrize(
    ("limit", "used", "available"),
    [("0", "0", 0), ("5", "2", 3), ("5", "9", 0), ("max", "0", None)],
)
def test_swap_is_what_the_container_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, used: str, available: int | None
) -> None:
    free = 10_000
    machine = psutil.swap_memory()._replace(free=free)
    monkeypatch.setattr(psutil, "swap_memory", lambda: machine)
    (tmp_path / "memory.swap.max").write_text(f"{limit}\n")
    (tmp_path / "memory.swap.current").write_text(f"{used}\n")
    assert system.available_swap(tmp_path) == (free if available is None else available)
    assert system.available_swap(tmp_path / "none") == free
