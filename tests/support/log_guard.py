"""The log guard: after each test, no log line may hold what says who somebody is, or what people typed.

It sees all that the test's process logs, down to DEBUG for our own modules, as the product formats it. What
must not stand in it is noted while the test runs: the ids of the users of the simulated Discord, what they
type into commands, forms and messages, the tokens of interactions, and the secrets of the settings.
"""

import logging
import re
from collections.abc import Iterator
from typing import Any

import discord
from discord.ext import commands
from pydantic import SecretStr

from bot.logs import HumanFormatter
from bot.settings import Settings

OURS = ("bot", "cogs", "engine")  # whose loggers are seen down to DEBUG
_SHORTEST = 9  # characters of what was typed: shorter texts, such as "healing", are words of anybody
_WORD = re.compile(r"\w+")
_MENTION = re.compile(r"<[@#]\S+>")


class LogGuard(logging.Handler):
    """Collects the lines of a test, and what must not stand in them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(HumanFormatter("%(levelname)s %(name)s: %(message)s"))
        self.lines: list[str] = []
        self._secrets: set[str] = set()
        self._typed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def lines_of(self, reference: str) -> list[str]:
        """Return the lines that were logged under a reference."""
        return [line for line in self.lines if f"[{reference}]" in line]

    def forbid(self, *secrets: object) -> None:
        """Note texts that must stand nowhere, such as an id or a token."""
        self._secrets.update(str(secret) for secret in secrets)

    def forbid_typed(self, text: str) -> None:
        """Note what a person typed: it must not be logged, with other signs between its words either."""
        text = _MENTION.sub("", text).strip()
        if len(text) >= _SHORTEST and " " in text:
            self._typed.add(_words(text))

    def forbid_secrets_of(self, settings: Settings) -> None:
        """Note all secrets among the settings."""
        values = (getattr(settings, name) for name in Settings.model_fields)
        self.forbid(*(value.get_secret_value() for value in values if isinstance(value, SecretStr)))

    def watch(self, bot: commands.AutoShardedBot) -> None:
        """Note what people send to a bot from now on."""
        bot.add_listener(self._on_interaction, "on_interaction")
        bot.add_listener(self._on_message, "on_message")

    async def _on_interaction(self, interaction: discord.Interaction) -> None:
        self.forbid(interaction.user.id, interaction.token)
        for text in _values(interaction.data or {}):
            self.forbid_typed(text)

    async def _on_message(self, message: discord.Message) -> None:
        if not message.author.bot:
            self.forbid(message.author.id)
            self.forbid_typed(message.content)

    def leaks(self) -> list[str]:
        """Return the lines that hold what they must not."""
        return [line for line in self.lines if self._leaks(line)]

    def _leaks(self, line: str) -> bool:
        return any(secret in line for secret in self._secrets) or any(
            typed in _words(line) for typed in self._typed
        )


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _values(data: Any) -> Iterator[str]:
    """Yield what was typed into the options of a command, or the fields of a form."""
    for part in (*data.get("options", ()), *data.get("components", ()), data.get("component")):
        if isinstance(part, dict):
            if isinstance(part.get("value"), str):
                yield part["value"]
            yield from _values(part)
