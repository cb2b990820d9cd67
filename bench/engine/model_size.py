"""The size of a GGUF model: bytes read per generated token, and FLOPs per trained token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.tokens import Encoded


@dataclass(frozen=True)
class ModelSize:
    """Bytes of all weights, and the number of parameters of the layers and the head."""

    weight_bytes: int
    layers: int
    head: int

    def training_flops(self, learned_share: float, *, frozen: bool = False) -> float:
        """Return the floating-point operations per token if this share of the tokens is learned.

        Six per weight: two forward, two to propagate the gradient, two for the gradient of the weight itself,
        which a frozen one has not. The head counts for learned tokens only; attention and an adapter's own
        small weights are left out.
        """
        return (4 if frozen else 6) * (self.layers + self.head * learned_share)


def read_size(model: Path) -> ModelSize:
    """Return the size of a GGUF model from its file."""
    from engine.storage.gguf_reader import GGUFReader  # noqa: PLC0415  (heavy, and --help does not need it)

    tensors = GGUFReader(model).tensors
    shapes = {tensor.name: [int(side) for side in tensor.shape] for tensor in tensors}
    return size_from_shapes(shapes, sum(int(tensor.n_bytes) for tensor in tensors))


def size_from_shapes(shapes: Mapping[str, Sequence[int]], weight_bytes: int) -> ModelSize:
    """Return the size of a model whose tensors have these shapes.

    All bytes are read for each token: the head of the packaged base is its embedding table, read as a whole.
    """
    layers = [shape for name, shape in shapes.items() if name.startswith("blk.") and len(shape) == 2]
    head = shapes.get("output.weight", shapes["token_embd.weight"])
    return ModelSize(
        weight_bytes=weight_bytes,
        layers=sum(rows * columns for rows, columns in layers),
        head=head[0] * head[1],
    )


def learned_share(texts: Sequence[Encoded]) -> float:
    """Return the share of the tokens of `texts` that is learned."""
    return sum(sum(text.loss_mask) for text in texts) / sum(len(text.ids) for text in texts)
