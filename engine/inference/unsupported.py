"""Fields of OpenAI's requests that the engine has no use for: a value that asks for nothing is accepted."""

from typing import Any

from pydantic import BeforeValidator


def unsupported(reason: str) -> BeforeValidator:
    """Return a validator that takes null, false, zero and empty values, and else raises with the reason."""

    def refuse(value: Any) -> Any:
        if value:
            raise ValueError(reason)
        return value

    return BeforeValidator(refuse)
