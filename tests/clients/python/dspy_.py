"""dspy: a language model by itself, and a signature with typed fields."""

import dspy
from dspy.lm15 import AccessPolicy, ModelSupport, OpenAIChatCompat, ProviderDefinition, register_provider
from harness import FOLLOW_UP, KEY, MODEL, QUESTION, TOKENS, URL, check_person, check_text, run
from pydantic import BaseModel, Field

lm = dspy.LM(f"openai/{MODEL}", api_base=URL, api_key=KEY, max_tokens=TOKENS, cache=False, num_retries=0)


class Person(BaseModel):
    """Somebody with a name and an age."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


class Extract(dspy.Signature):
    """Extract the person."""

    text: str = dspy.InputField()
    person: Person = dspy.OutputField()


def chat() -> None:
    check_text(lm(QUESTION)[0])


def multi_turn() -> None:
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": lm(QUESTION)[0]},
        {"role": "user", "content": FOLLOW_UP},
    ]
    check_text(lm(messages=messages)[0])


def structured() -> None:
    # dspy sends a schema only to a provider declared to take one
    access = AccessPolicy(provider="herosmith", base_url=URL)
    register_provider(
        ProviderDefinition.chat(access, compat=OpenAIChatCompat()),
        supports=ModelSupport(response_schema=True),
    )
    whole = dspy.LM(f"herosmith/{MODEL}", api_key=KEY, max_tokens=100, cache=False, num_retries=0)
    with dspy.context(lm=whole, adapter=dspy.JSONAdapter()):
        person = dspy.Predict(Extract)(text="John Doe is 30 years old.").person
    check_person(person.name, person.age)


run(chat, multi_turn, structured)
