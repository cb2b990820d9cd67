"""Redraws: a short text, which nobody sees before it is whole, is drawn again while it has a fault."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.chat import ChatRequest
from bot.errors import HerosmithError, Stopped
from bot.llm.client import ChatAnswer, ModelClient
from bot.llm.stream import Stream
from bot.serving.describer import ACCOUNT
from bot.serving.draws import DrawLimit, with_totals
from bot.serving.generator import GeneratedText, no_text
from bot.store.models import Model

log = logging.getLogger(__name__)

Shape = Callable[[ChatRequest, ChatAnswer], str]
"""Makes the text of an answer, as it may be shown; empty if the answer makes none."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The draw with the fewest faults. answer has the tokens, the cost and the time of all draws."""

    text: str
    request: ChatRequest
    answer: ChatAnswer
    draws: int

    def written(self, model: Model | str, *, stopped: bool = False) -> GeneratedText:
        """Return the text as one of a model; stopped: a person stopped it before all was told."""
        return GeneratedText(
            self.text,
            model if isinstance(model, str) else model.name,
            tuned=not isinstance(model, str),
            request=self.request,
            answer=replace(self.answer, finish_reason="stopped") if stopped else self.answer,
            draws=self.draws,
        )


class Redraws:
    """Draws texts, each at most as often as a description of the model."""

    def __init__(self, client: ModelClient, limit: DrawLimit) -> None:
        self._client = client
        self._limit = limit

    async def best(
        self,
        ask: Callable[[], ChatRequest],
        shape: Shape,
        faults: Callable[[ChatRequest, str], list[str]],
        *,
        model: Model | str,
        stream: Stream,
        shown: bool = False,
    ) -> Drawn:
        """Draw until a text has no fault, and return the best one.

        stream: of the person who waits, and may stop it; shown: the answer is shown in it while it is
        written, if it is drawn only once.
        Raises Unavailable if there is no text, UnknownModel if the server does not know the model, Stopped.
        """
        name = model if isinstance(model, str) else model.served_as or model.name
        most = self._limit.of(name)
        answers: list[ChatAnswer] = []
        best: tuple[int, str, ChatRequest, ChatAnswer] | None = None
        while len(answers) < most and (best is None or best[0]):
            request = ask()
            try:
                answer = await self._complete(request, name, stream, shown=shown and most == 1)
            except HerosmithError as error:
                if isinstance(error, Stopped) or best is None:
                    raise
                log.warning("a draw failed, the one before stays: %s", error)
                break
            answers.append(answer)
            text = shape(request, answer)
            found = faults(request, text) if text else []
            if found:
                log.info("draw %d of %d has a fault: %s", len(answers), most, found[0])
            if text and (best is None or len(found) < best[0]):
                best = len(found), text, request, answer
            if answer.thought or answer.finish_reason == "stopped":
                break
        if best is None:
            raise no_text(answers[-1])
        _, text, request, answer = best
        return Drawn(text, request, with_totals(answer, answers), len(answers))

    async def _complete(self, request: ChatRequest, model: str, stream: Stream, *, shown: bool) -> ChatAnswer:
        if shown:
            return await self._client.complete(request, model=model, account=ACCOUNT, stream=stream)
        return await stream.run_until_stopped(self._client.complete(request, model=model, account=ACCOUNT))
