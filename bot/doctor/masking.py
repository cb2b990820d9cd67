"""Secrets are masked in everything that an examination tells, wherever their text came from."""

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from bot.doctor.finding import Finding
from bot.i18n.message import LocalizedMessage
from bot.settings import Settings

MASKED = "***"

_MIN_LENGTH = 6  # a shorter secret is a part of many words, and protects nothing
# what looks like a secret, though it may stand in a setting where none belongs
_PATTERNS = (
    re.compile(r"[\w-]{17,}\.[\w-]{6}\.[\w-]{20,}"),  # a token of Discord
    re.compile(r"\b(?:sk|hf|ghp|gsk|xox[a-z]|github_pat)[-_][\w-]{12,}"),
    re.compile(r"(?<=://)[^/@\s]+(?=@)"),  # user and password of an address
    re.compile(r"(?<=[?&])([\w-]*(?:key|token|secret|password|sig)[\w-]*=)[^&\s]+", re.IGNORECASE),
    re.compile(r"(?<=Bearer )\S+"),
)


class Mask:
    """Takes known secrets, and what looks like one, out of texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {form for each in secrets for form in (each, quote(each, safe=""), unquote(each))}
        self._secrets = sorted((each for each in spelled if len(each) >= _MIN_LENGTH), key=len, reverse=True)

    def finding(self, finding: Finding) -> Finding:
        """Return a finding without secrets."""
        return replace(
            finding,
            cause=self.message(finding.cause),
            cure=self.message(finding.cure) if finding.cure else None,
            file=self.text(finding.file) if finding.file else None,
        )

    def message(self, message: LocalizedMessage) -> LocalizedMessage:
        """Return a message without secrets, which stays translatable."""
        fields = {name: self._field(value) for name, value in message.fields.items()}
        masked = LocalizedMessage(self.text(message.template), **fields)
        masked.many = message.many
        return masked

    def _field(self, value: object) -> object:
        if isinstance(value, LocalizedMessage):
            return self.message(value)
        if isinstance(value, (list, tuple)):
            return [self._field(each) for each in value]
        return value if value is None or isinstance(value, (int, float)) else self.text(str(value))

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASKED)
        for pattern in _PATTERNS:
            text = pattern.sub(lambda found: (found[1] if found.re.groups else "") + MASKED, text)
        return text


def secrets_of(settings: Settings) -> list[str]:
    """Return every secret that the settings hold, also those within addresses."""
    found = []
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found += [value.get_secret_value(), value.get_secret_value().strip()]
        elif isinstance(value, str) and ("://" in value or name.endswith("_url")):
            found += _in_address(value)
        elif isinstance(value, tuple) and name.endswith("_url"):
            found += [secret for each in value for secret in _in_address(each)]
        elif isinstance(value, dict):  # fields of the provider's own, whose names nobody knows here
            found += [each for each in value.values() if isinstance(each, str)]
    return found


def _in_address(address: str) -> list[str]:
    """Return password and query of an address, or the user without a password; all of it if it is none.

    It is none, too, if a / in the password has ended the host early.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return [address]
    if not parts.scheme or "://" not in address or ("@" in parts.path and not parts.path.startswith("/@")):
        return [address]
    return [each for each in (parts.password or parts.username, parts.query) if each]
