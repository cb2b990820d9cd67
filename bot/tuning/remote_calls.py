"""Calls to the fine-tuning API of a model server: their time limits, retries and refusals."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import openai

from bot.errors import EngineDiskFull, Forbidden, OutOfReach, ServerError, UserError
from bot.i18n.message import mark
from bot.llm.retry import RetryPolicy, error_text, with_retries
from bot.tuning.providers import Provider

T = TypeVar("T")

_DISK_FULL = "disk_full"  # the code of the embedded engine's errors of status 507
_CLOCK_TOLERANCE = 300.0  # seconds by which the server's clock may differ from this one's


@dataclass(frozen=True, slots=True)
class FineTuningApiTiming:
    """Time limits of the calls, in seconds."""

    timeout: float = 30.0
    start_timeout: float = 120.0  # of the call that starts a training
    upload_timeout: float = 600.0
    upload_pauses: tuple[float, ...] = (
        2.0,
        10.0,
        30.0,
        60.0,
        120.0,
    )  # before looking for the file
    max_pause: float = 60.0  # between retries


class RemoteCalls:
    """Makes calls to one provider, again after a temporary failure."""

    def __init__(self, provider: Provider, *, max_pause: float) -> None:
        """max_pause: seconds between retries."""
        self.provider = provider
        self._max_pause = max_pause

    async def with_retries(self, call: Callable[[], Awaitable[T]], policy: RetryPolicy) -> T:
        return await with_retries(call, replace(policy, max_pause=self._max_pause))

    async def permitted(self, call: Callable[[], Awaitable[T]], policy: RetryPolicy) -> T:
        """Make a call that needs the permission to train, and put refusals into words for people."""
        try:
            return await self.with_retries(call, policy)
        except Forbidden as error:
            raise Forbidden(self.provider.refusal) from error
        except OutOfReach as error:
            if isinstance(error.__cause__, openai.APIError) and error.__cause__.code == _DISK_FULL:
                raise EngineDiskFull(
                    "The engine's disk is full. Free some space where its data lies, then try again."
                ) from error
            raise
        except ServerError as error:
            cause = error.__cause__
            reason = error_text(cause) if isinstance(cause, openai.APIError) else str(cause)
            refused = self.provider.wording(
                engine=mark("The engine refused: {reason}"), server=mark("The model server refused: {reason}")
            )
            raise UserError(refused, reason=reason) from error


def may_be_made_since(made: float | None, since: float) -> bool:
    """Return whether something may have been made since a time, by the server's clock."""
    return made is None or made >= since - _CLOCK_TOLERANCE
