"""The last answers of the Responses API, for clients that refer to a message by its id in place of its text.

Such clients (the AI SDK among them) expect every response to be stored unless they say `store: false`. These
are kept in memory only, and not for long.
"""

from collections import OrderedDict

_MAX_MESSAGES = 1000


class RecentMessages:
    """Texts by the ids of their messages; the oldest make room for new ones."""

    def __init__(self, size: int = _MAX_MESSAGES) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._size = size

    def add(self, message_id: str, text: str) -> None:
        self._texts[message_id] = text
        if len(self._texts) > self._size:
            self._texts.popitem(last=False)

    def get(self, message_id: str) -> str | None:
        """Return a text; None if it is no longer known."""
        return self._texts.get(message_id)
