"""instructor, in the mode for servers with JSON schemas."""

import instructor
from harness import KEY, MODEL, URL, check_person, run
from openai import OpenAI
from pydantic import BaseModel, Field


class Person(BaseModel):
    """Somebody with a name and an age."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def _ask(mode: instructor.Mode) -> None:
    client = instructor.from_openai(OpenAI(base_url=URL, api_key=KEY), mode=mode)
    person = client.chat.completions.create(
        model=MODEL,
        response_model=Person,
        messages=[{"role": "user", "content": "Extract: John Doe is 30 years old."}],
        max_retries=1,
    )
    check_person(person.name, person.age)


def structured() -> None:
    _ask(instructor.Mode.JSON_SCHEMA)


def tools() -> None:
    _ask(instructor.Mode.TOOLS)


run(structured, tools)
