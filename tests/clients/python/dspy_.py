"""dspy: a language model by itself."""

import dspy
from harness import FOLLOW_UP, KEY, MODEL, QUESTION, TOKENS, URL, check_text, run

lm = dspy.LM(f"openai/{MODEL}", api_base=URL, api_key=KEY, max_tokens=TOKENS, cache=False, num_retries=0)


def chat() -> None:
    check_text(lm(QUESTION)[0])


def multi_turn() -> None:
    messages = [{"role": "user", "content": QUESTION}]
    messages += [
        {"role": "assistant", "content": lm(messages=messages)[0]},
        {"role": "user", "content": FOLLOW_UP},
    ]
    check_text(lm(messages=messages)[0])


run(chat, multi_turn)
