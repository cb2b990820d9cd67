"""Where a training keeps its state, from which it goes on after a pause or a crash."""

from pathlib import Path


class StateFile:
    """A file on this machine, or in a folder that it shares. Others override what lies elsewhere."""

    def __init__(self, path: Path) -> None:
        """Keep the state at `path`, where it is written and read."""
        self.path = path

    def exists(self) -> bool:
        """Return whether there is a state to go on from."""
        return self.path.is_file()

    def fetch(self) -> None:
        """Bring the state to `path`."""

    def publish(self) -> None:
        """Keep what has been written to `path`."""
