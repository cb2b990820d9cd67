"""Leases: what one process of several alone does, such as to lead, until the database's clock ends it.

A process that dies stops prolonging its leases, and another one takes them when they have expired. One that
stood still (SIGSTOP, a suspended machine) notices that too much time has passed, and asks the database before
it acts.
"""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.errors import DatabaseBusy
from bot.store import leases
from bot.store.database import Database
from bot.store.leases import Lease

log = logging.getLogger(__name__)

LEADER = "leader"
"""The lease of the process that syncs commands, keeps schedules, and posts what belongs to no server."""

_PIDS = Path("/proc/self/ns/pid")  # in which a process id names one process
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOOT_TIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def _clock() -> float:
    """Return seconds that pass while the machine sleeps, too, where the system counts them."""
    return time.clock_gettime(_BOOT_TIME) if _BOOT_TIME is not None else time.monotonic()


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """Seconds: how long a lease lasts, how often it is prolonged, and how often a taken one is asked for.

    The lease of a process that dies is another's after `lasts` + `look` at most.
    """

    lasts: float = 15.0
    prolong: float = 4.0
    look: float = 2.0


class Leases:
    """The leases of this process, by their names.

    clock: in seconds, that of the machine; it only says how long ago the database was asked.
    """

    def __init__(
        self, db: Database, timing: LeaseTiming, owner: str | None = None, clock: Callable[[], float] = _clock
    ) -> None:
        """owner: None makes a name of its own for this process."""
        self._db = db
        self.timing = timing
        self._clock = clock
        self.owner = owner or _name_of_process()
        self._confirmed: dict[str, float] = {}  # when the database was last asked, of what is held
        self._refused: dict[str, float] = {}  # the same, of what others have
        self._asking = asyncio.Lock()
        self._stands = asyncio.Event()  # whether this process may lead
        self._stands.set()

    def has(self, name: str) -> bool:
        """Return whether the lease was this process's when it last asked; for those who only look on."""
        return name in self._confirmed

    async def lead(self) -> bool:
        """Return whether this process leads, as hold() does. To be asked before each act of the leader."""
        return self._stands.is_set() and await self.hold(LEADER)

    def stand(self) -> None:
        """Let this process lead if no other one does. It may from the start on, unless it stands aside."""
        self._stands.set()

    def stand_aside(self) -> None:
        """Let this process not begin to lead, until stand()."""
        self._stands.clear()

    async def step_down(self) -> None:
        """Stand aside, and let another process lead at once."""
        self.stand_aside()
        async with self._asking:
            if self._confirmed.pop(LEADER, None) is None:
                return
            log.warning("this process leads no more: another one may")
            try:
                async with self._db.write() as tx:
                    await leases.release(tx, self.owner, LEADER)
            except DatabaseBusy as error:
                log.warning("the lead of this process ends by itself: %s", error)

    async def until_leading(self) -> None:
        """Wait until this process leads."""
        await self._stands.wait()
        while not await self.lead():  # noqa: ASYNC110 (another process decides: there is no event)
            await asyncio.sleep(self.timing.look)

    async def hold(self, name: str) -> bool:
        """Return whether a lease is this process's; take it if it is free.

        To be asked before each act: the database is asked if the last answer is older than `prolong`, and
        such an act is well over before the lease is. False if the database does not answer.
        """
        async with self._asking:
            now = self._clock()
            if name in self._confirmed and now - self._confirmed[name] < self.timing.prolong:
                return True
            if name in self._refused and now - self._refused[name] < self.timing.look:
                return False
            try:
                return await self._ask(name, now)
            except DatabaseBusy as error:
                log.warning("whether this process holds %s is unknown: %s", name, error)
                return False

    async def _ask(self, name: str, now: float) -> bool:
        if name not in self._confirmed and await self._is_taken(name):
            self._refused[name] = now
            return False
        async with self._db.write() as tx:
            taken = await leases.take(tx, name, self.owner, seconds=self.timing.lasts)
        self._note(name, taken=taken, at=now)
        return taken

    async def _is_taken(self, name: str) -> bool:
        """Return whether another process has a lease, and lives. To read disturbs no writer."""
        others = [each for each in await self.list_valid(name) if each.owner != self.owner]
        for each in others:
            if _has_died(each.owner):
                await self._release(each.owner)
        return any(each.name == name and not _has_died(each.owner) for each in others)

    def _note(self, name: str, *, taken: bool, at: float) -> None:
        if taken:
            if name not in self._confirmed:
                log.info("this process holds %s", name)
            self._confirmed[name] = at
            self._refused.pop(name, None)
        else:
            if self._confirmed.pop(name, None) is not None:
                log.warning(
                    "another process holds %s: this one stood still, or did not reach the database", name
                )
            self._refused[name] = at

    async def take_all(self, names: Iterable[str]) -> str | None:
        """Take several leases, or none of them. Return the name of one that another process has, or None."""
        wanted, now = list(names), self._clock()
        async with self._asking:
            async with self._db.write() as tx:
                for name in wanted:
                    if not await leases.take(tx, name, self.owner, seconds=self.timing.lasts):
                        await tx.rollback()
                        return name
            for name in wanted:
                self._note(name, taken=True, at=now)
        return None

    async def take_for(self, name: str, seconds: float) -> bool:
        """Take a lease that ends by itself after so many seconds. Return False if it is taken."""
        async with self._db.write() as tx:
            # not by this process's name: its next turn has to wait as well
            return await leases.take(tx, name, f"{self.owner}/{secrets.token_hex(4)}", seconds=seconds)

    @asynccontextmanager
    async def one_at_a_time(self, name: str) -> AsyncIterator["Leases | None"]:
        """Hold a lease during the block, also against others in this process; yield None if it is taken.

        Else yield who holds it: ask its hold() before each act. Raises DatabaseBusy.
        """
        own = Leases(self._db, self.timing, clock=self._clock)
        await own.release_dead()
        if await own.take_all([name]):
            yield None
            return
        keeping = asyncio.create_task(own.keep(lambda _: None))
        try:
            yield own
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await own.release()

    async def list_valid(self, prefix: str) -> list[Lease]:
        """Return all processes' leases with names that begin so."""
        async with self._db.read() as tx:
            return await leases.list_valid(tx, prefix)

    async def release_dead(self) -> None:
        """Give back the leases of processes of this machine that have died: nobody has to wait for them."""
        for owner in {each.owner for each in await self.list_valid("") if _has_died(each.owner)}:
            await self._release(owner)

    async def _release(self, owner: str) -> None:
        async with self._db.write() as tx:
            await leases.release(tx, owner)

    async def seize(self, name: str) -> None:
        """Take a lease whoever has it, who is known to be at work no more."""
        for each in await self.list_valid(name):
            await self._release(each.owner)
        await self.hold(name)

    async def prolong(self) -> set[str]:
        """Prolong all leases, and return the names of those that another process has taken.

        Raises DatabaseBusy.
        """
        async with self._asking:
            names, now = set(self._confirmed), self._clock()
            if not names:
                return set()
            async with self._db.write() as tx:
                kept = await leases.prolong(tx, names, self.owner, seconds=self.timing.lasts)
            for name in names:
                self._note(name, taken=name in kept, at=now)
            return names - kept

    async def keep(self, on_lost: Callable[[set[str]], None]) -> None:
        """Prolong all leases again and again, for ever; tell of those that another process has taken.

        No failure ends this: a process that went on without it would lose them, and never know.
        """
        while True:
            await asyncio.sleep(self.timing.prolong)
            try:
                lost = await self.prolong()
            except DatabaseBusy as error:
                log.warning("the leases of this process are prolonged later: %s", error)
            except Exception:
                log.exception("the leases of this process could not be prolonged")
            else:
                if lost:
                    on_lost(lost)

    async def release(self) -> None:
        """Give all leases back, so that another process need not wait until they expire."""
        async with self._asking:
            if not self._confirmed:
                return
            self._confirmed.clear()
            try:
                await self._release(self.owner)
            except DatabaseBusy as error:
                log.warning("the leases of this process end by themselves: %s", error)


def _name_of_process() -> str:
    """Return a name that no other process has: host, machine's start, process id, and a random part."""
    return f"{socket.gethostname()[:40]}/{_place()}/{os.getpid()}/{secrets.token_hex(4)}"


def _place() -> str:
    """Return what names this machine since its start, or this container; empty where no system tells."""
    try:
        started = _BOOT_ID.read_text(encoding="ascii").strip()[:13]
        return f"{started}.{_PIDS.stat().st_ino}"
    except (OSError, UnicodeDecodeError):
        return ""


def _has_died(owner: str) -> bool:
    """Return whether an owner is a process of this machine that is no more; False if that is not known."""
    parts = owner.split("/")
    if len(parts) != 4 or not parts[1] or parts[1] != _place() or not parts[2].isdecimal():
        return False
    try:
        os.kill(int(parts[2]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
