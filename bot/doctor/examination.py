"""The examination: all checks in their order, none of which can keep the others from being made."""

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
from bot.doctor.installation import Installation, Rows
from bot.doctor.machine import check_packages, check_resources
from bot.doctor.masking import Mask, secrets_of
from bot.doctor.servers import Servers, check_models, check_servers, check_training
from bot.doctor.storage import check_clock, check_data_folder, check_database, check_pseudonyms
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
    book = _Book()
    book.note("settings", lambda: check_settings(installation))
    book.note("files", lambda: check_files(installation))
    book.note("packages", lambda: check_packages(installation))
    book.note("data_folder", lambda: check_data_folder(installation))
    rows = await book.note_with("database", check_database(installation), None)
    book.note("pseudonyms", lambda: check_pseudonyms(installation, rows))
    account = await book.note_with("login", _account(installation, rows, known_account), None)
    book.note("clock", lambda: check_clock(installation, rows, account))
    await book.note_with("disk", _alone(check_resources(installation)), None)
    servers = await book.note_with("engine", check_servers(installation), Servers(None, None))
    await book.note_with("training", _alone(check_training(installation, servers)), None)
    book.note("models", lambda: check_models(installation, rows, servers))
    book.note("prices", lambda: check_prices(installation))
    if installation.settings.discord_token or account:
        book.note("intents", lambda: check_intents(account))
        book.note("permissions", lambda: check_permissions(account, rows))
        book.note("home_servers", lambda: check_home_guilds(installation, account))
        book.note("admin_channel", lambda: check_admin_channel(installation, account))
    book.note("policies", lambda: check_policies(installation, account))
    book.note("worker", lambda: check_worker(installation, rows))
    book.note("waiting", lambda: check_waiting(rows))
    book.note("notices", lambda: check_notices(installation, rows))
    secrets = secrets_of(installation.settings)
    mask = Mask(secrets + (secrets_of(servers.settings) if servers.settings else []))
    return [mask.finding(each) for each in book.findings]


async def _account(
    installation: Installation, rows: Rows | None, known_account: KnownAccount | None
) -> tuple[list[Finding], Account | None]:
    if known_account is None:
        return await check_token_and_login(installation, rows)
    account = known_account(*asked_places(installation, rows))
    return check_login(account), account


async def _alone(found: Awaitable[list[Finding]]) -> tuple[list[Finding], None]:
    return await found, None


class _Book:
    """Collects findings. A check that breaks off is a finding, too."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def note(self, check: str, make: Callable[[], Iterable[Finding]]) -> None:
        try:
            self.findings += make()
        except Exception as error:  # noqa: BLE001 (it is told)
            self._broken_off(check, error)

    async def note_with(self, check: str, make: Awaitable[tuple[list[Finding], T]], unknown: T) -> T:
        """Note what a check finds, and return what else it has learnt; unknown if it breaks off."""
        try:
            found, learnt = await make
        except Exception as error:  # noqa: BLE001 (it is told)
            self._broken_off(check, error)
            return unknown
        self.findings += found
        return learnt

    def _broken_off(self, check: str, error: Exception) -> None:
        log.error("the check of %s broke off", check, exc_info=error)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        cause = LocalizedMessage("This check broke off, by a fault of its own. {reason}", reason=reason)
        cure = LocalizedMessage("Report it with the template for bugs.")
        self.findings.append(Finding(check, "failed", cause, cure))
