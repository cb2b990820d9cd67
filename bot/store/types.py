"""Column types, and text that every database can store."""

import json

from sqlalchemy import Dialect, Integer, Text, TypeDecorator

from bot.i18n.message import LocalizedMessage


class MessageColumn(TypeDecorator[LocalizedMessage]):
    """A LocalizedMessage as JSON, to be translated when it is read; an empty column is read as None."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: LocalizedMessage | None, _dialect: Dialect) -> str | None:
        return value if value is None else json.dumps(value.to_json(), ensure_ascii=False)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> LocalizedMessage | None:
        return LocalizedMessage.from_json(json.loads(value)) if value else None


class Number(Integer):
    """A number of 32 bits, which can be compared with larger ones (postgres.py): people type them."""


class FreeText(TypeDecorator[str]):
    """Text of people and models, stored without what databases refuse."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """Return the text without what databases refuse: NUL and the lone surrogates of some models."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
