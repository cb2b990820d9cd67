"""How much a model has to read to write a token, and to multiply to learn from one: from its file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.engine.texts import Text
from engine import hyperparameters


@dataclass(frozen=True)
class Size:
    """A model: bytes of all weights, and how many numbers its layers, its head and an adapter hold."""

    weight_bytes: int
    layers: int
    head: int
    adapter: int

    def training_flops(self, learned_share: float) -> float:
        """Return the floating-point operations that a token costs, where this share of all is learned.

        Four a weight: two forward, two to carry the gradient back, none for the gradient of a frozen weight
        itself. Six a weight of the adapter. The head counts where something is learned, attention not at all.
        """
        return 4 * self.layers + 6 * self.adapter + 4 * self.head * learned_share


def read_size(model: Path) -> Size:
    """Return the size of a GGUF model."""
    from gguf import GGUFReader  # noqa: PLC0415  so that --help is quick

    tensors = GGUFReader(model).tensors
    shapes = {tensor.name: [int(side) for side in tensor.shape] for tensor in tensors}
    return size(shapes, sum(int(tensor.n_bytes) for tensor in tensors))


def size(shapes: Mapping[str, Sequence[int]], weight_bytes: int) -> Size:
    """Return the size of a model whose tensors have these shapes.

    All bytes are read for each token: the packaged base's head is its table of embeddings, read as a whole.
    """
    layers = [shape for name, shape in shapes.items() if name.startswith("blk.") and len(shape) == 2]
    head = shapes.get("output.weight", shapes["token_embd.weight"])
    return Size(
        weight_bytes=weight_bytes,
        layers=sum(rows * columns for rows, columns in layers),
        head=head[0] * head[1],
        adapter=sum(hyperparameters.LORA_RANK * (rows + columns) for rows, columns in layers),
    )


def learned_share(base: Path, texts: Sequence[Text]) -> float:
    """Return which share of the tokens of `texts` is learned."""
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415  seconds

    from engine.messages import TrainingExample  # noqa: PLC0415
    from engine.training.tokenization import encode  # noqa: PLC0415

    tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(base.parent, gguf_file=base.name)
    lines = [TrainingExample.model_validate(text.supervised()) for text in texts]
    encoded = [encode(tokenizer, line) for line in lines]
    return sum(sum(each.loss_mask) for each in encoded) / sum(len(each.ids) for each in encoded)
