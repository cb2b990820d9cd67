"""What setuptools runs to build the wheel: the modules, and the files that the program reads and shows.

The files lie in folders of the checkout that are no packages, such as data/. The wheel has them in one folder
of the bot, where bot/shipped_files.py finds them.
"""

from collections.abc import Iterator
from pathlib import Path

from setuptools.command.build_py import build_py

_FOLDER = Path("bot", "shipped")
# data/var is a folder and so left out: it holds what an installation writes
_PATTERNS = (
    *("data/*.*", "data/languages/*.po", "examples/*.*"),
    *("*.md", "LICENSE", ".env.example"),  # what the playground shows, with all that it links to
    *("docs/**/*.*", "bench/**/*.md", "bench/**/*.png"),
)


def files(checkout: Path) -> Iterator[Path]:
    """Yield the files that the wheel contains besides the modules, relative to the checkout."""
    for pattern in _PATTERNS:
        yield from (found.relative_to(checkout) for found in checkout.glob(pattern) if found.is_file())


class BuildWithFiles(build_py):  # type: ignore[misc]  # setuptools has no types
    """Copy the modules, and the files beside them. An editable installation reads those of its checkout."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for file in sorted(files(Path.cwd())):
            target = Path(self.build_lib) / _FOLDER / file
            self.mkpath(str(target.parent))
            self.copy_file(str(file), str(target), preserve_mode=False)
