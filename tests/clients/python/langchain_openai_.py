"""langchain-openai: ChatOpenAI."""

from harness import FOLLOW_UP, KEY, MODEL, QUESTION, TOKENS, URL, check_person, check_text, run
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAI
from pydantic import BaseModel, Field

llm = ChatOpenAI(model=MODEL, base_url=URL, api_key=KEY, max_tokens=TOKENS, max_retries=0)


class Person(BaseModel):
    """Somebody with a name and an age."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def chat() -> None:
    check_text(llm.invoke([("system", "Be brief."), ("human", QUESTION)]).content)


def stream() -> None:
    check_text("".join(str(chunk.content) for chunk in llm.stream(QUESTION)))


def multi_turn() -> None:
    messages = [SystemMessage("Be brief."), HumanMessage(QUESTION)]
    messages += [llm.invoke(messages), HumanMessage(FOLLOW_UP)]
    check_text(llm.invoke(messages).content)


def structured() -> None:
    whole = ChatOpenAI(model=MODEL, base_url=URL, api_key=KEY, max_tokens=60, max_retries=0)
    person = whole.with_structured_output(Person).invoke("Who are you?")
    check_person(person.name, person.age)


def tools() -> None:
    bound = ChatOpenAI(model=MODEL, base_url=URL, api_key=KEY, max_tokens=60, max_retries=0)
    [call] = bound.bind_tools([Person], tool_choice="any").invoke("Save yourself.").tool_calls
    check_person(call["args"]["name"], call["args"]["age"])


def completions() -> None:
    check_text(OpenAI(model=MODEL, base_url=URL, api_key=KEY, max_tokens=TOKENS).invoke("40, woman ->"))


run(chat, stream, multi_turn, structured, tools, completions)
