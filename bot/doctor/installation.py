"""What is examined: an installation's settings, what its database holds, and what Discord says of the bot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from bot.i18n.message import LocalizedMessage
from bot.settings import Settings
from bot.store import content_reports, descriptions, jobs, models, notifications
from bot.store.database import Database
from bot.store.inspection import newest_moment, seconds_ahead
from bot.store.job_schema import KINDS
from bot.store.jobs import Job
from bot.store.models import Model
from bot.store.notifications import Notification

CHOWN_CURE = LocalizedMessage(
    "Give it to the user that runs the bot (chown), or run the bot as its owner; a full or broken disk may "
    "be mounted for reading only."
)
_MOST_PLACES = 40  # each takes up to two questions to Discord


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An installation, and how it may be examined.

    mistakes and misspelt: of the settings, as bot/settings.py words them. online: whether servers outside of
    this machine are asked. db: the database of the running bot; None: it is opened to be read. now: seconds
    since 1970. quick: whether somebody waits in Discord, so that nothing takes minutes.
    """

    settings: Settings
    mistakes: Sequence[str] = ()
    misspelt: Sequence[str] = ()
    env_file: Path | None = None
    online: bool
    db: Database | None = None
    now: float
    quick: bool = False

    @property
    def today(self) -> date:
        """Return the day by UTC."""
        return datetime.fromtimestamp(self.now, UTC).date()

    def may_ask(self, url: str | None) -> bool:
        """Return whether an address may be asked: it is on this machine, or the examination is online."""
        return self.online or (url is not None and is_on_this_machine(urlsplit(url).hostname))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What the database holds of the work in progress and of Discord.

    places: servers and channels in which the bot has posted. newest: the newest time in it, None if it is
    empty. reported: how many texts wait for a decision of operators. ahead: how many seconds this host's
    clock is ahead of the database's, None if that has no other one.
    """

    active: Sequence[Job] = ()
    models: Sequence[Model] = ()
    pending: Sequence[Notification] = ()
    places: Sequence[tuple[int, int]] = ()
    job_channel: int | None = None
    reported: int = 0
    newest: float | None = None
    ahead: float | None = None


async def read_rows(db: Database) -> Rows:
    """Read the rows. The database must have the newest schema. Raises DatabaseBusy."""
    async with db.read() as tx:
        return Rows(
            active=await jobs.with_blockers(tx, await jobs.list_active(tx, *KINDS)),
            models=await models.list_all(tx),
            pending=await notifications.list_pending(tx),
            places=await descriptions.list_places(tx, _MOST_PLACES),
            job_channel=await jobs.newest_channel(tx),
            reported=await content_reports.count_waiting(tx),
            newest=await newest_moment(tx),
            ahead=await seconds_ahead(tx),
        )


def is_on_this_machine(host: str | None) -> bool:
    """Return whether a host is this machine by its name alone; no name is looked up."""
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")
