"""The generator: one text of a hero, by a tuned model or by the base model."""

import logging
import time
from dataclasses import dataclass, replace

from bot.chat import ChatRequest
from bot.errors import HerosmithError, Stopped, Unavailable
from bot.heroes.config import HeroesConfig
from bot.heroes.curation import Curation
from bot.heroes.hero import Hero
from bot.heroes.takes import Take
from bot.i18n.message import LocalizedMessage
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer, ModelClient
from bot.llm.stream import Stream
from bot.serving.draws import DrawLimit, Draws
from bot.store.models import Model

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """A text, the name of the model that wrote it, the request and the answer.

    draws: how many texts were drawn; the answer has the tokens, the cost and the time of all of them.
    """

    text: str
    model: str
    tuned: bool
    request: ChatRequest
    answer: ChatAnswer
    draws: int


class Generator:
    """Asks a tuned model with the tuning prompt, the base with the generation prompt.

    small: whether the models are the engine's, which are small, and continue a text that was begun.
    """

    def __init__(
        self, client: ModelClient, heroes: HeroesConfig, *, base: str, small: bool, limit: DrawLimit
    ) -> None:
        self._client = client
        self._prompts = heroes.prompts
        self._curation: Curation = heroes.curation
        self._small = small
        self._limit = limit
        self.base = base
        # a small base model needs this help, and readers of a comparison should know of it
        helped = LocalizedMessage("base, given a beginning and an ending")
        self.base_title = helped if small else LocalizedMessage("base")

    async def generate(
        self,
        hero: Hero,
        model: Model | str,
        account: Account,
        stream: Stream | None = None,
        take: Take | None = None,
    ) -> GeneratedText:
        """Have a tuned model write, or an untuned one by its name; again if curation finds a fault.

        take: how it is to be another text of the hero than one before, if it is.
        Raises Unavailable if there is no text, UnknownModel if the server does not know the model, Stopped if
        the stream was stopped within the first sentence.
        """
        name = model if isinstance(model, str) else model.served_as or model.name
        draws = Draws(
            hero,
            self._curation,
            stream or Stream(),
            most=self._limit.of(name),
            continues=self._small and not isinstance(model, str),
            avoided=take.avoided if take else frozenset(),
        )
        settled = False
        while not settled:
            request = self._request(hero, model, draws.begin(), take)
            try:
                answer = await self._client.complete(request, model=name, account=account, stream=stream)
            except HerosmithError as error:
                if isinstance(error, Stopped) or not draws.has_whole:
                    raise
                log.warning("a draw failed, the one before stays: %s", error)
                break
            settled = draws.add(request, answer)
        best = draws.best()
        if not best.text:
            raise no_text(best.answer)
        tuned = not isinstance(model, str)
        written_by = model if isinstance(model, str) else model.name
        return GeneratedText(
            best.text, written_by, tuned=tuned, request=best.request, answer=best.answer, draws=draws.number
        )

    def _request(self, hero: Hero, model: Model | str, seen: str, take: Take | None) -> ChatRequest:
        """Return the request for a text; one that begins with what was seen, if that is not empty."""
        seed = new_seed()
        if isinstance(model, str):
            return self._prompts.author_request(hero, small=self._small, seed=seed, take=take)
        if take and not seen:
            return self._prompts.take_request(hero, take, small=self._small, seed=seed)
        request = self._prompts.tuned_request(hero)
        if self._small:  # a hosted server may refuse a seed
            request = replace(request, seed=seed)
        return request.continuing(seen)


def no_text(answer: ChatAnswer) -> HerosmithError:
    """Return the error that says why an answer makes no text."""
    if answer.finish_reason == "stopped":
        return Stopped("Stopped before the first sentence was written.")
    if answer.thought:
        return Unavailable(
            "The model spent its answer on thinking. An operator must choose a model that does not "
            "think, or raise max_tokens in heroes.toml."
        )
    return Unavailable("The model had nothing to say this time. Ask once more.")


def new_seed() -> int:
    """Return a seed that no request had lately: the same request again may be answered differently."""
    return time.time_ns() % 2**31
