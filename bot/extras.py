"""Optional parts of the package: whether one is installed, and what to type if it is not."""

import shlex
import sys
from importlib.util import find_spec

from bot.errors import OperatorError

# what each part is for, and a module that no other part brings
_PARTS = {
    "engine": ("the model engine", "xllamacpp"),
    "files": ("Parquet files", "pyarrow"),
    "playground": ("the playground", "simcord"),
    "postgres": ("PostgreSQL", "asyncpg"),
}


def require_extras(*names: str) -> None:
    """Raise OperatorError, with the command that installs them, if some of these parts are not installed."""
    if missing := missing_extras_text(*names):
        raise OperatorError(missing)


def missing_extras_text(*names: str) -> str:
    """Return which parts are not installed, with the command that installs them; empty if all are."""
    missing = [name for name in names if find_spec(_PARTS[name][1]) is None]
    if not missing:
        return ""
    purposes = " and ".join(_PARTS[name][0] for name in missing)
    python = shlex.quote(sys.executable)
    return (
        f"The packages for {purposes} are not installed. Install them:\n"
        f"  {python} -m pip install 'herosmith[{','.join(missing)}]'"
    )
