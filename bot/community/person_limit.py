"""How often one person may ask for something that costs the machine a lot."""

import time
from collections import deque


class PersonLimit:
    """Counts what people ask for. Nothing is kept about them longer than it is needed."""

    def __init__(self, most: int, within: float) -> None:
        """most: of one person in so many seconds."""
        self._most = most
        self._within = within
        self._asked: dict[str, deque[float]] = {}  # by person, in monotonic seconds

    def count(self, person: str) -> float:
        """Count a request of a person (a pseudonym). Return 0, or the seconds until they may ask again."""
        now = time.monotonic()
        self._asked = {who: at for who, at in self._asked.items() if now - at[-1] < self._within}
        asked = self._asked.setdefault(person, deque(maxlen=self._most))
        if len(asked) == self._most and now - asked[0] < self._within:
            return asked[0] + self._within - now
        asked.append(now)
        return 0.0
