"""The OpenVINO process: `python -m engine.inference.openvino THREADS COMPLETIONS`.

Reads what it is to do from stdin and reports on stdout, one JSON object a line (`protocol.py`), and exits
when stdin ends. THREADS: how many it computes with. COMPLETIONS: how many of a model it generates at once.
"""

import logging
import os
import queue
import sys
import threading
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, TypeAdapter

from engine.inference.openvino.protocol import Cancel, Generate, Load, Loaded, Tokens, Unload

if TYPE_CHECKING:
    from engine.inference.openvino.pipeline import Pipeline

log = logging.getLogger("engine.inference.openvino")

_Order = Annotated[Load | Unload | Generate | Cancel, Field(discriminator="do")]
_ORDERS: TypeAdapter[_Order] = TypeAdapter(_Order)


class _Worker:
    """The models of the process, and their completions."""

    def __init__(self, threads: int, completions: int) -> None:
        # libraries may print: their output goes to stderr, so that the pipe holds our messages only
        self._pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._threads = threads
        self._completions = completions
        self._pipelines: dict[int, Pipeline] = {}
        self._models: dict[int, int] = {}  # of completions
        self._not_wanted: set[int] = set()  # models that were to be freed while they were loaded
        self._orders: queue.SimpleQueue[_Order | tuple[int, Pipeline | str] | None] = queue.SimpleQueue()

    def run(self) -> None:
        """Work until stdin ends."""
        threading.Thread(target=self._read_orders, name="orders", daemon=True).start()
        while True:
            busy = any(pipeline.is_busy for pipeline in self._pipelines.values())
            # while there is something to generate, only what has arrived already is done before the next step
            while not busy or not self._orders.empty():
                order = self._orders.get()
                if order is None:
                    return
                self._do(order)
                busy = any(pipeline.is_busy for pipeline in self._pipelines.values())
            for model, pipeline in list(self._pipelines.items()):
                if pipeline.is_busy:
                    self._step(model, pipeline)

    def _read_orders(self) -> None:
        for line in sys.stdin.buffer:
            self._orders.put(_ORDERS.validate_json(line))
        self._orders.put(None)

    def _do(self, order: "_Order | tuple[int, Pipeline | str]") -> None:
        if isinstance(order, tuple):
            self._finish_loading(*order)
        elif isinstance(order, Load):
            # not on this thread: completions of other models go on meanwhile
            threading.Thread(target=self._load, args=[order], name="load", daemon=True).start()
        elif isinstance(order, Unload):
            if pipeline := self._pipelines.pop(order.model, None):
                self._fail(pipeline.cancel_all())
            else:
                self._not_wanted.add(order.model)
        elif isinstance(order, Generate):
            self._generate(order)
        elif pipeline := self._pipelines.get(self._models.pop(order.number, 0)):
            pipeline.cancel(order.number)

    def _load(self, order: Load) -> None:
        try:
            from engine.inference.openvino import pipeline, weights_copy  # noqa: PLC0415  a second, the first time
        except Exception as error:  # of any kind: a wheel of another machine
            log.exception("OpenVINO could not be imported")
            failure = f"OpenVINO cannot be loaded on this machine: {_last_line(error)}"
            self._orders.put((order.model, failure))
            return
        try:
            gguf = weights_copy.readable(order.gguf, order.copy_to)
            self._orders.put((order.model, pipeline.Pipeline(gguf, self._threads, self._completions)))
        except Exception as error:  # of any kind: OpenVINO has none of its own
            log.exception("%s could not be loaded", order.gguf)
            self._orders.put((order.model, _last_line(error)))

    def _finish_loading(self, model: int, loaded: "Pipeline | str") -> None:
        if model in self._not_wanted:
            self._not_wanted.remove(model)
        elif isinstance(loaded, str):
            self._send(Loaded(model=model, failure=loaded))
        else:
            self._pipelines[model] = loaded
            self._send(Loaded(model=model))

    def _generate(self, order: Generate) -> None:
        try:
            self._pipelines[order.model].add(order)
        except Exception:  # as above; a model that is not there any more is one
            log.exception("a completion could not begin")
            self._fail([order.number])
        else:
            self._models[order.number] = order.model

    def _step(self, model: int, pipeline: "Pipeline") -> None:
        try:
            made = list(pipeline.step())
        except Exception:  # as above
            log.exception("model %d could not go on", model)
            self._fail(pipeline.cancel_all())
            return
        for tokens in made:
            if tokens.end:
                self._models.pop(tokens.number, None)
            self._pipe.write(tokens.model_dump_json() + "\n")
        self._pipe.flush()

    def _fail(self, numbers: list[int]) -> None:
        for number in numbers:
            self._models.pop(number, None)
            self._send(Tokens(number=number, end="failed"))

    def _send(self, message: BaseModel) -> None:
        self._pipe.write(message.model_dump_json() + "\n")
        self._pipe.flush()


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


def main() -> None:
    """Run the process."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # a part of openvino that reports every import over the network, from a process of its own; without it
    # openvino works as well
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    threads, completions = map(int, sys.argv[1:])
    _Worker(threads, completions).run()


if __name__ == "__main__":
    main()
