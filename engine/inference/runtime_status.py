"""What the runtimes have done, as figures that can be sent to another process."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class OpenVinoStatus:
    """OpenVINO's process."""

    models: int
    """In its memory."""
    completions: int
    """That it generates."""
    resident_bytes: int
    crashes: int


@dataclass(frozen=True)
class RuntimeStatus:
    """What answers, where it can, and what it has answered."""

    name: str
    answers: Mapping[str, int]
    """How many answers each runtime has begun."""
    failovers: int
    """How many answers llama.cpp gave because OpenVINO failed before their first word."""
    openvino: OpenVinoStatus | None = None
    """None if it was never to be started."""
