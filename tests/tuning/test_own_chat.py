"""Conversations with models of the engine: how their answers are drawn."""

import pytest

from bot.chat import Message
from bot.errors import OutOfReach, Unavailable
from bot.llm.client import open_api
from bot.tuning.own_chat import OWN_TEMPERATURE, answer
from tests.support.scripted_server import Script


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        ("ft:tiny:shop:0a1b2c3d", None, OWN_TEMPERATURE),
        ("ft:tiny:shop:0a1b2c3d", 1.5, 1.5),
        ("ft:tiny:herosmith-0a1b2c3d:0a1b2c3d", None, None),
        ("tiny", None, None),
        ("tiny", 0.0, 0.0),
    ],
)
async def test_a_model_of_ones_own_keeps_to_what_it_learnt(
    script: Script, model: str, given: float | None, sent: float | None
) -> None:
    async with open_api(script.url, "none") as api:
        question: Message = {"role": "user", "content": "40, woman, healing ->"}
        async for _ in answer(api, model, [question], temperature=given, seed=7):
            pass
    assert script.asked[0].get("temperature") == sent
    assert script.asked[0]["seed"] == 7


@pytest.mark.parametrize("begun", [False, True])
async def test_an_engine_that_is_too_slow_is_not_said_to_have_ended(script: Script, begun: bool) -> None:
    if begun:
        script.stream.word_delay = 5.0
    else:
        script.delay = 5.0
    question: Message = {"role": "user", "content": "40, woman, healing ->"}
    async with open_api(script.url, "none") as api:
        with pytest.raises(Unavailable, match="sent nothing for minutes") as slow:
            async for _ in answer(api.with_options(timeout=0.5), "tiny", [question]):
                pass
    assert not isinstance(slow.value, OutOfReach)
