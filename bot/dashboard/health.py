"""Health on the dashboard: what `herosmith doctor` finds without asking anybody outside of this machine."""

import asyncio
import time
from pathlib import Path

from bot.app import App
from bot.dashboard.blocks import Block, table, text
from bot.doctor.examination import examine
from bot.doctor.finding import Finding, State
from bot.doctor.installation import Installation
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.presentation.doctor import CHECKS, STATES, summary_text
from bot.settings_file import misspelt_names

_ENV_FILE = Path(".env")
_ORDER: tuple[State, ...] = ("failed", "warning", "ok", "skipped")  # the worst first
_EXPLANATION = mark(
    "Nothing is changed, and nobody outside of this computer is asked: that is done by `herosmith doctor "
    "--online` in the terminal."
)


async def health_blocks(app: App, t: Translator) -> list[Block]:
    """Examine the installation, and return what is found, the worst first."""
    installation = Installation(
        settings=app.settings,
        misspelt=await asyncio.to_thread(misspelt_names, _ENV_FILE),
        env_file=_ENV_FILE,
        online=False,
        db=app.db,
        now=time.time(),
        quick=True,
    )
    findings = await examine(installation)
    ordered = [each for state in _ORDER for each in findings if each.state == state]
    headings = [t("State"), t("Check"), t("What was found"), t("What to do"), t("File")]
    return [
        text(f"**{summary_text(t, findings)}**\n{t(_EXPLANATION)}"),
        table(t("Findings"), headings, [_row(t, each) for each in ordered]),
    ]


def _row(t: Translator, finding: Finding) -> list[str]:
    return [
        t(LocalizedMessage(STATES[finding.state])),
        t(LocalizedMessage(CHECKS[finding.check])),
        t(finding.cause),
        t(finding.cure) if finding.cure else "",
        f"`{finding.file}`" if finding.file and finding.state != "ok" else "",
    ]
