"""The Hugging Face cache of one repository, in the layout that the Hub's library documents and reads.

`blobs/` has each file once, under its hash; `snapshots/COMMIT/` links to them by their names; `refs/REVISION`
holds the commit of a branch or tag. A file that has not arrived whole is `blobs/HASH.incomplete`.
"""

import os
import shutil
from pathlib import Path

from filelock import FileLock

from engine.storage.hub.listing import RemoteFile


class RepositoryCache:
    """The folder of one repository in the cache."""

    def __init__(self, cache: Path, repository: str) -> None:
        """`cache` is the library's HF_HUB_CACHE."""
        folder = f"models--{repository.replace('/', '--')}"
        self.folder = cache / folder
        self.lock = FileLock(cache / ".locks" / folder / "herosmith.lock")
        """Held by the engine that downloads: two would write to the same files."""

    def find(self, revision: str) -> Path | None:
        """Return the folder with the files of a branch, tag or commit; None if it has never been here."""
        try:
            commit = (self.folder / "refs" / revision).read_text(encoding="utf-8").strip()
        except OSError:
            commit = revision
        folder = self.snapshot(commit)
        return folder if folder.is_dir() else None

    def blob(self, file: RemoteFile) -> Path:
        """Return where a file's content lies."""
        return self.folder / "blobs" / file.digest

    def partial(self, file: RemoteFile) -> Path:
        """Return where a file's content lies until it is complete."""
        return self.folder / "blobs" / f"{file.digest}.incomplete"

    def snapshot(self, commit: str) -> Path:
        """Return the folder with a commit's files under their names."""
        return self.folder / "snapshots" / commit

    def prepare(self) -> None:
        """Make the folders. Raises OSError."""
        (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
        Path(self.lock.lock_file).parent.mkdir(parents=True, exist_ok=True)

    def link(self, file: RemoteFile, commit: str) -> Path:
        """Let a file of a commit be found under its name. Return its path. Raises OSError."""
        path = self.snapshot(commit) / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        blob = self.blob(file)
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except OSError:  # Windows without the right to make links
            shutil.copyfile(blob, path)
        return path

    def remember(self, revision: str, commit: str) -> None:
        """Keep which commit a branch or tag is, so that it is found without a network. Raises OSError."""
        if revision == commit:
            return
        ref = self.folder / "refs" / revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit, encoding="utf-8")
