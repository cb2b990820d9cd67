"""Choose what a training changes: all weights of the model, or an adapter where that is not possible."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from engine import hyperparameters, resources, system
from engine.errors import ApiError
from engine.model_size import ModelSize
from engine.resources import Shortage
from engine.storage.models import TunedModel
from engine.training_request import TrainedWeights

WeightsSetting = Literal["auto", TrainedWeights]

_SPARE_BYTES = 2**28  # of memory, for chats beside the training


@dataclass(frozen=True)
class TooLarge:
    """A base with more parameters (`needed`) than are all trained if nobody asks for it (`available`)."""

    needed: int
    available: int = hyperparameters.MAX_PARAMETERS
    of: Literal["size"] = "size"

    def __str__(self) -> str:
        """Return the figures as a clause."""
        needed, available = self.needed / 1e6, self.available / 1e6
        return (
            f"the base has {needed:,.0f} million weights, and more than {available:,.0f} million are trained "
            "only on request"
        )

    @property
    def cure(self) -> str:
        """A sentence that says what helps."""
        return "Ask for all weights, or choose a smaller base."


@dataclass(frozen=True)
class WeightsChoice:
    """What a training changes; `obstacle` says why it is an adapter, if nobody asked for one."""

    weights: TrainedWeights
    obstacle: Shortage | TooLarge | None = None

    def __str__(self) -> str:
        """Return a sentence."""
        if self.weights == "all":
            return "All weights are trained"
        return "An adapter is trained" + (f", not all weights: {self.obstacle}" if self.obstacle else "")

    def to_json(self) -> dict[str, Any]:
        """Return the API's object."""
        obstacle = asdict(self.obstacle) | {"message": str(self.obstacle)} if self.obstacle else None
        return {"object": "model.tuning", "weights": self.weights, "obstacle": obstacle}


class WeightsChooser:
    """Chooses by what a client asks for, the engine's default, the base's size, and what the machine has."""

    def __init__(
        self,
        base: Path,
        data: Path,
        default: WeightsSetting,
        *,
        obstacle: str = "",
        free_memory: Callable[[], int] = system.available_memory,
        free_disk: Callable[[Path], int] = system.available_disk,
    ) -> None:
        """Train models of a base; what is written goes to the disk of `data`.

        `obstacle` says why the base cannot be tuned, if it cannot; `free_memory` and `free_disk` return
        bytes.
        """
        self._base = base
        self._untunable = obstacle
        self._data = data
        self._default = default
        self._free_memory = free_memory
        self._free_disk = free_disk

    def check(self, wanted: WeightsSetting, start: TunedModel | None) -> TrainedWeights | None:
        """Return what a training must change, None if it may be either. `start` is None for the base.

        Raises a 400 if the base cannot be tuned, and for an adapter on a model whose weights were all
        trained: it would fit no base, so no other server could use it, and the next one on top of it would
        fit nothing at all.
        """
        if self._untunable:
            raise ApiError(400, self._untunable, code="base_not_tunable", param="model")
        if wanted == "auto":
            wanted = self._default
        if start is None or start.weights == "adapter":
            return None if wanted == "auto" else wanted
        if wanted == "adapter":
            message = (
                f"All weights of '{start.id}' were trained, so an adapter of it would fit no base: train all "
                "weights again, or give the base as the model."
            )
            raise ApiError(400, message, code="invalid_parameter_combination", param="model")
        return "all"

    async def choose(
        self, wanted: WeightsSetting, start: TunedModel | None, epochs: int, *, longest: int = 0
    ) -> WeightsChoice:
        """Return what a training that begins now changes; its longest example has `longest` tokens.

        Raises a 400 with the figures if it must be all weights and the machine is too small, or as `check`
        does.
        """
        must = self.check(wanted, start)
        if must == "adapter":
            return WeightsChoice("adapter")
        obstacle = await asyncio.to_thread(self._obstacle, epochs, longest, asked=must == "all")
        if obstacle is None:
            return WeightsChoice("all")
        if must == "all":
            raise ApiError(
                400,
                f"All weights cannot be trained: {obstacle}. {obstacle.cure}",
                code=f"insufficient_{obstacle.of}",
                param="weights",
            )
        return WeightsChoice("adapter", obstacle)

    def _obstacle(self, epochs: int, longest: int, *, asked: bool) -> Shortage | TooLarge | None:
        size = ModelSize.read(self._base)
        if not asked and size.parameters > hyperparameters.MAX_PARAMETERS:
            return TooLarge(size.parameters)
        models = min(epochs, hyperparameters.KEPT_CHECKPOINTS)
        memory = resources.memory_needed(size, "all", longest=longest) + _SPARE_BYTES
        disk = resources.disk_needed(size, "all", models=models, is_gguf=self._base.is_file())
        return resources.shortage("memory", memory, self._free_memory()) or resources.shortage(
            "disk", disk, self._free_disk(self._data)
        )
