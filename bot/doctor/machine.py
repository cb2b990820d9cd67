"""Checks of the machine: Python and packages, and whether disk and memory are enough for a training."""

import asyncio
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from pydantic import BaseModel, ValidationError

from bot.doctor.finding import Finding, State
from bot.doctor.installation import Installation, is_on_this_machine
from bot.engine_download import read_download
from bot.i18n.message import LocalizedMessage
from bot.settings import ROOT, Settings

_PROJECT = "herosmith"
_CONSTRAINTS = ROOT / "constraints.txt"
_SHOWN = 5
_TIMEOUT = 60.0  # seconds, for a busy machine to start Python
_LITTLE_DISK = 10**9  # bytes that the bot itself may need in a while: database, logs, reports
_GIB = 2**30

Resource = Literal["memory", "disk"]


class _Bytes(BaseModel):
    memory: int
    disk: int


class Needs(BaseModel):
    """What `python -m engine.requirements` prints; bytes."""

    base: str
    weights: Literal["all", "adapter"]
    gpu: bool
    needed: dict[Literal["all", "adapter"], _Bytes]
    free: _Bytes


def check_packages(installation: Installation, constraints: Path = _CONSTRAINTS) -> list[Finding]:
    """Compare Python and the installed packages with what this version asks for and was tested with."""
    return [_check_python(), *_check_missing_packages(installation.settings), _check_versions(constraints)]


def _check_python() -> Finding:
    wanted = _project_field("requires-python")
    running = platform.python_version()
    if wanted and running not in SpecifierSet(wanted, prereleases=True):
        cause = LocalizedMessage(
            "Python is {version}, and has to be {wanted}.", version=running, wanted=wanted
        )
        cure = LocalizedMessage(
            "Install it anew with `make run PYTHON=python3.12`, or any other such version."
        )
        return Finding("python", "failed", cause, cure, sys.executable)
    cause = LocalizedMessage("Python is {version}.", version=running)
    return Finding("python", "ok", cause, file=sys.executable)


def _project_field(field: str) -> str | None:
    try:
        found = metadata.metadata(_PROJECT).get_all(field) or []
    except metadata.PackageNotFoundError:
        return None
    return found[0] if found else None


def _check_missing_packages(settings: Settings) -> Iterator[Finding]:
    """Yield a finding if a package is missing that these settings need."""
    try:
        wanted = metadata.requires(_PROJECT) or []
    except metadata.PackageNotFoundError:
        return  # it runs from a folder of sources
    missing = []
    for line in wanted:
        requirement = Requirement(line)
        marker = requirement.marker
        needed = marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *settings.extras))
        if needed and _version_of(requirement.name) is None:
            missing.append(requirement.name)
    if missing:
        cure = LocalizedMessage("Install them with `make run`, or with `pip install .[{parts}]`.")
        cure.fields["parts"] = ",".join(settings.extras)
        yield Finding(
            "packages",
            "failed",
            LocalizedMessage(
                "These settings need packages that are missing: {names}.", names=missing[:_SHOWN]
            ),
            cure,
        )


def _check_versions(constraints: Path) -> Finding:
    """Compare the installed versions with those that were tested together."""
    if not constraints.is_file():
        cause = LocalizedMessage("The versions that were tested together are not known in this installation.")
        return Finding("packages", "skipped", cause)
    others = []
    number = 0
    for name, tested in _tested_versions(constraints):
        installed = _version_of(name)
        number += installed is not None
        if installed is not None and not tested.contains(installed, prereleases=True):
            others.append(f"{name} {installed} ({tested})")
    if not others:
        cause = LocalizedMessage("{number} packages have the versions that were tested.", number=number)
        return Finding("packages", "ok", cause, file=str(constraints))
    cause = LocalizedMessage(
        "{number} packages have other versions than were tested, such as {names}.",
        number=len(others),
        names=others[:_SHOWN],
    )
    cure = LocalizedMessage("`make run` installs the tested ones; a fault may be theirs.")
    return Finding("packages", "warning", cause, cure, str(constraints))


def _tested_versions(constraints: Path) -> Iterator[tuple[str, SpecifierSet]]:
    for line in constraints.read_text(encoding="utf-8").splitlines():
        try:
            requirement = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement.name, requirement.specifier


def _version_of(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


async def check_resources(installation: Installation) -> list[Finding]:
    """Compare free disk and memory with what a training takes, as the engine estimates it."""
    settings = installation.settings
    folder, own = await asyncio.to_thread(_check_disk, settings.data_dir)
    if settings.hosted or not _trains_here(settings):
        cause = LocalizedMessage("Trainings run on another machine.")
        return [own, Finding("memory", "skipped", cause)]
    needs = await _ask_engine(settings)
    if isinstance(needs, str) and (await asyncio.to_thread(read_download, settings.data_dir)) is not None:
        cause = LocalizedMessage("What a training takes is known when the base model is there.")
        return [own, Finding("training_space", "skipped", cause)]
    if isinstance(needs, str):
        cause = LocalizedMessage("What a training takes is not known. {reason}", reason=needs)
        cure = LocalizedMessage("Correct ENGINE_BASE, or install the engine with `make run`.")
        return [own, Finding("training_space", "failed", cause, cure)]
    disk = own if own.state != "ok" else _compare("disk", needs, settings, str(folder))
    if needs.gpu:
        cause = LocalizedMessage("Trainings use the memory of the graphics card, which is not looked at.")
        return [disk, Finding("memory", "skipped", cause)]
    return [disk, _compare("memory", needs, settings, None)]


def _existing(folder: Path) -> Path:
    """Return the folder, or the one above it that is there and may be looked at."""
    above = (folder, *folder.absolute().parents)
    return next(each for each in above if os.path.isdir(each))  # noqa: PTH112 (False where nobody may look)


def _trains_here(settings: Settings) -> bool:
    return settings.engine_url is None or is_on_this_machine(urlsplit(settings.engine_url).hostname)


def _check_disk(data_dir: Path) -> tuple[Path, Finding]:
    """Return the folder whose disk will be used, and whether that has room for the bot itself."""
    folder = _existing(data_dir)
    free = shutil.disk_usage(folder).free
    cause = LocalizedMessage("{free:.1f} GiB of disk are free.", free=free / _GIB)
    if free >= _LITTLE_DISK:
        return folder, Finding("disk", "ok", cause, file=str(folder))
    cure = LocalizedMessage("Free some space; on a full disk no vote can be stored.")
    return folder, Finding("disk", "failed", cause, cure, str(folder))


async def _ask_engine(settings: Settings) -> Needs | str:
    """Return what a training takes, or the engine's reason why that is not known."""
    arguments = ["-m", "engine.requirements", "--data", str(settings.data_dir / "engine")]
    arguments += ["--base", settings.engine_base] if settings.engine_base else []
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # nothing of the working folder is imported
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
    except OSError as error:
        return str(error)
    try:
        async with asyncio.timeout(_TIMEOUT):
            output, errors = await process.communicate()
    except TimeoutError:
        return "python -m engine.requirements"
    finally:  # also if the examination is cancelled
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    try:
        return Needs.model_validate(json.loads(output))
    except (ValueError, ValidationError):
        said = errors.decode(errors="replace").strip().splitlines()
        return said[-1].removeprefix("engine: ") if said else f"exit {process.returncode}"


def _compare(of: Resource, needs: Needs, settings: Settings, folder: str | None) -> Finding:
    """Say whether there is enough for what is trained here: all weights, an adapter, or what fits."""
    chosen = settings.trained_weights
    kind = needs.weights if chosen == "auto" else chosen
    needed, least = getattr(needs.needed[kind], of), getattr(needs.needed["adapter"], of)
    free = getattr(needs.free, of)
    cause = _figures(of, kind, needed, free)
    if free >= needed:
        return Finding(of, "ok", cause, file=folder)
    state: State = "warning" if chosen == "auto" and free >= least else "failed"
    cure = LocalizedMessage("Close other programs, or use a machine with more; swap does not count.")
    if of == "disk":
        cure = LocalizedMessage("Free some space, or delete models that are no longer used.")
    elif state == "warning":
        cure = LocalizedMessage(
            "Close other programs, or leave it so: a training then makes an adapter, which learns less."
        )
    return Finding(of, state, cause, cure, folder)


def _figures(of: Resource, kind: str, needed: int, free: int) -> LocalizedMessage:
    figures = {"needed": needed / _GIB, "free": free / _GIB}
    if of == "disk" and kind == "all":
        return LocalizedMessage(
            "A training of all weights takes {needed:.1f} GiB of disk, and {free:.1f} are free.", **figures
        )
    if of == "disk":
        return LocalizedMessage(
            "A training of an adapter takes {needed:.1f} GiB of disk, and {free:.1f} are free.", **figures
        )
    if kind == "all":
        return LocalizedMessage(
            "A training of all weights takes {needed:.1f} GiB of memory, and {free:.1f} are free.", **figures
        )
    return LocalizedMessage(
        "A training of an adapter takes {needed:.1f} GiB of memory, and {free:.1f} are free.", **figures
    )
