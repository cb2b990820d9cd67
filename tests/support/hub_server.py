"""A server of the Hugging Face Hub's shape, as much of it as a download needs, with faults to order.

Large files (LFS) are redirected to another host, as the Hub does; small ones are answered at once.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_LARGE = 1000  # bytes, from which on a file is in LFS here
_CHUNK = 65536


@dataclass
class Repository:
    """A repository: its files, and who may read them."""

    files: dict[str, bytes]
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    revisions: tuple[str, ...] = ("main",)
    gated: bool = False
    allowed: str | None = None
    """The token that may read a gated repository."""


@dataclass(frozen=True)
class Fault:
    """What one answer of a file's content does wrong."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    breaks_after: int | None = None
    """Bytes, after which the connection is cut."""
    ends_after: int | None = None
    """Bytes, after which the answer ends as if that were all."""
    stalls_after: int | None = None
    """Bytes, after which nothing comes for `stalls_for` seconds, and then the connection is cut."""
    stalls_for: float = 60.0
    flips_a_bit: bool = False
    ignores_range: bool = False


@dataclass(frozen=True)
class Asked:
    """A request that the server got."""

    path: str
    range: str | None
    authorization: str | None


class HubServer:
    """The server. `faults` are those of the next answers with a large file's content, one each."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults: deque[Fault] = deque()
        self.listing_faults: deque[Fault] = deque()
        self.asked: list[Asked] = []
        self.sent = 0
        """Bytes of large files."""
        self.url = ""
        self._port = 0

    @property
    def ranges(self) -> list[str | None]:
        """The ranges that were asked of large files' content."""
        return [each.range for each in self.asked if each.path.startswith("/cdn/")]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen on a free port during the block."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/api/models/{owner}/{name}", self._info),
                web.get("/api/models/{owner}/{name}/revision/{revision}", self._info),
                web.get("/{owner}/{name}/resolve/{revision}/{path:.+}", self._resolve),
                web.get("/cdn/{digest}", self._content),
            ]
        )
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self._port = runner.addresses[0][1]
            self.url = f"http://127.0.0.1:{self._port}"
            yield
        finally:
            await runner.cleanup()

    def _note(self, request: web.Request) -> None:
        headers = request.headers
        self.asked.append(Asked(request.path, headers.get("Range"), headers.get("Authorization")))

    def _find(self, request: web.Request) -> Repository:
        """Return the repository of a request. Raises what the Hub answers if there is none."""
        self._note(request)
        found = self.repositories.get(f"{request.match_info['owner']}/{request.match_info['name']}")
        if found is None:
            raise web.HTTPUnauthorized(headers={"X-Error-Code": "RepoNotFound"})
        revision = request.match_info.get("revision", "main")
        if revision not in (*found.revisions, found.commit):
            raise web.HTTPNotFound(headers={"X-Error-Code": "RevisionNotFound"})
        return found

    async def _info(self, request: web.Request) -> web.StreamResponse:
        found = self._find(request)
        if self.listing_faults:
            fault = self.listing_faults.popleft()
            return web.Response(status=fault.status, headers=fault.headers, text="<html>no</html>")
        body = {
            "id": f"{request.match_info['owner']}/{request.match_info['name']}",
            "sha": found.commit,
            "gated": "manual" if found.gated else False,
            "siblings": [_sibling(path, content) for path, content in found.files.items()],
        }
        return web.json_response(body)

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        found = self._find(request)
        if found.gated:
            token = request.headers.get("Authorization")
            if token != f"Bearer {found.allowed}":
                status = 403 if token else 401
                return web.Response(status=status, headers={"X-Error-Code": "GatedRepo"})
        content = found.files.get(request.match_info["path"])
        headers = {"X-Repo-Commit": found.commit}
        if content is None:
            return web.Response(status=404, headers={"X-Error-Code": "EntryNotFound", **headers})
        if len(content) < _LARGE:
            return web.Response(body=content, headers={"ETag": f'"{_git_hash(content)}"', **headers})
        digest = hashlib.sha256(content).hexdigest()
        linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        # another origin, to which no token may go
        there = f"http://localhost:{self._port}/cdn/{digest}"
        return web.Response(status=302, headers={"Location": there, **linked, **headers})

    async def _content(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        contents = (each for found in self.repositories.values() for each in found.files.values())
        wanted = request.match_info["digest"]
        content = next(each for each in contents if hashlib.sha256(each).hexdigest() == wanted)
        fault = self.faults.popleft() if self.faults else Fault()
        if fault.status:
            return web.Response(status=fault.status, headers=fault.headers)
        start = 0
        if (asked := request.headers.get("Range")) and not fault.ignores_range:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(content):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        if fault.flips_a_bit:
            content = bytes([content[0] ^ 1]) + content[1:]
        return await self._send(request, content, start, fault)

    async def _send(
        self, request: web.Request, content: bytes, start: int, fault: Fault
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=206 if start else 200)
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if fault.ends_after is None:
            response.content_length = len(content) - start
        await response.prepare(request)
        limits = (fault.breaks_after, fault.ends_after, fault.stalls_after)
        end = min(start + limit for limit in (*limits, len(content) - start) if limit is not None)
        for position in range(start, end, _CHUNK):
            chunk = content[position : min(position + _CHUNK, end)]
            await response.write(chunk)
            self.sent += len(chunk)
        if fault.stalls_after is not None:
            await asyncio.sleep(fault.stalls_for)
        if fault.breaks_after is not None or fault.stalls_after is not None:
            assert request.transport is not None
            request.transport.abort()
        return response


def _git_hash(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def _sibling(path: str, content: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": _git_hash(content)}
    if len(content) >= _LARGE:
        digest = hashlib.sha256(content).hexdigest()
        told["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
    return told
