"""Log-probabilities of a given text from llama.cpp, which tells only those of what it generates.

So the text is generated: a grammar allows its tokens alone, one after the other. The log-probabilities are
those before the grammar and the sampling, over the whole vocabulary.
"""

from collections.abc import Collection, Sequence
from typing import Any

from engine.tokens import Turn

_FORCED = 1000.0  # a bias that no logit outweighs


class ScoringFailed(Exception):
    """A model did not tell the log-probabilities of a text."""


def log_probs(server: Any, turn: Turn, end_tokens: Collection[int]) -> list[float]:
    """Return the log-probabilities of the learned tokens of an answer, from xllamacpp's server; blocks.

    `end_tokens` end a text. Raises ScoringFailed.
    """
    learned = turn.answer[: turn.learned]
    ends = turn.learned > 0 and learned[-1] in end_tokens
    text = learned[:-1] if ends else learned
    grammar = "root ::= " + " ".join(f"<[{token}]>" for token in text)
    found = _generate(server, turn.prompt, text, grammar=grammar)
    if ends:  # no grammar can ask for it: once a text is complete, it allows each token that ends one
        found += _generate(server, turn.prompt + text, learned[-1:], logit_bias=[[learned[-1], _FORCED]])
    return found


def _generate(server: Any, prompt: Sequence[int], wanted: Sequence[int], **forced: Any) -> list[float]:
    request = {"prompt": prompt, "max_tokens": len(wanted), "temperature": 0, "logprobs": 1, **forced}
    try:
        (choice,) = server.handle_completions(request)["choices"]
        found = choice["logprobs"]["content"]
        tokens = [token["id"] for token in found]
    except (KeyError, TypeError, ValueError) as error:
        raise ScoringFailed(f"llama.cpp gave no log-probabilities: {error!r}") from error
    if tokens != wanted:
        raise ScoringFailed(f"llama.cpp was to generate the tokens {wanted}, and generated {tokens}")
    return [float(token["logprob"]) for token in found]
