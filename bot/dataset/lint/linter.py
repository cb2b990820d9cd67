"""Run the rules over the examples of a file and apply the fixes that the user accepts."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.dataset.lint.examples import Examples
from bot.dataset.lint.finding import Finding, Severity, info, rewriting_example
from bot.dataset.lint.rules import rules_for
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

    def apply_fixes(self, accepted: Collection[Finding], *, may_be_empty: bool = False) -> "pd.DataFrame":
        """Return the examples with the accepted optional fixes, applied in the order of the rules.

        Raises UserError if the rules ended with an error, or no example is left, unless there may be none.
        """
        for error in self.with_severity(Severity.ERROR):
            raise UserError(error.message)
        frame = self.frame
        for finding in self.with_severity(Severity.OPTIONAL):
            if finding in accepted and finding.fix:
                frame = finding.fix(frame)
        if frame.empty and not may_be_empty:
            raise UserError(
                "No example is left: these changes drop them all. Mend the examples, or start without --yes "
                "and answer n to a change that drops them."
            )
        return frame


def applied(finding: Finding, frame: "pd.DataFrame") -> tuple[Finding, "pd.DataFrame"]:
    """Return a finding with the text that its fix rewrites in these examples, and the examples after it."""
    fixed = finding.fix(frame) if finding.fix else frame
    return replace(finding, example=rewriting_example(frame, fixed)), fixed


def lint(examples: Examples, *, target: Format = Format.CHAT) -> LintReport:
    """Run the rules over examples that are to become a training file of the target format: chats or pairs."""
    frame = examples.frame
    findings = [info(note) for note in examples.notes]
    if examples.format is not target:
        action = f"Convert {examples.format} to {target}"
        subject = "This" if examples.format is Format.FOLDER else "The file"
        findings.append(Finding(Severity.NECESSARY, f"{subject} is {examples.format}.", action))
    elif examples.deviations:
        message = " ".join(examples.deviations)
        findings.append(Finding(Severity.NECESSARY, message, f"Write it anew as {target}, in UTF-8"))
    if examples.held_out:
        message = f"The file's split keeps {examples.held_out:,} of the examples aside; JSON Lines have none."
        findings.append(info(message))
    for rule in rules_for(examples.heroes, examples.places, target):
        finding = rule(frame)
        if finding is None:
            continue
        shown, fixed = applied(finding, frame)
        findings.append(shown)
        if finding.severity is Severity.ERROR:
            break
        if finding.severity is Severity.NECESSARY:
            frame = fixed
    return LintReport(tuple(findings), frame)
