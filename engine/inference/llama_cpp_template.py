"""What a GGUF file's chat template can do, and the control tokens that no message may hold."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx2

_LIKE_A_TOKEN = re.compile(r"<[^<>\s]{1,40}>|\[/?[A-Z_]{2,40}\]")
_SECONDS = 30.0


@dataclass(frozen=True)
class Template:
    """The chat template of one model."""

    knows_tools: bool
    control_tokens: Sequence[str]
    """The tokens that mark turns: a tokenizer would read them in a message as well."""

    @classmethod
    def read(cls, address: str, key: str) -> Self:
        """Ask llama.cpp's own port, which requires `key`."""
        headers = {"Authorization": f"Bearer {key}"}
        with httpx2.Client(base_url=address, headers=headers, timeout=_SECONDS, trust_env=False) as client:
            properties = client.get("/props").raise_for_status().json()
            candidates = {properties["bos_token"], properties["eos_token"]}
            candidates |= set(_LIKE_A_TOKEN.findall(properties["chat_template"]))
            tokens = [text for text in sorted(candidates) if text and _is_control_token(client, text)]
        return cls(properties["chat_template_caps"]["supports_tools"], tokens)

    def error_of(self, messages: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """Return llama.cpp's error object for the first control token in a message."""
        for index, message in enumerate(messages):
            for text in _texts(message):
                if found := next((token for token in self.control_tokens if token in text), None):
                    return {
                        "code": 400,
                        "message": f"Invalid value for 'messages[{index}]': '{found}' is a control token,"
                        " which a message cannot hold.",
                        "type": "invalid_request_error",
                        "param": f"messages[{index}].content",
                    }
        return None


def _is_control_token(client: httpx2.Client, text: str) -> bool:
    """Return whether a text is one token if control tokens are read, and several if not."""
    lengths = []
    for special in (True, False):
        body = {"content": text, "parse_special": special, "add_special": False}
        lengths.append(len(client.post("/tokenize", json=body).raise_for_status().json()["tokens"]))
    return lengths[0] == 1 < lengths[1]


def _texts(message: dict[str, Any]) -> Iterator[str]:
    yield message["content"]
    for call in message.get("tool_calls", []):
        yield call["function"]["arguments"]
