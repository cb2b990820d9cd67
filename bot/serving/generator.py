"""The generator: one text of a hero, by a tuned model or by the base model."""

import time
from dataclasses import dataclass

from bot.chat import ChatRequest
from bot.errors import Stopped, Unavailable
from bot.heroes.config import HeroesConfig
from bot.heroes.curation import Curation
from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer, ModelClient
from bot.llm.stream import Stream
from bot.store.models import Model


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """A text, the name of the model that wrote it, the request and the answer."""

    text: str
    model: str
    tuned: bool
    request: ChatRequest
    answer: ChatAnswer


class Generator:
    """Asks a tuned model with the tuning prompt, the base with the generation prompt."""

    def __init__(self, client: ModelClient, heroes: HeroesConfig, *, base: str, small: bool) -> None:
        self._client = client
        self._prompts = heroes.prompts
        self._curation: Curation = heroes.curation
        self._small = small
        self.base = base
        # a small base model needs this help, and readers of a comparison should know of it
        helped = LocalizedMessage("base, given a beginning and an ending")
        self.base_title = helped if small else LocalizedMessage("base")

    async def generate(
        self, hero: Hero, model: Model | str, account: Account, stream: Stream | None = None
    ) -> GeneratedText:
        """Have a tuned model write, or an untuned one by its name.

        Raises Unavailable if there is no text, UnknownModel if the server does not know the model, Stopped if
        the stream was stopped within the first sentence.
        """
        if isinstance(model, str):
            seed = time.time_ns() % 2**31  # the same request again may be answered differently
            ask, name = self._prompts.author_request(hero, small=self._small, seed=seed), model
        else:
            ask, name = self._prompts.tuned_request(hero), model.served_as or model.name
        answer = await self._client.complete(ask, model=name, account=account, stream=stream)
        text = answer.text if answer.finish_reason == "stop" else self._curation.trim(answer.text)
        if not text and answer.finish_reason == "stopped":
            raise Stopped("Stopped before the first sentence was written.")
        if not text and answer.thought:
            raise Unavailable(
                "The model spent its answer on thinking. An operator must choose a model that does not "
                "think, or raise max_tokens in heroes.toml."
            )
        if not text:
            raise Unavailable("The model had nothing to say this time. Ask once more.")
        if isinstance(model, str):
            return GeneratedText(text, model, tuned=False, request=ask, answer=answer)
        return GeneratedText(text, model.name, tuned=True, request=ask, answer=answer)
