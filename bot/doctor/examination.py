"""The examination: all checks in their order, none of which can keep the others from being made."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from bot.connection.account import Account
from bot.doctor.configuration import check_files, check_policies, check_prices, check_settings
from bot.doctor.discord_account import (
    asked_places,
    check_admin_channel,
    check_home_guilds,
    check_intents,
    check_login,
    check_permissions,
    check_token_and_login,
)
from bot.doctor.finding import Finding
from bot.doctor.folders import check_backups, check_data_folder, check_parts
from bot.doctor.installation import Installation, Rows
from bot.doctor.machine import check_packages, check_resources
from bot.doctor.masking import Mask, secrets_of
from bot.doctor.servers import Servers, check_models, check_servers, check_training
from bot.doctor.storage import check_clock, check_database, check_pseudonyms
from bot.doctor.work import check_notices, check_waiting, check_worker
from bot.i18n.message import LocalizedMessage

log = logging.getLogger(__name__)

T = TypeVar("T")

KnownAccount = Callable[[list[int], list[int]], Account]
"""Returns what a running bot knows of these servers and channels."""


async def examine(installation: Installation, known_account: KnownAccount | None = None) -> list[Finding]:
    """Make all checks and return what they find, without secrets. Nothing is changed.

    known_account: of a bot that is connected; without it, Discord is asked over HTTP if that is allowed.
    """
    findings = _Findings()
    await findings.add_sync("settings", lambda: check_settings(installation))
    await findings.add_sync("files", lambda: check_files(installation))
    await findings.add_sync("packages", lambda: check_packages(installation))
    await findings.add_sync("data_folder", lambda: check_data_folder(installation))
    await findings.add_sync("data_folder", lambda: check_parts(installation))
    rows = await findings.add_with_result("database", check_database(installation), None)
    await findings.add_sync("pseudonyms", lambda: check_pseudonyms(installation, rows))
    await findings.add_sync("backups", lambda: check_backups(installation))
    account = await findings.add_with_result("login", _account(installation, rows, known_account), None)
    await findings.add_sync("clock", lambda: check_clock(installation, rows, account))
    await findings.add("disk", check_resources(installation))
    servers = await findings.add_with_result("engine", check_servers(installation), Servers(None, None))
    await findings.add("training", check_training(installation, servers))
    await findings.add_sync("models", lambda: check_models(installation, rows, servers))
    await findings.add_sync("prices", lambda: check_prices(installation))
    if installation.settings.discord_token or account:
        await findings.add_sync("intents", lambda: check_intents(account))
        await findings.add_sync("permissions", lambda: check_permissions(account, rows))
        await findings.add_sync("home_servers", lambda: check_home_guilds(installation, account))
        await findings.add_sync("admin_channel", lambda: check_admin_channel(installation, account))
    await findings.add_sync("policies", lambda: check_policies(installation, account))
    await findings.add_sync("worker", lambda: check_worker(installation, rows))
    await findings.add_sync("waiting", lambda: check_waiting(rows))
    await findings.add_sync("notices", lambda: check_notices(installation, rows))
    secrets = secrets_of(installation.settings)
    mask = Mask(secrets + (secrets_of(servers.settings) if servers.settings else []))
    return [mask.finding(each) for each in findings.found]


async def _account(
    installation: Installation, rows: Rows | None, known_account: KnownAccount | None
) -> tuple[list[Finding], Account | None]:
    if known_account is None:
        return await check_token_and_login(installation, rows)
    account = known_account(*asked_places(installation, rows))
    return check_login(account), account


class _Findings:
    """Collects what the checks find. A check that fails itself is a finding, too."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    async def add_sync(self, check: str, run: Callable[[], Iterable[Finding]]) -> None:
        """Run a check in a thread: it may read files, on a disk that is slow, while the bot answers."""
        await self.add(check, asyncio.to_thread(lambda: list(run())))

    async def add(self, check: str, running: Awaitable[Iterable[Finding]]) -> None:
        """Await a check."""
        try:
            self.found += await running
        except Exception as error:  # noqa: BLE001 (it becomes a finding)
            self._add_failed_check(check, error)

    async def add_with_result(self, check: str, running: Awaitable[tuple[list[Finding], T]], default: T) -> T:
        """Await a check and return what else it has learnt, or the default if it fails itself."""
        try:
            found, result = await running
        except Exception as error:  # noqa: BLE001 (it becomes a finding)
            self._add_failed_check(check, error)
            return default
        self.found += found
        return result

    def _add_failed_check(self, check: str, error: Exception) -> None:
        log.error("the check of %s broke off", check, exc_info=error)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        cause = LocalizedMessage("This check broke off, by a fault of its own. {reason}", reason=reason)
        cure = LocalizedMessage("Report it with the template for bugs.")
        self.found.append(Finding(check, "failed", cause, cure))
