"""Examples: the keys of stored answers."""

import pytest

from bot.heroes.hero import Hero
from bot.store.examples import Request


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (
            Request(Hero(40, "woman", "healing"), 0, 0, 1, "gpt-4o-mini", {}),
            "8e76e18760948acc0acfe911354ed6eb10c268fd95e3e910fbdf231b1380115f",
        ),
        (
            Request(
                Hero(18, "man", "read in the thoughts"),
                repeat=2,
                attempt=1,
                template_version=1,
                model="Qwen/Qwen3-0.6B",
                params={
                    "temperature": 0.7,
                    "top_p": 0.9,
                    "max_tokens": 40,
                    "repeat_penalty": 1.1,
                    "asked": "ab12",
                },
            ),
            "fff75e94a417ba8fc0f0ef9e08e7525bcc8714e35c68f187b76d219693723707",
        ),
        (
            Request(Hero(33, "woman", "größe ändern"), 10, 3, 7, "m", {"repeat_penalty": None}),
            "44abf1bc2816fd259c139d441384fa0c46cb83e40738ba9463cd3667662c286d",
        ),
    ],
)
def test_a_request_keeps_its_key(request_: Request, key: str) -> None:
    """With another key, stored answers would not be found and would be paid for again."""
    assert request_.key == key
