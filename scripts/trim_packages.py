"""Delete tests and sources of installed packages, and compile the modules: `python trim_packages.py`.

For images, where nobody runs or builds them: they are a tenth of what the bot needs. It changes the packages
of the Python that runs it, so call it with the one that is to be trimmed.
"""

import compileall
import re
import shutil
import sysconfig
from pathlib import Path

# Folders that no module of the same package imports. Some packages need theirs, such as numpy.testing.
_UNUSED = re.compile(
    r"(?:numpy|pandas|matplotlib|kiwisolver|fontTools|greenlet|psutil|babel)/(?:.+/)?tests"
    r"|matplotlib/mpl-data/(?:sample_data|fonts/(?:afm|pdfcorefonts))"
)
_SOURCES = {".a", ".c", ".cpp", ".h", ".pxd", ".pxi", ".pyi", ".pyx"}


def trim(packages: Path) -> int:
    """Delete what is not needed from a folder of packages and return the bytes that this freed."""
    freed = 0
    found = [folder for folder in packages.rglob("*") if folder.is_dir() and not folder.is_symlink()]
    for folder in found:
        if _UNUSED.fullmatch(folder.relative_to(packages).as_posix()) and folder.exists():
            freed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            shutil.rmtree(folder)
    for file in [found for found in packages.rglob("*") if found.suffix in _SOURCES]:
        freed += file.stat().st_size
        file.unlink()
    return freed


def main() -> None:
    """Trim the packages of this Python, and compile them."""
    packages = Path(sysconfig.get_path("purelib"))
    print(f"freed {trim(packages) / 1e6:.0f} MB of {packages}")
    compileall.compile_dir(
        packages, quiet=2, workers=0
    )  # some files are for other Pythons and do not compile


if __name__ == "__main__":
    main()
