"""The name of a model on the Hugging Face Hub: `owner/name`, perhaps with `:file.gguf` and `@revision`."""

import re
from dataclasses import dataclass
from typing import Self

_FORM = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)(:(?P<file>[^:@\\]+))?(@(?P<revision>[\w.-]+(/[\w.-]+)*))?"
)


@dataclass(frozen=True)
class HubName:
    """A repository, a file in it (None: what there is to choose), and a revision (None: the newest)."""

    repository: str
    file: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what a text names; None if it has another form."""
        found = _FORM.fullmatch(text)
        return cls(found["repository"], found["file"], found["revision"]) if found else None

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        file = f":{self.file}" if self.file else ""
        return f"{self.repository}{file}{f'@{self.revision}' if self.revision else ''}"
