"""Spending on the dashboard, against the budget."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

from bot.app import App
from bot.dashboard.blocks import Block, bars, table, text, with_level
from bot.i18n.message import Translator, mark
from bot.store.spending import DaySpending, Purpose

DAYS = 30
_PURPOSES: dict[Purpose, str] = {"build": mark("builds"), "tuning": mark("trainings"), "hero": mark("heroes")}


async def spending_blocks(app: App, t: Translator) -> list[Block]:
    """Return what the last days cost, and what is left of today's budget."""
    last = datetime.now(UTC).date()
    first = last - timedelta(days=DAYS - 1)
    spent = await app.budget.by_day(first.isoformat())
    return [text(await _budget_text(app, t)), _chart(app, t, spent, first), _models_table(t, spent)]


async def _budget_text(app: App, t: Translator) -> str:
    daily, left = app.budget.daily, await app.budget.remaining_today()
    if daily is None or left is None:
        return t("There is no daily budget. `DAILY_BUDGET` in `.env` sets one, in US dollars.")
    return t(
        "${left:,.4f} of the ${daily:,.4f} a day may still be spent today (UTC), with what is under way "
        "taken off.",
        left=left,
        daily=daily,
    )


def _chart(app: App, t: Translator, spent: list[DaySpending], first: date) -> Block:
    days = [(first + timedelta(days=number)).isoformat() for number in range(DAYS)]
    costs: defaultdict[tuple[str, str], float] = defaultdict(float)
    for each in spent:
        costs[each.day, each.purpose] += each.cost
    chart = bars(
        t("Spending in the last {days} days, in US dollars", days=DAYS),
        t("${cost:,.4f} in all", cost=sum(costs.values())),
        [day[5:] for day in days],
        {t(name): [costs[day, purpose] for day in days] for purpose, name in _PURPOSES.items()},
        across=t("day"),
    )
    return chart if app.budget.daily is None else with_level(chart, t("daily budget"), app.budget.daily)


def _models_table(t: Translator, spent: list[DaySpending]) -> Block:
    sums: defaultdict[tuple[str, Purpose], list[float]] = defaultdict(lambda: [0, 0.0])
    for each in spent:
        sums[each.model, each.purpose][0] += each.calls
        sums[each.model, each.purpose][1] += each.cost
    rows = [
        (model, t(_PURPOSES[purpose]), calls, cost)
        for (model, purpose), (calls, cost) in sorted(sums.items())
    ]
    headings = [t("Model"), t("For"), t("Calls"), t("US dollars")]
    empty = t("No call was booked in these days.")
    empty += " " + t("The next `/hero` or `{/build-dataset}` asks a model, and is listed here.")
    return table(t("Spending by model"), headings, rows, empty=empty)
