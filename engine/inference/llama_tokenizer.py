"""Token ids of llama.cpp, from its server: the ids that a chat is answered from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from engine.inference.chat_template import ChatTemplate
from engine.tokens import MARK, MARK_PROBES, Turn, mark_length

_SEPARATOR = -1  # no token's id; llama.cpp copies the numbers in a list of texts


@dataclass(frozen=True)
class _Vocabulary:
    """What depends on the model alone."""

    template: ChatTemplate
    added_bos: str
    """The text of the token that the vocabulary itself puts before every prompt, if it does."""
    end_token: int | None
    control_tokens: frozenset[int]
    mark_length: int
    """As `engine.tokens.mark_length` returns it."""


class LlamaTokenizer:
    """Asks a llama.cpp server for the token ids of chats."""

    def __init__(self, address: str, key: str, control_tokens: Sequence[str] = ()) -> None:
        """Prepare; `control_tokens` are the texts of the model's."""
        self._address = address
        self._key = key
        self._control_tokens = control_tokens
        self._vocabulary: _Vocabulary | None = None

    async def prompt(self, messages: Sequence[dict[str, Any]]) -> list[int]:
        """Return the ids that llama.cpp reads for the messages of a chat request.

        Raises ValueError if the chat template cannot render them.
        """
        async with self._client() as client:
            text = await _render_prompt(client, messages)
            (ids,) = await _tokenize(client, text, special=True)
        return ids

    async def turn(self, messages: Sequence[dict[str, Any]]) -> Turn:
        """Return the ids of the last message, the assistant's, and those that it answers.

        The prompt's are exactly what llama.cpp reads for a chat request, with all that the vocabulary adds to
        it. Raises ValueError if the chat template cannot render the messages.
        """
        async with self._client() as client:
            vocabulary = await self._read_vocabulary(client)
            prompt, answer = vocabulary.template.turn(messages)
            if messages[-2]["role"] == "assistant":  # no request reads like this, and llama.cpp refuses it
                prompt = prompt.removeprefix(vocabulary.added_bos)
            else:
                prompt = await _render_prompt(client, messages[:-1])
            mark = MARK if vocabulary.mark_length else ""
            prompt_ids, answer_ids = await _tokenize(client, prompt, mark + answer, special=True)
        answer_ids = answer_ids[vocabulary.mark_length :]
        return Turn.of(prompt_ids, answer_ids, vocabulary.end_token, vocabulary.control_tokens)

    async def end_tokens(self) -> frozenset[int]:
        """Return the ids of the tokens that end a text or a turn."""
        async with self._client() as client:
            vocabulary = await self._read_vocabulary(client)
        end = set() if vocabulary.end_token is None else {vocabulary.end_token}
        return vocabulary.control_tokens | end

    async def _read_vocabulary(self, client: aiohttp.ClientSession) -> _Vocabulary:
        if self._vocabulary is None:
            self._vocabulary = await _read_vocabulary(client, self._control_tokens)
        return self._vocabulary

    def _client(self) -> aiohttp.ClientSession:
        # llama.cpp closes connections that it was to keep, and a POST on one of them would fail
        connector = aiohttp.TCPConnector(force_close=True)
        headers = {"Authorization": f"Bearer {self._key}"}
        return aiohttp.ClientSession(self._address, headers=headers, connector=connector)


async def _read_vocabulary(client: aiohttp.ClientSession, control_tokens: Sequence[str]) -> _Vocabulary:
    async with client.get("/props") as response:
        properties = await response.json()
    bos, eos = properties["bos_token"], properties["eos_token"]
    texts = ("", bos, eos, *MARK_PROBES, *control_tokens)
    added, first, end, *others = await _tokenize(client, *texts, special=True)
    probes, controls = others[: len(MARK_PROBES)], others[len(MARK_PROBES) :]
    return _Vocabulary(
        template=ChatTemplate(properties["chat_template"], bos_token=bos, eos_token=eos),
        added_bos=bos if first and added[:1] == first else "",
        end_token=end[0] if len(end) == 1 else None,
        control_tokens=frozenset(token for tokens in controls for token in tokens),
        mark_length=mark_length(*probes),
    )


async def _render_prompt(client: aiohttp.ClientSession, messages: Sequence[dict[str, Any]]) -> str:
    rendered = await _post(client, "/apply-template", messages=messages)
    if "error" in rendered:
        raise ValueError(rendered["error"]["message"])
    return str(rendered["prompt"])


async def _tokenize(client: aiohttp.ClientSession, *texts: str, special: bool = False) -> list[list[int]]:
    """Return the ids of each text; `special` adds what the vocabulary puts around a prompt to the first."""
    content: list[Any] = []
    for text in texts:
        content += [text, _SEPARATOR]
    answer = await _post(client, "/tokenize", content=content, add_special=special, parse_special=True)
    lists: list[list[int]] = [[]]
    for token in answer["tokens"]:
        if token == _SEPARATOR:
            lists.append([])
        else:
            lists[-1].append(token)
    return lists[:-1]


async def _post(client: aiohttp.ClientSession, path: str, **body: Any) -> Any:
    async with client.post(path, json=body) as response:
        return await response.json()
