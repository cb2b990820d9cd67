"""Votes and reports on the dashboard, day by day."""

from datetime import UTC, datetime, timedelta

from bot.app import App
from bot.dashboard.blocks import Block, bars, text
from bot.i18n.message import Translator, mark

DAYS = 30
_NO_VOTES = mark(
    "Nobody has voted in these days. Votes are the thumbs under heroes: ask for one with `/hero` in Discord, "
    "and click on 👍 or 👎."
)


async def people_blocks(app: App, t: Translator) -> list[Block]:
    """Return the votes and the reports of the last days."""
    today = datetime.now(UTC).date()
    days = await app.activity.by_day(today - timedelta(days=DAYS - 1), today)
    labels = [f"{each.day:%m-%d}" for each in days]
    ups, downs = [each.ups for each in days], [each.downs for each in days]
    duel_votes, reports = [each.duel_votes for each in days], [each.reports for each in days]
    waiting = await app.activity.waiting_reports()
    summary = t.count(
        "{number:,} reported text waits for a decision of an operator, in Discord.",
        "{number:,} reported texts wait for a decision of an operator, in Discord.",
        waiting,
    )
    return [
        text(summary if any(ups + downs + duel_votes) else f"{summary}\n{t(_NO_VOTES)}"),
        bars(
            t("Votes on descriptions in the last {days} days", days=DAYS),
            t("{ups:,} thumbs up and {downs:,} thumbs down", ups=sum(ups), downs=sum(downs)),
            labels,
            {t("thumbs up"): ups, t("thumbs down"): downs},
            across=t("day"),
        ),
        bars(
            t("Votes in duels in the last {days} days", days=DAYS),
            t("{number:,} in all, with ties and those that do not count", number=sum(duel_votes)),
            labels,
            {t("votes in duels"): duel_votes},
            across=t("day"),
        ),
        bars(
            t("Reports in the last {days} days", days=DAYS),
            t("{number:,} in all, without those that were withdrawn", number=sum(reports)),
            labels,
            {t("reports"): reports},
            across=t("day"),
        ),
    ]
