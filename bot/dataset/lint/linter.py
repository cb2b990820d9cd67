"""Run the rules over a table and apply the fixes that the user accepts."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.dataset.lint.finding import Finding, Severity, info
from bot.dataset.lint.rules import RULES
from bot.dataset.lint.table import Table
from bot.dataset.reading.source import Format
from bot.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class LintReport:
    """The findings in the order of the rules; an error, if there is one, is the last finding."""

    findings: tuple[Finding, ...]
    frame: "pd.DataFrame"  # with the necessary fixes applied

    def with_severity(self, severity: Severity) -> list[Finding]:
        """Return the findings of one severity."""
        return [finding for finding in self.findings if finding.severity is severity]

    def apply_fixes(self, accepted: Collection[Finding]) -> "pd.DataFrame":
        """Return prompts and completions with the accepted optional fixes, applied in the order of the rules.

        Raises UserError if the rules ended with an error, or no example is left.
        """
        for error in self.with_severity(Severity.ERROR):
            raise UserError(error.message)
        frame = self.frame
        for finding in self.with_severity(Severity.OPTIONAL):
            if finding in accepted and finding.fix:
                frame = finding.fix(frame)
        if frame.empty:
            raise UserError("No example is left. Decline one of the fixes that drop examples.")
        return frame


def lint(table: Table, *, target: Format = Format.CHAT) -> LintReport:
    """Run the rules over a table that is to become a training file of the target format.

    Rules for pairs (separator, ending, leading space) are skipped for chats, where roles separate prompt and
    completion.
    """
    frame = table.frame
    findings = [info(note) for note in table.notes]
    if table.format is not target:
        findings.append(
            Finding(Severity.NECESSARY, f"The file is {table.format}.", f"Convert {table.format} to {target}")
        )
    elif table.deviations:
        findings.append(
            Finding(Severity.NECESSARY, " ".join(table.deviations), f"Write it anew as {target}, in UTF-8")
        )
    for rule in RULES:
        if rule.pairs_only and target is Format.CHAT:
            continue
        finding = rule.check(frame)
        if finding is None:
            continue
        findings.append(finding)
        if finding.severity is Severity.ERROR:
            break
        if finding.severity is Severity.NECESSARY and finding.fix:
            frame = finding.fix(frame)
    return LintReport(tuple(findings), frame)
