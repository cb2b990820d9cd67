"""Draws: a text in which curation finds a fault is drawn again, as far as nobody has seen it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.chat import ChatRequest
from bot.heroes.curation import Curation, sentences, through_sentence, whole_sentences
from bot.heroes.hero import Hero
from bot.llm.client import ChatAnswer
from bot.llm.prices import Prices
from bot.llm.stream import Stream

log = logging.getLogger(__name__)

_CLOSING = ".!?\"”’'"  # noqa: RUF001 (texts close with curly quotes)
_ALIKE = "like the text before"  # in the log alone
_FREE_DRAWS = 4  # in all: a fault in one of five texts is left in one of some hundred


@dataclass(frozen=True, slots=True)
class DrawLimit:
    """How often a text is drawn at most: as set, else four times if the model costs nothing, else once."""

    prices: Prices
    setting: int | None

    def of(self, model: str) -> int:
        if self.setting is not None:
            return self.setting
        price = self.prices.of(model)
        return _FREE_DRAWS if price and price.input == price.output == 0 else 1


@dataclass(frozen=True, slots=True)
class Draw:
    """One answer to a request, the text that it makes, and the faults that curation finds in that."""

    request: ChatRequest
    answer: ChatAnswer
    text: str
    faults: list[str]


def with_totals(best: ChatAnswer, answers: Sequence[ChatAnswer]) -> ChatAnswer:
    """Return the best of some answers, with the tokens, the cost and the time of all of them."""
    costs = [answer.cost for answer in answers]
    return replace(
        best,
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        completion_tokens=sum(answer.completion_tokens for answer in answers),
        cost=None if None in costs else sum(filter(None, costs)),
        seconds=sum(answer.seconds for answer in answers),
        attempts=sum(answer.attempts for answer in answers),
    )


class Draws:
    """The draws of one text, at most so many: each until it has a fault, the last as it comes.

    Sentences are judged when they are whole, and shown only then. What somebody has seen is never taken back:
    the next draw continues it, or the text stays as it is if the model cannot continue a text.
    """

    def __init__(
        self,
        hero: Hero,
        curation: Curation,
        stream: Stream,
        *,
        most: int,
        continues: bool,
        avoided: frozenset[str] = frozenset(),
    ) -> None:
        """avoided: sentences of another text of the hero, none of which this one may repeat."""
        self._hero = hero
        self._curation = curation
        self._stream = stream
        self._most = most
        self._continues = continues
        self._avoided = avoided
        self._judged = ""
        self._whole: list[Draw] = []
        self._answers: list[ChatAnswer] = []

    @property
    def number(self) -> int:
        """How many draws there were."""
        return len(self._answers)

    @property
    def has_whole(self) -> bool:
        """Whether a draw came to its end, so that there is a text to show."""
        return bool(self._whole)

    def begin(self) -> str:
        """Prepare the stream for the next draw, and return the text that it must continue, if any."""
        stream, self._judged = self._stream, ""
        begun = through_sentence(stream.text, len(stream.seen)) if stream.seen else ""
        stream.begin_again(begun, self._check if self.number + 1 < self._most else None)
        return begun

    def add(self, request: ChatRequest, answer: ChatAnswer) -> bool:
        """Add the answer of a draw. Return whether the text is settled, so that no other draw follows."""
        self._answers.append(answer)
        if answer.finish_reason == "rejected":
            self._log_fault(self._fault_in_beginning(whole_sentences(answer.text)))
            return False
        trimmed = self._curation.trim(answer.text)
        text = answer.text if answer.finish_reason == "stop" else trimmed
        faults = self._curation.faults(self._hero, trimmed)
        if self._repeats(trimmed):
            faults.append(_ALIKE)
        draw = Draw(request, answer, text, faults)
        if answer.finish_reason == "stopped" or answer.thought:
            self._whole = [draw]
            return True
        self._whole.append(draw)
        if not draw.faults or self.number >= self._most or not self._may_change(answer.text):
            return True
        self._log_fault(draw.faults[0])
        return False

    def best(self) -> Draw:
        """Return the draw with the fewest faults of those that begin as the text that was seen.

        Its answer has the tokens, the cost and the time of all draws.
        """
        fitting = [draw for draw in self._whole if draw.answer.text.startswith(self._stream.seen)]
        best = min(fitting or self._whole[-1:], key=lambda draw: len(draw.faults))
        answer = with_totals(best.answer, self._answers)
        if answer.finish_reason != "stopped":
            self._stream.check = None
            self._stream.set_text(answer.text)
        return replace(best, answer=answer)

    def _check(self, text: str) -> str | None:
        # a sentence has surely ended only when the next one begins: "3." may become "3.5"
        beginning = whole_sentences(text.rstrip(_CLOSING))
        if beginning != self._judged:
            fault = self._fault_in_beginning(beginning)
            if fault and self._may_change(text):
                return None
            self._judged = beginning
        return beginning

    def _fault_in_beginning(self, beginning: str) -> str | None:
        fault = self._curation.fault_in_beginning(self._hero, beginning)
        return fault or (_ALIKE if self._repeats(beginning) else None)

    def _repeats(self, text: str) -> bool:
        return bool(self._avoided) and not self._avoided.isdisjoint(sentences(text))

    def _may_change(self, text: str) -> bool:
        """Return whether another draw may still change a text: nobody has seen all of it."""
        seen = len(self._stream.seen)
        return not seen or (self._continues and seen < len(text))

    def _log_fault(self, fault: str | None) -> None:
        log.info("draw %d of %d has a fault: %s", self.number, self._most, fault)
