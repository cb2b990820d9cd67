"""Stop strings: a text ends before the first of them."""

from collections.abc import Sequence


class StopStrings:
    """Passes a text on as it comes, but nothing that may turn out to be a stop string."""

    def __init__(self, stops: Sequence[str]) -> None:
        """Start before the text; it will end before the first of `stops`."""
        self._stops = [stop for stop in stops if stop]
        self._held_back = ""
        self.found = False
        """Whether one was found; no text follows."""

    def add(self, text: str) -> str:
        """Add a part of the text; return what is final by now."""
        text = self._held_back + text
        found = [text.index(stop) for stop in self._stops if stop in text]
        self.found = bool(found)
        if found:
            end = min(found)
        else:
            end = len(text) - max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held_back = "" if found else text[end:]
        return text[:end]

    def flush(self) -> str:
        """Return what is held back, after the end of the text."""
        return self._held_back


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest proper prefix of a stop string that `text` ends with."""
    return next(size for size in range(len(stop) - 1, -1, -1) if text.endswith(stop[:size]))
