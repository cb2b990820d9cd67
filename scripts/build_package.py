"""What setuptools runs to build the wheel: the modules, and the files that the program reads and shows.

The files lie in folders of the checkout that are no packages, such as data/. The wheel has them in one folder
of the bot, where bot/shipped_files.py finds them.
"""

from collections.abc import Iterator
from pathlib import Path

from setuptools.command.build_py import build_py

_FOLDER = Path("bot", "shipped")
# Named one by one where people keep files of their own, such as an exported dataset beside data/heroes.toml.
_FILES = (
    *("data/bases.toml", "data/blocked.txt", "data/first_dataset.jsonl", "data/first_dataset.md"),
    *("data/heroes.toml", "data/plots.toml", "data/prices.toml", "LICENSE", ".env.example"),
    *("examples/README.md", "examples/chats.jsonl", "examples/dishes.toml"),
    *("examples/heroes.csv", "examples/labels.jsonl", "examples/pairs.jsonl", "examples/questions.csv"),
    # what the playground shows, with all that it links to
    *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "PRIVACY.md"),
    *("README.md", "SECURITY.md", "TERMS.md"),
)
_PATTERNS = (
    "data/languages/*.po",
    *(f"data/fonts/*.{suffix}" for suffix in ("otf", "ttf", "txt")),
    *(f"docs/**/*.{suffix}" for suffix in ("md", "png", "gif", "json")),
    *("bench/**/*.md", "bench/**/*.png"),
)


def files(checkout: Path) -> Iterator[Path]:
    """Yield the files that the wheel contains besides the modules, relative to the checkout."""
    yield from (Path(name) for name in _FILES if (checkout / name).is_file())
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
