"""Shard claims: each shard is served by one process, or everything would be answered twice."""

import asyncio
import logging
import time
from collections.abc import Callable

from bot.errors import DatabaseBusy, LoginRefused
from bot.leases import Leases
from bot.shards import Shards, ranges

log = logging.getLogger(__name__)

_IDENTIFY_SECONDS = 5.0  # between two sessions that begin, by Discord's rule
_IDENTIFY_LOOK = 0.5


class ShardClaims:
    """Takes and keeps the leases of a process's shards, and those of the key of its pseudonyms."""

    def __init__(self, leases: Leases, key: Leases) -> None:
        """key: leases whose owner is the key's fingerprint, so that all with the same key have it."""
        self._leases = leases
        self._key = key

    async def take(self, shards: Shards) -> None:
        """Take the shards; wait for those of a process that has died, until its leases have expired.

        Raises LoginRefused if another process serves one of them, or does not fit beside this one.
        """
        timing, waited = self._leases.timing, 0.0
        while refusal := await self._try(shards):
            if waited > timing.lasts + timing.look:
                raise LoginRefused(refusal)
            if not waited:
                log.warning("%s If it has died, this start goes on in %.0f s at most.", refusal, timing.lasts)
            await asyncio.sleep(timing.look)
            waited += timing.look

    async def _try(self, shards: Shards) -> str | None:
        """Take the leases. Return why they cannot be taken, with none taken; None if they are."""
        while True:
            try:
                await self._leases.release_dead()
                return await self._conflict(shards)
            except DatabaseBusy as error:
                log.warning("the shards of this process are not taken yet: %s", error)
                await asyncio.sleep(self._leases.timing.look)

    async def _conflict(self, shards: Shards) -> str | None:
        if refusal := await self._other_division(shards):
            return refusal
        if not shards.are_all and await self._key.take_all([_KEY]):
            return _OTHER_KEY
        if taken := await self._leases.take_all(shard_names(shards)):
            number = taken.split(" ")[1]
            return (
                f"Shard {number} of {shards.count} is served by another process: everything would be "
                "answered twice. Give each process other SHARD_IDS, or stop the other one."
            )
        if refusal := await self._other_division(shards):  # it has begun at the same moment
            await self._leases.release()
        return refusal

    async def _other_division(self, shards: Shards) -> str | None:
        """Return that another process divides the servers otherwise; None if none does."""
        for each in await self._leases.list_valid("shard "):
            count = int(each.name.rpartition(" ")[2])
            if count != shards.count and each.owner != self._leases.owner:
                return (
                    f"Another process ({each.owner.partition('/')[0]}) divides the servers into {count} "
                    f"shards, this one into {shards.count}. Stop them all, give them the same SHARD_COUNT, "
                    "and start them again."
                )
        return None

    async def keep(self, shards: Shards, *, can_lead: Callable[[], bool]) -> str:
        """Keep the leases until another process takes a shard, or has another key. Return a sentence on it.

        That happens if this process stood still for longer than they last. can_lead: whether it is connected,
        and so may lead all processes.
        """
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def note(names: set[str]) -> None:
            taken = names & set(shard_names(shards))
            if taken and not lost.done():
                lost.set_result(
                    f"Another process serves {', '.join(sorted(taken))} by now: this one stood still, or did "
                    "not reach the database. It ends, and may start again with shards that nobody serves."
                )

        def note_key(_names: set[str]) -> None:
            if not lost.done():
                lost.set_result(_OTHER_KEY)

        tasks = [asyncio.create_task(self._leases.keep(note))]
        if not shards.are_all:
            tasks.append(asyncio.create_task(self._key.keep(note_key)))
            tasks.append(asyncio.create_task(self._look_for_unserved(shards)))
            tasks.append(asyncio.create_task(self._lead_while(can_lead)))
        try:
            return await lost
        finally:
            for task in tasks:
                task.cancel()

    async def _lead_while(self, can_lead: Callable[[], bool]) -> None:
        """Let another process lead while this one has no connection, for longer than most of them break.

        It could send nothing, and what waits for the leader would wait for it.
        """
        could_at = time.monotonic()
        while True:
            if can_lead():
                could_at = time.monotonic()
                self._leases.stand()
            elif time.monotonic() - could_at > self._leases.timing.lasts:
                await self._leases.step_down()
            await asyncio.sleep(self._leases.timing.look)

    async def _look_for_unserved(self, shards: Shards) -> None:
        """Warn of shards that nobody serves: nobody answers in their servers, and no log would say so."""
        told: set[int] = set()
        before: set[int] = set()
        while True:
            await asyncio.sleep(self._leases.timing.lasts + self._leases.timing.look)
            try:
                served = {each.name for each in await self._leases.list_valid("shard ")}
            except DatabaseBusy:
                continue
            every = Shards(tuple(range(shards.count)), shards.count)
            unserved = {
                each for each, name in zip(every.ids, shard_names(every), strict=True) if name not in served
            }
            lasting = unserved & before  # not only while a process is started again
            if lasting and lasting != told:
                log.warning(
                    "no process serves shard %s of %d: in their servers nobody answers. Start a process with "
                    "these SHARD_IDS.",
                    ranges(sorted(lasting)),
                    shards.count,
                )
            told, before = lasting, unserved

    async def wait_to_identify(self, shard_id: int, *, max_concurrency: int) -> None:
        """Wait until a shard may begin its session: of all processes, so many may in five seconds."""
        name = f"identify {shard_id % max_concurrency}"
        while True:
            try:
                if await self._leases.take_for(name, _IDENTIFY_SECONDS):
                    return
            except DatabaseBusy:
                await asyncio.sleep(_IDENTIFY_SECONDS)
                return
            await asyncio.sleep(_IDENTIFY_LOOK)


_KEY = "voters.key"
_OTHER_KEY = (
    "Another process has another voters.key: to this one, everybody would be somebody else, and could vote "
    "twice. Copy voters.key from its DATA_DIR into this one's."
)


def shard_names(shards: Shards) -> list[str]:
    """Return the names of the leases of a process's shards."""
    return [f"shard {shard_id} of {shards.count}" for shard_id in shards.ids]
