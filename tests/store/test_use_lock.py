"""Who has a data folder open is named, without what was typed behind the command."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.settings import ROOT
from bot.store.use_lock import alone_in

SECRET = "hunter22"  # noqa: S105 (of no server)
_HOLD = """
import sys
from pathlib import Path
from bot.store.use_lock import in_use
with in_use(Path.cwd() / "var"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not tell who holds a lock")
@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (
            ["db", "copy", "hero.db", f"postgresql+asyncpg://ana:{SECRET}@host/hero"],
            "by herosmith db copy (",
        ),
        (["run", "--without-worker"], "by herosmith run ("),
    ],
)
def test_a_command_that_holds_a_folder_is_named_without_addresses(
    tmp_path: Path, typed: list[str], named: str
) -> None:
    """An address on the command line may have a password, and others read this sentence."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, "herosmith", *typed],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError) as caught, alone_in(tmp_path / "var"):
            pass
        holder.stdin.close()
    assert named in str(caught.value)
    assert SECRET not in str(caught.value)
