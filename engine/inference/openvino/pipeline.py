"""One model in OpenVINO GenAI's continuous batching: a step makes a token of each completion. Imports it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openvino_genai
from openvino import Tensor

from engine.inference.openvino.protocol import Generate, Tokens

_STEP_TOKENS = 256  # prompt tokens that a step reads at most, so that other completions need not wait long
_BLOCKS = 256  # of 32 tokens, for the completions that run and the beginnings that they share


def open_model(
    gguf: Path, threads: int, completions: int, *, prefix_caching: bool = True
) -> "openvino_genai.ContinuousBatchingPipeline":
    """Load a file as it serves (takes seconds). Passes on OpenVINO's exceptions.

    prefix_caching: whether what a prompt shares with an earlier one is not computed again.
    """
    scheduling = openvino_genai.SchedulerConfig()
    scheduling.num_kv_blocks = _BLOCKS
    scheduling.max_num_seqs = completions
    scheduling.max_num_batched_tokens = _STEP_TOKENS
    scheduling.enable_prefix_caching = prefix_caching
    # what is not a product of matrices in float32: with AMX, OpenVINO would take bfloat16, and a third longer
    properties = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        # what it prepares for each number of tokens: by default it keeps 5000, which took 100 MB more
        "CPU_RUNTIME_CACHE_CAPACITY": 16,
    }
    return openvino_genai.ContinuousBatchingPipeline(str(gguf), scheduling, "CPU", properties)


class Pipeline:
    """A model in memory. Its methods block while they compute, and belong to one thread."""

    def __init__(self, gguf: Path, threads: int, completions: int) -> None:
        """Load a file (takes seconds); at most so many completions are generated at once.

        Passes on OpenVINO's exceptions.
        """
        self._pipeline = open_model(gguf, threads, completions)
        self._running: dict[int, openvino_genai.GenerationHandle] = {}
        self._holds_cancelled = False  # what they held is freed by the next step

    @property
    def is_busy(self) -> bool:
        """Whether a step would generate or free something."""
        return bool(self._running) or self._holds_cancelled

    def add(self, request: Generate) -> None:
        """Begin a completion."""
        ids = Tensor(np.array([request.ids], dtype=np.int64))
        self._running[request.number] = self._pipeline.add_request(request.number, ids, _config(request))

    def cancel(self, number: int) -> None:
        """End a completion, if it still runs."""
        if handle := self._running.pop(number, None):
            handle.cancel()
            self._holds_cancelled = True

    def cancel_all(self) -> None:
        """End all completions."""
        for number in list(self._running):
            self.cancel(number)

    def step(self) -> Iterator[Tokens]:
        """Generate a token of each completion, and yield what is new."""
        self._holds_cancelled = False
        self._pipeline.step()
        for number, handle in list(self._running.items()):
            ids: list[int] = []
            while handle.can_read():
                for output in handle.read().values():
                    ids += output.generated_ids
            reason = _end(handle)
            if reason is not None:
                del self._running[number]
            if ids or reason:
                yield Tokens(number=number, ids=ids, end=reason)


def _end(handle: "openvino_genai.GenerationHandle") -> str | None:
    """Return why a completion has ended, None if it has not."""
    status = handle.get_status()
    if status == openvino_genai.GenerationStatus.RUNNING:
        return None
    return "done" if status == openvino_genai.GenerationStatus.FINISHED else "failed"


def _config(request: Generate) -> "openvino_genai.GenerationConfig":
    settings = request.settings
    config = openvino_genai.GenerationConfig()
    config.apply_chat_template = False
    config.max_new_tokens = settings.max_tokens
    config.stop_token_ids = set(settings.eos_token_ids)
    config.eos_token_id = settings.eos_token_ids[0]
    config.do_sample = settings.temperature > 0
    if config.do_sample:
        config.temperature = settings.temperature
        config.top_k = settings.top_k
        config.top_p = settings.top_p
        # OpenVINO applies the temperature first, llama.cpp last: so the same tokens are left out
        config.min_p = settings.min_p ** (1 / settings.temperature)
        config.rng_seed = settings.seed
    return config
