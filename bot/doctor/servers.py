"""Checks of the servers with models: whether they answer, may train, and until when their models live."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from openai import AsyncOpenAI

from bot.app import open_serving_api, open_training_api
from bot.doctor.finding import Finding, State
from bot.doctor.installation import CHOWN_CURE, Installation, Rows
from bot.engine_download import read_download
from bot.errors import Forbidden, HerosmithError, OperatorError, SettingsError, UnknownModel, UserError
from bot.i18n.message import LocalizedMessage
from bot.processes import find_engine
from bot.registry.availability import date_text, days_until, first_shutdown, list_models
from bot.registry.names import model_name
from bot.settings import Settings
from bot.tuning.providers import Provider, provider_of
from bot.tuning.remote_api import FineTuningApi, PlannedWeights
from bot.tuning.remote_calls import FineTuningApiTiming

_SLOW = 3.0  # seconds for a list of models
_SOON = 60  # days until a model is shut down
_TIMING = FineTuningApiTiming(timeout=30.0)


@dataclass(frozen=True, slots=True)
class Servers:
    """What was found of the servers. settings: with the address of the engine, None if none can be asked.

    listed: all models that they list, each with its last day (YYYY-MM-DD) or None; None if not all answered.
    """

    settings: Settings | None
    listed: Mapping[str, str | None] | None


async def check_servers(installation: Installation) -> tuple[list[Finding], Servers]:
    """Ask the server that trains, and those at SERVING_URL, for their models."""
    settings = installation.settings
    # also of an engine in a container of its own, which shares the folder
    if not settings.hosted and (download := await asyncio.to_thread(read_download, settings.data_dir)):
        cure = LocalizedMessage("Wait for it. If it is stopped, the next start takes only the rest.")
        return [Finding("engine", "warning", download.message(), cure)], Servers(None, None)
    if settings.starts_engine:
        try:
            running = await find_engine(settings, patience=0)
        except OSError as error:
            cause = LocalizedMessage(
                "The engine's folder cannot be looked at. {reason}.", reason=error.strerror
            )
            return [Finding("engine", "failed", cause, CHOWN_CURE)], Servers(None, None)
        except OperatorError as error:
            cure = LocalizedMessage("If it is just starting, look again in a minute.")
            return [Finding("engine", "warning", LocalizedMessage(str(error)), cure)], Servers(None, None)
        if running is None:
            cause = LocalizedMessage("The engine does not run; it starts with the bot.")
            return [Finding("engine", "skipped", cause)], Servers(None, None)
        settings = running
    url = settings.openai_base_url if settings.hosted else settings.engine_url
    check = "api" if settings.hosted else "engine"
    if not installation.may_ask(url):
        return [_not_asked(check, url or "https://api.openai.com")], Servers(None, None)
    finding, listed = await _ask(check, open_training_api(settings))
    found = [finding]
    for address in settings.serving_url or ():
        if installation.may_ask(address):
            finding, more = await _ask("serving", open_serving_api(settings, address))
            listed = None if listed is None or more is None else {**listed, **more}
        else:
            finding, listed = _not_asked("serving", address), None
        found.append(finding)
    reachable = found[0].state in ("ok", "warning")
    return found, Servers(settings if reachable else None, listed)


def _not_asked(check: str, url: str) -> Finding:
    cause = LocalizedMessage("{server} is not on this machine, so it was not asked.", server=_host(url))
    return Finding(check, "skipped", cause, LocalizedMessage("`--online` asks it."))


async def _ask(check: str, api: AsyncOpenAI) -> tuple[Finding, dict[str, str | None] | None]:
    """Return whether a server answers, and its models."""
    server = _host(str(api.base_url))
    async with api:
        started = time.monotonic()
        try:
            listed = await list_models(api)
        except HerosmithError as error:
            cause = LocalizedMessage(
                "{server} cannot be used. {reason}", server=server, reason=_reason(error)
            )
            cure = LocalizedMessage("Check the address and the key in the settings, and whether it runs.")
            return Finding(check, "failed", cause, cure), None
        seconds = time.monotonic() - started
    cause = LocalizedMessage.counted(
        "{server} answers in {seconds:.2f} s, with {number} model.",
        "{server} answers in {seconds:.2f} s, with {number} models.",
        len(listed),
        server=server,
        seconds=seconds,
    )
    if seconds <= _SLOW:
        return Finding(check, "ok", cause), listed
    cure = LocalizedMessage("It or the way to it is slow, and so is every answer.")
    return Finding(check, "warning", cause, cure), listed


def _host(url: str) -> str:
    """Return an address without what may be secret in it, as code: a link would open nothing for a person."""
    parts = urlsplit(url)
    return f"`{parts.scheme}://{parts.netloc.rpartition('@')[2]}`"


def _reason(error: HerosmithError) -> LocalizedMessage | str:
    return error.message if isinstance(error, UserError) else str(error)


async def check_training(installation: Installation, servers: Servers) -> list[Finding]:
    """Say whether this organization may still train models, as far as that is known without trying."""
    settings = installation.settings
    try:
        provider = provider_of(
            settings.openai_base_url,
            hosted=settings.hosted,
            key=settings.provider,
            weights=settings.trained_weights,
        )
    except SettingsError:
        cause = LocalizedMessage("PROVIDER names no provider that is known here.")
        cure = LocalizedMessage("Leave it empty, or write one of those in .env.example.")
        return [Finding("training", "failed", cause, cure)]
    found = _check_announced_shutdown(provider, installation.today) if settings.hosted else []
    if found and found[0].state == "failed":
        return found
    if servers.settings is None:
        nobody = LocalizedMessage("Nobody was asked whether models may be trained.")
        return found or [Finding("training", "skipped", nobody)]
    async with open_training_api(servers.settings) as api:
        fine_tuning = FineTuningApi(api, provider, extra={}, timing=_TIMING)
        return [*found, await _ask_training(fine_tuning, settings.base_model)]


def _check_announced_shutdown(provider: Provider, today: date) -> list[Finding]:
    """Return that a provider ends its training, or has ended it."""
    notice = provider.shutdown_notice
    if notice is None:
        return []
    last = provider.shutdowns[-1].on
    left = days_until(last if len(last) > len("2027-04") else f"{last}-01", today)
    state: State = "failed" if left is not None and left <= 0 else "warning"
    cause = LocalizedMessage("{notice} The last one is {when}.", notice=notice, when=date_text(last, left))
    return [Finding("training", state, cause, provider.alternatives)]


async def _ask_training(api: FineTuningApi, base: str) -> Finding:
    """Ask the server: the engine says what a training would change, others only whether one may look."""
    provider = api.provider
    try:
        if provider.reports_weights:
            return _planned_finding(await api.planned_weights(base))
        await api.check_permitted()
    except Forbidden as error:
        return Finding("training", "failed", error.message, provider.alternatives)
    except UnknownModel:
        return Finding("training", "failed", provider.no_training, provider.alternatives)
    except HerosmithError as error:
        cause = LocalizedMessage("A training cannot begin. {reason}", reason=_reason(error))
        return Finding("training", "failed", cause, LocalizedMessage("Do as the sentence says."))
    cause = LocalizedMessage(
        "{provider} shows this key its trainings. Whether it takes a new one is known only when one begins.",
        provider=provider.display_name,
    )
    return Finding("training", "ok", cause)


def _planned_finding(planned: PlannedWeights | None) -> Finding:
    if planned is None:
        cause = LocalizedMessage("The engine did not say what a training changes.")
        cure = LocalizedMessage("Look again in a minute; if it stays so, check BASE_MODEL.")
        return Finding("training", "warning", cause, cure)
    if planned.weights == "all":
        return Finding("training", "ok", LocalizedMessage("The engine trains all weights."))
    cause = LocalizedMessage("The engine trains an adapter.")
    if planned.obstacle is None or planned.obstacle.of == "size":
        return Finding("training", "ok", cause)
    cure = LocalizedMessage("See what is said of disk and memory; the adapter learns less.")
    return Finding("training", "warning", cause, cure)


def check_models(installation: Installation, rows: Rows | None, servers: Servers) -> list[Finding]:
    """Say until when the models live that are configured or were trained, and which are missing."""
    found = [_unlisted_finding(installation, name) for name in _unlisted(installation.settings, servers)]
    trained = [each for each in rows.models if each.state != "retired"] if rows else []
    dates = dict(servers.listed or {})
    for model in trained:
        day = first_shutdown(dates, model) or model.retires_on
        if day:
            found.append(
                _shutdown_finding(model_name(model.id), day, installation.today, live=model.state == "live")
            )
        elif model.state == "live" and servers.listed and not {model.served_as, model.name} & dates.keys():
            cure = LocalizedMessage("`{/models rollback}` lets the model before it answer again.")
            cause = LocalizedMessage(
                "{model}, which is live, is unknown to its server.", model=model_name(model.id)
            )
            found.append(Finding("models", "failed", cause, cure))
    settings = installation.settings
    for name in dict.fromkeys((settings.author_model, settings.base_model)):
        if day := dates.get(name):
            label = LocalizedMessage("The model `{name}`", name=name)
            found.append(_shutdown_finding(label, day, installation.today, live=True))
    if found:
        return found
    if servers.listed is None:
        unknown = LocalizedMessage("No server was asked until when its models live.")
        return [Finding("models", "skipped", unknown)]
    return [Finding("models", "ok", LocalizedMessage("No model is about to be shut down."))]


def _unlisted(settings: Settings, servers: Servers) -> list[str]:
    if not servers.listed:
        return []
    names = dict.fromkeys((settings.author_model, settings.base_model))
    return [each for each in names if each not in servers.listed]


def _unlisted_finding(installation: Installation, name: str) -> Finding:
    setting = "AUTHOR_MODEL" if installation.settings.author_model == name else "BASE_MODEL"
    cause = LocalizedMessage("No server lists the model `{name}` of {setting}.", name=name, setting=setting)
    return Finding("models", "warning", cause, LocalizedMessage("Correct the name, unless it is a new one."))


def _shutdown_finding(model: LocalizedMessage, day: str, today: date, *, live: bool) -> Finding:
    left = days_until(day, today)
    cause = LocalizedMessage("{model} is shut down {when}.", model=model, when=date_text(day, left))
    if left is not None and left > _SOON:
        return Finding("models", "ok", cause)
    state: State = "failed" if live and left is not None and left <= 0 else "warning"
    cure = LocalizedMessage(
        "Train another base model in time (`{/finetune base-model:...}`), or train on the embedded engine."
    )
    return Finding("models", state, cause, cure)
