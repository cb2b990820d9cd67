"""What a repository of the Hub holds, and which of its files a model needs."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engine.storage.hub.name import HubName

# Everything that transformers reads, and nothing that can execute code: no pickles, no modules.
_OF_FOLDER = frozenset({".json", ".safetensors", ".jinja", ".model", ".txt"})
_OTHER_FORMAT = "consolidated"  # a copy of the same weights, as Mistral names it
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl"})
_SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN = 12  # files
_CHUNK = 2**20


class HubError(Exception):
    """A model cannot be downloaded; the message is a sentence that says what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository. `digest` is its SHA-256, or git's SHA-1 of a small file that is no LFS file."""

    path: str
    size: int
    digest: str

    def is_at(self, path: Path) -> bool:
        """Return whether a file here holds exactly what this one does."""
        try:
            if path.stat().st_size != self.size:
                return False
            with path.open("rb") as file:
                return self._digest(iter(lambda: file.read(_CHUNK), b"")) == self.digest
        except FileNotFoundError:
            return False

    def _digest(self, chunks: Iterable[bytes]) -> str:
        if _SHA256.fullmatch(self.digest):
            found = hashlib.sha256()
        else:
            found = hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)
        for chunk in chunks:
            found.update(chunk)
        return found.hexdigest()


@dataclass(frozen=True)
class Listing:
    """All files of one commit of a repository."""

    name: HubName
    commit: str
    files: tuple[RemoteFile, ...]

    @classmethod
    def read(cls, name: HubName, info: Any) -> "Listing":
        """Return what huggingface_hub's ModelInfo says. Raises HubError if it lacks sizes or hashes."""
        commit = info.sha or ""
        files = tuple(filter(None, (_remote_file(each) for each in info.siblings or ())))
        if not _COMMIT.fullmatch(commit) or (info.siblings and not files):
            raise HubError(
                f"The server did not say the commit, sizes and hashes of {name.repository} as the Hugging "
                "Face Hub does. Is HF_ENDPOINT right?"
            )
        return cls(name, commit, files)

    def needed(self) -> list[RemoteFile]:
        """Return the files to have: one GGUF file, or all of a Hugging Face model, the smallest first.

        Raises HubError if there is no such model, or several are to choose from.
        """
        if self.name.file is not None:
            return [self._named_file(self.name.file)]
        of_folder = [file for file in self.files if _is_of_folder(file.path)]
        suffixes = {PurePosixPath(file.path).suffix for file in of_folder}
        if ".safetensors" in suffixes and any(file.path == "config.json" for file in of_folder):
            return sorted(of_folder, key=lambda file: file.size)
        repository, whole = self.name.repository, self._gguf_files()
        if len(whole) == 1:
            return whole
        if whole:
            raise HubError(
                f"{repository} has {len(whole)} GGUF files. Name one of them, as in "
                f"{repository}:{whole[0].path}. {self._choice()}"
            )
        pickles = [file.path for file in self.files if PurePosixPath(file.path).suffix in _PICKLES]
        if pickles:
            raise HubError(
                f"{repository} has its weights in {pickles[0]} only, a pickle, which could run any code "
                "here. Choose a repository with safetensors or GGUF files."
            )
        raise HubError(
            f"{repository} has neither config.json with safetensors nor GGUF files, so it holds no model "
            "that can be used here."
        )

    def _named_file(self, wanted: str) -> RemoteFile:
        repository = self.name.repository
        if not wanted.lower().endswith(".gguf"):
            raise HubError(
                f"{wanted} is no GGUF file. Name one, or {repository} alone for its safetensors. "
                f"{self._choice()}"
            )
        if _SPLIT.search(wanted):
            raise HubError(f"{wanted} is a part of a split file, which cannot be used here. {self._choice()}")
        found = next((file for file in self.files if file.path == wanted), None)
        if found is None:
            raise HubError(f"{repository} has no file {wanted}. {self._choice()}")
        return found

    def _gguf_files(self) -> list[RemoteFile]:
        """Return the GGUF files that are models: a projector is what a model sees pictures with."""
        return [
            file
            for file in self.files
            if file.path.lower().endswith(".gguf")
            and not _SPLIT.search(file.path)
            and not PurePosixPath(file.path).name.startswith("mmproj")
        ]

    def _choice(self) -> str:
        names = [file.path for file in self._gguf_files()]
        if not names:
            return "It has no GGUF files."
        more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"Its GGUF files are {', '.join(names[:_SHOWN])}{more}."


def _is_of_folder(path: str) -> bool:
    """Return whether transformers reads a file; in subfolders are copies in other formats."""
    found = PurePosixPath(path)
    return len(found.parts) == 1 and found.suffix in _OF_FOLDER and not path.startswith(_OTHER_FORMAT)


def _remote_file(sibling: Any) -> RemoteFile | None:
    """Return a file as the library describes it; None if a fact is missing, or its path is strange."""
    parts = PurePosixPath(sibling.rfilename).parts
    size = sibling.lfs.size if sibling.lfs else sibling.size
    digest = (sibling.lfs.sha256 if sibling.lfs else sibling.blob_id) or ""
    is_plain = parts and ".." not in parts and parts[0] != "/" and "\\" not in sibling.rfilename
    is_hash = _SHA256.fullmatch(digest) or _COMMIT.fullmatch(digest)
    return RemoteFile(sibling.rfilename, size, digest) if is_plain and is_hash and size is not None else None
