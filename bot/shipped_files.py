"""Where the files lie that come with the program: the vocabulary, prices, catalogues, first texts and pages.

A checkout has them in its own folders, such as data/. An installed package has them in a folder beside this
module, in the same order: scripts/build_package.py puts them there.
"""

from pathlib import Path

_PACKAGED = Path(__file__).resolve().parent / "shipped"
_CHECKOUT = Path(__file__).resolve().parents[1]


def shipped(path: str) -> Path:
    """Return a file or folder that comes with the program, by its path in a checkout."""
    return (_PACKAGED if _is_installed() else _CHECKOUT) / path


def own_or_shipped(path: str) -> Path:
    """Return a file or folder that an installation may replace.

    An installed package prefers the one below the working folder: nobody should edit what lies among
    Python's packages, where the next upgrade replaces it.
    """
    own = Path.cwd() / path
    return own if _is_installed() and own.exists() else shipped(path)


def default_data_dir() -> Path:
    """Return data/var: of the checkout, or below the working folder if the program is installed."""
    return (Path.cwd() if _is_installed() else _CHECKOUT) / "data" / "var"


def _is_installed() -> bool:
    """Whether this is the package that pip installs and not a checkout."""
    return _PACKAGED.is_dir()
