"""What a benchmark raises when it cannot go on."""


class BenchError(Exception):
    """The run cannot go on. The text gives the reason."""
