"""aisuite, through its OpenAI provider."""

import aisuite
from harness import FOLLOW_UP, KEY, MODEL, QUESTION, TOKENS, URL, check_text, run

client = aisuite.Client({"openai": {"api_key": KEY, "base_url": URL}})


def chat() -> None:
    answer = client.chat.completions.create(
        model=f"openai:{MODEL}", messages=[{"role": "user", "content": QUESTION}], max_tokens=TOKENS
    )
    check_text(answer.choices[0].message.content)


def multi_turn() -> None:
    messages = [{"role": "user", "content": QUESTION}]
    answer = client.chat.completions.create(model=f"openai:{MODEL}", messages=messages, max_tokens=TOKENS)
    messages += [answer.choices[0].message, {"role": "user", "content": FOLLOW_UP}]
    answer = client.chat.completions.create(model=f"openai:{MODEL}", messages=messages, max_tokens=TOKENS)
    check_text(answer.choices[0].message.content)


run(chat, multi_turn)
