"""dspy: a language model by itself, and a signature with typed fields."""

import dspy
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
    messages = [{"role": "user", "content": QUESTION}]
    messages += [
        {"role": "assistant", "content": lm(messages=messages)[0]},
        {"role": "user", "content": FOLLOW_UP},
    ]
    check_text(lm(messages=messages)[0])


def structured() -> None:
    # the likeliest tokens: if an answer does not parse, dspy asks again without a schema
    whole = dspy.LM(
        f"openai/{MODEL}",
        api_base=URL,
        api_key=KEY,
        max_tokens=100,
        temperature=0,
        cache=False,
        num_retries=0,
    )
    with dspy.context(lm=whole, adapter=dspy.JSONAdapter()):
        person = dspy.Predict(Extract)(text="John Doe is 30 years old.").person
    check_person(person.name, person.age)


run(chat, multi_turn, structured)
