"""A model in training: the interface of each way of tuning, and what they have in common. Imports torch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from engine import architectures, base_model
from engine.tokens import Encoded
from engine.training import attention, unpacked_base
from engine.training.token_log_probs import token_log_probs
from engine.training_request import TrainedWeights, TrainingError

IGNORED = -100  # a target that does not count in the loss


@dataclass(frozen=True)
class StartingWeights:
    """The base, its id, the folder that caches it dequantized, and the tuned model to start from, if any."""

    base_id: str
    base: Path
    cache: Path
    tuned: Path | None = None

    @property
    def is_gguf(self) -> bool:
        """Whether the base, and so what is tuned from it, is a GGUF file."""
        return self.base.is_file()


class TrainableModel(ABC):
    """A causal language model whose log-probabilities have gradients for its trainable parameters."""

    weights: ClassVar[TrainedWeights]

    def __init__(self, start: StartingWeights, *, seed: int, max_length: int) -> None:
        """Load the base. `log_probs` rejects texts of more than `max_length` tokens. Raises TrainingError."""
        self._start = start
        self._device = base_model.best_device()
        self.dtype = base_model.fastest_dtype(self._device)
        try:
            self._model: Any = self._load()
        except (OSError, ValueError) as error:
            raise TrainingError(f"The base model could not be read: {error}") from error
        attention.use(self._model)
        torch.manual_seed(seed)
        self._max_length = max_length
        self._backbone: Any = self._model.base_model
        self._head: Any = self._model.get_output_embeddings()
        self._logits_divisor = _logits_divisor(self._model.config)
        self._check_head()

    @property
    @abstractmethod
    def trainable(self) -> list[torch.nn.Parameter]:
        """What the optimizer changes, in float32."""

    @abstractmethod
    def apply_update(self) -> None:
        """Compute with what the optimizer has changed from now on."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write a tuned model that can be served. Raises TrainingError."""

    def state(self) -> list[torch.Tensor]:
        """Return the values of the trainable parameters, for `restore`."""
        return [weight.detach() for weight in self.trainable]

    @torch.no_grad()
    def restore(self, state: Sequence[torch.Tensor]) -> None:
        """Set the trainable parameters to what `state` returned."""
        for weight, value in zip(self.trainable, state, strict=True):
            weight.copy_(value)
        self.apply_update()

    def _load(self) -> Any:
        return unpacked_base.load(
            self._start.base, dtype=self.dtype, device=self._device, cache=self._start.cache
        )

    @torch.no_grad()
    def _check_head(self) -> None:
        """Raise TrainingError if the head does not give the model's logits: some models scale or cap them."""
        ids = torch.tensor([[1, 2, 3]], device=self._device)
        ours = self._head(self._hidden(ids))
        theirs = self._model(input_ids=ids, use_cache=False).logits
        if not torch.allclose(ours.float(), theirs.float(), rtol=0.05, atol=0.05):
            raise TrainingError(
                "This kind of model computes its logits in a way that cannot be trained here. Choose another"
                f" base, as of these kinds: {architectures.model_types()}."
            )

    def log_probs(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """Return the summed log-probability (nats) of the tokens in each text's loss mask, [texts].

        Raises TrainingError if a text is too long.
        """
        ids, targets = self._pad(texts)
        # Padding on the right under a causal mask: no real token attends to the padding, so no attention mask
        # is needed, and attention without a mask takes a faster path.
        hidden = self._hidden(ids)
        counted = targets != IGNORED
        # only of tokens that count in the loss: the head's output is as wide as the vocabulary
        log_probs = token_log_probs(self._head, hidden[counted], targets[counted])
        rows = counted.nonzero()[:, 0]
        return torch.zeros(len(texts), device=self._device).index_add(0, rows, log_probs)

    def _hidden(self, ids: torch.Tensor) -> torch.Tensor:
        """Return what the head reads, [texts, tokens, width]."""
        hidden: torch.Tensor = self._backbone(input_ids=ids, use_cache=False).last_hidden_state
        return hidden if self._logits_divisor == 1 else hidden / self._logits_divisor

    def _pad(self, texts: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs and next-token targets, [texts, tokens of the longest text - 1] each."""
        width = max(len(text.ids) for text in texts) - 1
        if width >= self._max_length:
            raise TrainingError(f"An example has {width + 1} tokens, and the model reads {self._max_length}.")
        ids = torch.zeros((len(texts), width), dtype=torch.long)  # any padding will do: nothing attends to it
        targets = torch.full((len(texts), width), IGNORED)
        for row, text in enumerate(texts):
            length = len(text.ids) - 1
            ids[row, :length] = torch.tensor(text.ids[:-1])
            following = torch.tensor(text.ids[1:])
            targets[row, :length] = torch.where(torch.tensor(text.loss_mask[1:]), following, IGNORED)
        return ids.to(self._device), targets.to(self._device)


def _logits_divisor(config: Any) -> float:
    """Return what a model divides the logits of its head by."""
    row = architectures.of_model_type(config.model_type)
    return float(getattr(config, row.logits_divisor)) if row and row.logits_divisor else 1.0
