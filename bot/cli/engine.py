"""`herosmith engine`: base models for the model engine."""

import asyncio
import json
import math
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from bot.cli.commands import CommandGroup, Json
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import print_json, print_table, program
from bot.errors import OperatorError
from bot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

engine = CommandGroup("The model engine: which base models suit this machine. `serve` starts an engine.")

_PROBE_TIMEOUT = 120.0  # seconds, on a busy machine; the measurement itself takes fewer than twenty
_TIMEOUT = 60.0
_TOO_SLOW = f"The measurement was ended after {_PROBE_TIMEOUT:.0f} s: try again when other programs do less."
_BUSY = {
    "engine_chat_answers_running": "it answers somebody",
    "engine_fine_tuning_jobs": "it trains a model",
    "engine_batches": "it answers a batch",
}  # metrics of the engine, and what one says that is not 0
_WORKING = ("running", "in_progress", "validating_files", None)  # statuses; None: of a metric without
_IDLE = 0.7  # of the processor: a measurement with less says little
_HEADINGS = (
    *("base", "million parameters", "licence", "MB to download", "MB to serve"),
    *("tuning", "MB to tune", "minutes to tune", "words/s"),
)


@engine.command()
def bases(
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Do not measure this machine: no minutes, no words a second")
    ] = False,
    as_json: Json = False,
) -> None:
    """List good base models: licence, what each takes on this machine, and what to write into .env.

    It measures this machine for up to 20 seconds, and estimates from that how fast each base would write and
    be tuned. Nothing is downloaded or changed.
    """
    run_command(_bases(installation_settings(), probes=not no_probe, as_json=as_json))


async def _bases(settings: Settings, *, probes: bool, as_json: bool) -> None:
    from bot.extras import require_extras  # noqa: PLC0415 (so that --help is quick)

    require_extras("engine")
    reason = await _obstacle_to_probe(settings) if probes else "--no-probe says so."
    tokens = await asyncio.to_thread(_epoch_tokens, settings)
    report = await _ask_engine(settings, tokens, probes=reason is None)
    reason = reason or report.pop("probe_error")
    found = [each | {"env": _env(each)} for each in report["bases"]]
    if as_json:
        head = {"probe": report["probe"], "reason": reason, "tokens": tokens, "epochs": report["epochs"]}
        print_json(head | {"free": report["free"], "bases": found})
        return
    print_table(_HEADINGS, [_row(each) for each in found])
    typer.echo()
    typer.echo(_how(report, tokens, reason))
    for each in found:
        typer.echo()
        for line in _lines(each):
            typer.echo(line)


async def _obstacle_to_probe(settings: Settings) -> str | None:
    """Return why this machine is not measured now: what works here would be slowed, and the figures wrong."""
    from bot.doctor.installation import is_on_this_machine  # noqa: PLC0415
    from bot.processes import find_engine  # noqa: PLC0415

    local = settings.model_copy(update={"openai_api_key": None, "openai_base_url": None})
    if local.engine_url and not is_on_this_machine(urlsplit(local.engine_url).hostname):
        return f"The engine works elsewhere, at {local.engine_url}: run this there, to have its figures."
    try:
        running = local if local.engine_url else await find_engine(local, patience=0)
    except OperatorError as error:
        return str(error)
    if running is None:
        return None
    works = await _work_of(running)
    return f"The engine at {running.engine_url} is busy: {works}." if works else None


async def _work_of(running: Settings) -> str | None:
    """Return what an engine does at the moment, by its metrics; None if nothing, or it does not say."""
    import httpx2  # noqa: PLC0415
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

    key = running.engine_api_key
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    url = str(running.engine_url).removesuffix("/v1") + "/metrics"
    try:
        async with httpx2.AsyncClient(timeout=5) as http:
            response = await http.get(url, headers=headers)
        families = list(text_string_to_metric_families(response.text)) if response.is_success else []
    except (httpx2.HTTPError, ValueError):
        return None
    for family in families:
        if family.name in _BUSY and any(
            sample.value and sample.labels.get("status") in _WORKING for sample in family.samples
        ):
            return _BUSY[family.name]
    return None


def _epoch_tokens(settings: Settings) -> int:
    """Return about how many tokens the texts that come with the bot have, with their prompts."""
    from bot.heroes.blocklist import Blocklist  # noqa: PLC0415
    from bot.heroes.config import read_heroes  # noqa: PLC0415
    from bot.heroes.first_dataset import FirstDataset  # noqa: PLC0415
    from bot.tuning.estimate import estimate_tokens  # noqa: PLC0415

    heroes = read_heroes(settings.heroes_file)
    texts = FirstDataset(
        settings.first_dataset, heroes, Blocklist(settings.blocklist, heroes.vocabulary.powers)
    ).read()
    learnt = [each for each in texts if not each.held_out]
    characters = sum(len(each.text) + len(heroes.prompts.tuning_prompt(each.hero)) for each in learnt)
    return estimate_tokens(len(learnt), characters)


async def _ask_engine(settings: Settings, tokens: int, *, probes: bool) -> dict[str, Any]:
    """Return what `python -m engine.bases` says; without a measurement if that takes too long."""
    from rich.console import Console  # noqa: PLC0415

    from bot.shipped_files import own_or_shipped  # noqa: PLC0415

    arguments = [
        "--data",
        str(settings.data_dir / "engine"),
        "--table",
        str(own_or_shipped("data/bases.toml")),
    ]
    arguments += ["--tokens", str(tokens)]
    if probes:
        with Console(stderr=True).status("This machine is measured for some seconds ..."):
            measured = await _run(arguments, _PROBE_TIMEOUT)
        if measured is not None:
            return measured
    found = await _run([*arguments, "--no-probe"], _TIMEOUT)
    if found is None:
        raise OperatorError("The engine did not answer in time. Is this machine very busy?")
    return found | {"probe_error": _TOO_SLOW if probes else None}


async def _run(arguments: "Sequence[str]", timeout: float) -> dict[str, Any] | None:  # noqa: ASYNC109
    """Return what the process prints; None if it does not in time. Raises OperatorError if it refuses."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "engine.bases"),  # -P: nothing of the working folder is imported
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout):
            output, errors = await process.communicate()
    except TimeoutError:
        return None
    finally:  # also if the command is cancelled
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    try:
        found = json.loads(output)
    except ValueError:
        said = errors.decode(errors="replace").strip().splitlines()
        reason = said[-1].removeprefix("engine: ") if said else f"it ended with code {process.returncode}."
        raise OperatorError(f"The bases are not known: {reason}") from None
    return dict(found)


def _row(base: dict[str, Any]) -> tuple[object, ...]:
    serving, tuning = base["serving"], base["tuning"]
    kind = "all weights" if tuning["weights"] == "all" else "adapter"
    return (
        base["title"],
        round(base["parameters"] / 1e6),
        base["licence"],
        round(base["download_bytes"] / 1e6),
        round(serving["memory"] / 1e6),
        "no (see below)" if tuning["obstacle"] else kind,
        round(tuning["memory"] / 1e6),
        tuning["minutes"] and math.ceil(tuning["minutes"]),
        serving["words_per_second"] and round(serving["words_per_second"]),
    )


def _how(report: dict[str, Any], tokens: int, reason: str | None) -> str:
    free = report["free"]
    here = f"Free here: {free['memory'] / 1e6:,.0f} MB of memory, {free['disk'] / 1e6:,.0f} MB of disk."
    probe = report["probe"]
    if probe is None:
        return f"{here} Minutes and words a second were not estimated. {reason}"
    return (
        f"{here} Minutes and words a second are estimates from a measurement of {probe['seconds']:.0f} s. "
        f"The packaged weights wrote {probe['words_per_second']:.0f} words a second in one chat, and another "
        "base writes as many fewer as its file is larger. Steps of a training reached "
        f"{probe['training_rate'] / 1e9:,.0f} tokens a second times billion parameters. The minutes are for "
        f"the texts that come with the bot, {tokens:,} tokens {report['epochs']} times, without start and "
        f"check.{_busy_note(probe['processor'])}"
    )


def _busy_note(processor: float) -> str:
    if processor >= _IDLE:
        return ""
    return f" Other programs left it {processor:.0%} of the processor: without them all is faster."


def _lines(base: dict[str, Any]) -> list[str]:
    """Return what to know of a base, and what to write into .env."""
    lines = [f"{base['title']}: {base['licence']}, {base['licence_url']}"]
    lines += [base["note"]] if base["note"] else []
    if obstacle := base["tuning"]["obstacle"]:
        lines.append(f"Serving only: {obstacle}")
    if not base["serving"]["fits"]:
        lines.append("It is too large for what is free here.")
    if base["base"] is None:
        return [*lines, "In .env, leave ENGINE_BASE, AUTHOR_MODEL and BASE_MODEL empty."]
    if base["gated"]:
        lines.append("It is gated: accept its licence there, and set HF_TOKEN where the bot is started.")
    lines.append(f"In .env, or try it first by {program()} serve --base {base['base']}")
    return [*lines, *(f"    {name}={value}" for name, value in base["env"].items())]


def _env(base: dict[str, Any]) -> dict[str, str]:
    """Return the settings that choose a base."""
    if base["base"] is None:
        return {"ENGINE_BASE": "", "AUTHOR_MODEL": "", "BASE_MODEL": ""}
    return {"ENGINE_BASE": base["base"], "AUTHOR_MODEL": base["model"], "BASE_MODEL": base["model"]}
