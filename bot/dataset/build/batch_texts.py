"""The texts that the answers of a batch make: what was put around an answer is no part of it."""

from collections.abc import Mapping

from bot.dataset.build.plan import Planner, Slot
from bot.store import examples
from bot.store.database import Transaction
from bot.store.examples import Request
from bot.store.job_schema import BuildSpec


class BatchTexts:
    """Renders answers, which come back with nothing but the key of their request."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    async def render(self, tx: Transaction, spec: BuildSpec, answers: Mapping[str, str]) -> dict[str, str]:
        """Return the texts by key. An answer is left out if its opening is no longer known."""
        requests = await examples.get_requests(tx, list(answers))
        texts = {key: self._render(spec, key, requests.get(key), answer) for key, answer in answers.items()}
        return {key: text for key, text in texts.items() if text is not None}

    def _render(self, spec: BuildSpec, key: str, request: Request | None, answer: str) -> str | None:
        if request is not None:
            slot = Slot(request.hero, request.repeat)
            again, chat = self._planner.question(spec, slot, request.attempt)
            if again.key == key:
                return chat.render(answer)
        # heroes.toml was changed since: only a small model is given an opening
        return None if spec.small else answer.strip()
