"""llama-index: OpenAILike, its class for OpenAI-compatible servers."""

from harness import FOLLOW_UP, KEY, MODEL, QUESTION, TOKENS, URL, check_person, check_text, run
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, Field


class Person(BaseModel):
    """Somebody with a name and an age."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def _llm(tokens: int = TOKENS, **options: object) -> OpenAILike:
    return OpenAILike(
        model=MODEL,
        api_base=URL,
        api_key=KEY,
        is_chat_model=True,
        max_tokens=tokens,
        max_retries=0,
        **options,
    )


def chat() -> None:
    check_text(_llm().chat([ChatMessage(role="user", content=QUESTION)]).message.content)


def stream() -> None:
    check_text(
        "".join(part.delta or "" for part in _llm().stream_chat([ChatMessage(role="user", content=QUESTION)]))
    )


def multi_turn() -> None:
    messages = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=QUESTION)]
    messages += [_llm().chat(messages).message, ChatMessage(role="user", content=FOLLOW_UP)]
    check_text(_llm().chat(messages).message.content)


def structured() -> None:
    llm = _llm(60, should_use_structured_outputs=True).as_structured_llm(Person)
    person = llm.chat([ChatMessage(role="user", content="Who are you?")]).raw
    check_person(person.name, person.age)


def completions() -> None:
    llm = OpenAILike(model=MODEL, api_base=URL, api_key=KEY, is_chat_model=False, max_tokens=TOKENS)
    check_text(llm.complete("40, woman, flight ->").text)


run(chat, stream, multi_turn, structured, completions)
