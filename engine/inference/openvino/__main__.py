"""The OpenVINO process: `python -m engine.inference.openvino THREADS COMPLETIONS`.

Reads what it is to do from stdin and reports on stdout, one JSON object a line (`protocol.py`), and exits
when stdin ends. THREADS: how many it computes with. COMPLETIONS: how many of a model it generates at once.
"""

import logging
import os
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import BaseModel, Field, TypeAdapter

from engine.inference.openvino.protocol import Alive, Cancel, Generate, Load, Loaded, Tokens, Unload

if TYPE_CHECKING:
    from engine.inference.openvino.pipeline import Pipeline

log = logging.getLogger("engine.inference.openvino")

_Order = Annotated[Load | Unload | Generate | Cancel, Field(discriminator="do")]
_ORDERS: TypeAdapter[_Order] = TypeAdapter(_Order)
_Done: TypeAlias = "tuple[int, Pipeline] | Loaded"
"""What a thread that has loaded a model puts among the orders."""
_LAST_STEP_SECONDS = 10.0  # when stdin has ended; a step that hangs must not keep the process


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
        self._orders: queue.SimpleQueue[_Order | _Done | None] = queue.SimpleQueue()

    def run(self) -> None:
        """Work until stdin ends."""
        threading.Thread(target=self._read_orders, name="orders", daemon=True).start()
        # each part is a method: a variable here would keep a model in memory that was unloaded
        while self._follow_orders():
            self._step_all()

    def _read_orders(self) -> None:
        try:
            for line in sys.stdin.buffer:
                self._orders.put(_ORDERS.validate_json(line))
        except ValueError:
            log.exception("an order could not be read")
        finally:
            self._orders.put(None)
        time.sleep(_LAST_STEP_SECONDS)
        os._exit(1)

    def _follow_orders(self) -> bool:
        """Follow the orders that have come, and wait for one while there is nothing to generate.

        Return False once there will be none.
        """
        is_open = True
        while is_open and not (self._is_busy() and self._orders.empty()):
            is_open = self._follow_next()
        return is_open

    def _is_busy(self) -> bool:
        return any(pipeline.is_busy for pipeline in self._pipelines.values())

    def _follow_next(self) -> bool:
        order = self._orders.get()
        if order is not None:
            self._do(order)
        return order is not None

    def _step_all(self) -> None:
        for model, pipeline in self._pipelines.items():
            if pipeline.is_busy:
                self._step(model, pipeline)

    def _do(self, order: "_Order | _Done") -> None:
        if isinstance(order, tuple):
            self._finish_loading(*order)
        elif isinstance(order, Loaded):
            self._finish_loading(order.model, order)
        elif isinstance(order, Load):
            # not on this thread: completions of other models go on meanwhile
            threading.Thread(target=self._load, args=[order], name="load", daemon=True).start()
        elif isinstance(order, Unload):
            if pipeline := self._pipelines.pop(order.model, None):
                self._fail_all(order.model, pipeline, "its model was unloaded")
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
            self._orders.put(Loaded(model=order.model, failure=failure, is_unusable=True))
            return
        try:
            gguf = weights_copy.readable(order.gguf, order.copy_to)
            self._orders.put((order.model, pipeline.Pipeline(gguf, self._threads, self._completions)))
        except Exception as error:  # of any kind: OpenVINO has none of its own
            log.exception("%s could not be loaded", order.gguf)
            self._orders.put(Loaded(model=order.model, failure=_last_line(error)))

    def _finish_loading(self, model: int, loaded: "Pipeline | Loaded") -> None:
        if model in self._not_wanted:
            self._not_wanted.remove(model)
        elif isinstance(loaded, Loaded):
            self._send(loaded)
        else:
            self._pipelines[model] = loaded
            self._send(Loaded(model=model))

    def _generate(self, order: Generate) -> None:
        try:
            self._pipelines[order.model].add(order)
        except Exception as error:  # as above; a model that is not there any more is one
            log.exception("a completion could not begin")
            self._fail([order.number], _last_line(error))
        else:
            self._models[order.number] = order.model

    def _step(self, model: int, pipeline: "Pipeline") -> None:
        try:
            made = list(pipeline.step())
        except Exception as error:  # as above
            log.exception("model %d could not go on", model)
            self._fail_all(model, pipeline, _last_line(error))
            return
        if not made:
            self._send(Alive(alive=True))
        for tokens in made:
            if tokens.end:
                self._models.pop(tokens.number, None)
            self._pipe.write(tokens.model_dump_json() + "\n")
        self._pipe.flush()

    def _fail_all(self, model: int, pipeline: "Pipeline", reason: str) -> None:
        """End a model's completions, also those that have ended in a step of which nothing was sent."""
        pipeline.cancel_all()
        self._fail([number for number, its in self._models.items() if its == model], reason)

    def _fail(self, numbers: list[int], reason: str) -> None:
        for number in numbers:
            self._models.pop(number, None)
            self._send(Tokens(number=number, end="failed", failure=reason))

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
