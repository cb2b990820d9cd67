"""The queries that people wait for, run through the bot's services as its commands do."""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import func, select

from bench.store.population import FIRST_MESSAGE, JOBS, Population
from bot.app import App
from bot.community.hero_lists import ListRequest
from bot.rating.calendar import this_month, this_week
from bot.rating.results import result_of
from bot.rating.votes import DOWN, UP
from bot.store import descriptions, job_claims, jobs
from bot.store.job_schema import BuildSpec
from bot.store.ranking import EVER, Span
from bot.store.schema import description

_DAY = 86_400
_NEWEST = 20_000  # descriptions, on which most votes are given
_LARGE = 500  # heroes of a server, of which the best are chosen in the background
_PAGES = 3  # of /top and lists that people look at

Action = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Query:
    """What is timed. hot: it must be quick even for its hundredth-slowest; others fill a page.

    prepare is run before, and not timed.
    """

    name: str
    hot: bool
    run: Action
    prepare: Action | None = None


class Visitors:
    """People who look at this and that, each time somebody else: the same ones in each run."""

    def __init__(self, app: App, population: Population, seed: int) -> None:
        self._app = app
        self._population = population
        self._chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        self._season = Span(time.time() - 60 * _DAY)

    def queries(self) -> list[Query]:
        """Return all queries."""
        now = time.time()
        spans = {
            "week": this_week(now, UTC),
            "month": this_month(now, UTC),
            "season": self._season,
            "all": EVER,
        }
        return [
            Query("vote", True, self._vote),
            Query("hero_row", True, self._hero_row),
            *(Query(f"top_here_{name}", True, self._top_here(span)) for name, span in spans.items()),
            *(
                Query(f"top_everywhere_{name}", True, self._top_everywhere(spans[name]))
                for name in ("week", "month", "all")
            ),
            Query("dataset_status", True, self._app.dataset_statuses.status),
            Query("claim", True, self._claim, prepare=self._queue),
            *(Query(f"heroes_{kind}", False, self._heroes(kind)) for kind in ("mine", "of", "kept")),
            *(Query(f"heaviest_{days}", False, self._heaviest(days)) for days in (1, 7)),
            Query("quota", False, self._quota),
            Query("quota_of_all", False, self._quota_of_all),
            Query("result_of_week", False, self._result(Span(now - 9 * _DAY, now - 2 * _DAY))),
            Query("result_of_season", False, self._result(spans["season"])),
        ]

    async def use(self) -> None:
        """Look at the seasons and all heroes of each large server, as its people have done before."""
        large = select(description.c.guild_id).group_by(description.c.guild_id).having(func.count() > _LARGE)
        async with self._app.db.read() as tx:
            guilds = [each for each in (await tx.execute(large)).scalars() if each is not None]
        for guild_id in guilds:
            for span in (self._season, EVER):
                await self._app.scores.best(guild_id=guild_id, span=span, hurried=True)

    @property
    def _guild(self) -> int:
        return self._population.guild(int(self._population.guilds * self._chance.random() ** 3))

    @property
    def _asker(self) -> int:
        return int(len(self._population.askers) * self._chance.random() ** 2.5)

    @property
    def _page(self) -> int:
        return int(_PAGES * self._chance.random() ** 2)

    async def _vote(self) -> None:
        newest = self._population.descriptions
        number = newest - int(min(newest, _NEWEST) * self._chance.random() ** 2)
        voter = self._chance.randrange(len(self._population.voters))
        await self._app.votes.add_reaction(FIRST_MESSAGE + number, voter, self._chance.choice((UP, UP, DOWN)))

    async def _hero_row(self) -> None:
        number = 1 + self._chance.randrange(self._population.descriptions)
        async with self._app.db.read() as tx:
            await descriptions.get(tx, number)

    def _top_here(self, span: Span) -> Action:
        return lambda: self._app.scores.best(guild_id=self._guild, span=span, page=self._page, hurried=True)

    def _top_everywhere(self, span: Span) -> Action:
        async def run() -> None:
            powers = (await self._app.powers.vocabulary()).powers
            await self._app.scores.best(powers=powers, span=span, page=self._page, hurried=True)

        return run

    async def _queue(self) -> None:
        async with self._app.db.write() as tx:
            for active in await jobs.list_active(tx, "build", "finetune"):
                await jobs.change(tx, active.id, state="succeeded")
        planned = await self._app.jobs.plan(BuildSpec())
        await self._app.jobs.confirm(planned.id)

    async def _claim(self) -> None:
        async with self._app.db.write() as tx:
            job = await job_claims.claim(tx, ("build", "finetune"), owner="bench", stale_after=15)
        assert job is not None and job.id > JOBS  # noqa: S101, PT018 (it was queued before)

    def _heroes(self, kind: str) -> Action:
        def run() -> Awaitable[object]:
            reader = self._asker
            member = reader // 10 * 10 if kind == "of" else reader  # every tenth lets others see theirs
            wanted = ListRequest(kind, reader, member, self._guild)  # type: ignore[arg-type]
            return self._app.hero_lists.page(wanted, self._page)

        return run

    def _heaviest(self, days: int) -> Action:
        return lambda: self._app.people.heaviest(days)

    def _quota(self) -> Awaitable[object]:
        return self._app.rate_limits.quota(self._asker, self._guild)

    async def _quota_of_all(self) -> None:
        async with self._app.db.read() as tx:
            await descriptions.count_since(tx, time.time() // _DAY * _DAY)

    def _result(self, span: Span) -> Action:
        return lambda: result_of(self._app.scores, self._guild, span)


def names(queries: Sequence[Query], *, hot: bool) -> list[str]:
    """Return the names of the hot queries, or of the others."""
    return [query.name for query in queries if query.hot == hot]
