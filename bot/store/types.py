"""Said: a column that holds a sentence, so that whoever reads it later reads it in their language."""

import json

from sqlalchemy import Dialect, Text, TypeDecorator

from bot.i18n.message import LocalizedMessage


class MessageColumn(TypeDecorator[LocalizedMessage]):
    """A sentence as JSON; an empty text is none."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: LocalizedMessage | None, _dialect: Dialect) -> str | None:
        return value if value is None else json.dumps(value.to_json(), ensure_ascii=False)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> LocalizedMessage | None:
        return LocalizedMessage.from_json(json.loads(value)) if value else None


def storable(text: str) -> str:
    """The text without what no database takes: NUL, and halves of characters that some model put out."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
