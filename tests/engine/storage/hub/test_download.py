"""Downloads from a server of the Hub's shape, with the Hub's own library, over HTTP."""

import asyncio
import errno
import hashlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
from filelock import FileLock

from bot.settings import ROOT
from engine.__main__ import main
from engine.storage import weights
from engine.storage.hub.client import HubTiming
from engine.storage.hub.download import HubDownload
from engine.storage.hub.listing import HubError
from engine.storage.hub.name import HubName
from engine.storage.hub.progress import Download
from tests.support.eventually import eventually
from tests.support.hub_server import Fault, HubServer, Repository

GGUF = random.Random(0).randbytes(3_000_000)  # noqa: S311
DIGEST = hashlib.sha256(GGUF).hexdigest()
NAME = "owner/name:model.Q8_0.gguf"
TOKEN = "hf_neverToBePrinted"  # noqa: S105
FAST = HubTiming(timeout=0.5, attempts=3, first_pause=0.01, longest_pause=2.0, longest_lock=0.3)


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HubServer]:
    """Serve a repository with one large GGUF file; the library asks this server, in an empty cache."""
    server = HubServer()
    server.repositories["owner/name"] = Repository({"model.Q8_0.gguf": GGUF, "README.md": b"hello"})
    async with server.serving():
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        # the library has read the environment when it was imported, perhaps by another test
        constants = "huggingface_hub.constants"
        monkeypatch.setattr(f"{constants}.ENDPOINT", server.url)
        template = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
        monkeypatch.setattr(f"{constants}.HF_TOKEN_PATH", str(tmp_path / "home" / "token"))
        monkeypatch.setattr(f"{constants}.HF_HUB_OFFLINE", False)
        yield server


def blobs(tmp_path: Path) -> Path:
    return tmp_path / "home" / "hub" / "models--owner--name" / "blobs"


async def bring(name: str = NAME, told: list[Download] | None = None, free: int = 2**40) -> Path:
    """Download a model as the engine does, with short waits, to a disk with so many bytes free."""
    parsed = HubName.parse(name)
    assert parsed
    on_download = told.append if told is not None else None
    return await asyncio.to_thread(
        HubDownload(parsed, on_download, timing=FAST, free_disk=lambda _: free).run
    )


async def refusal(name: str = NAME, free: int = 2**40) -> str:
    with pytest.raises(HubError) as caught:
        await bring(name, free=free)
    return str(caught.value)


async def test_a_file_arrives_once_and_is_found_without_a_network(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Download] = []
    path = await bring(told=told)
    assert path.name == "model.Q8_0.gguf"
    assert path.read_bytes() == GGUF
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert (told[-1].done, told[-1].total, told[-1].base) == (len(GGUF), len(GGUF), NAME)

    asked = len(hub.asked)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in (NAME, "owner/name", "owner/name@main"):
        found = await asyncio.to_thread(weights.find, name)
        assert found.path == path
        assert found.is_gguf
    assert len(hub.asked) == asked
    assert weights.find(NAME).id == "model"
    assert weights.find(f"{NAME}@main").id == "model@main"
    with pytest.raises(weights.WeightsError, match="HF_HUB_OFFLINE is set"):
        weights.find("owner/name:other.gguf")


async def test_a_folder_arrives_with_what_is_read_alone(hub: HubServer) -> None:
    hub.repositories["owner/name"].files = {
        "config.json": b"{}",
        "model.safetensors": GGUF,
        "tokenizer_config.json": b'{"chat_template": "x"}',
        "pytorch_model.bin": GGUF[1:],
        "modeling.py": b"print()",
        "onnx/model.json": b"{}",
        "consolidated.safetensors": GGUF[2:],
    }
    found = await asyncio.to_thread(weights.find, "owner/name")
    assert found.id == "owner/name"
    names = {path.name for path in found.path.rglob("*") if path.is_file()}
    assert names == {"config.json", "model.safetensors", "tokenizer_config.json"}
    assert hub.sent == len(GGUF)


async def test_after_a_kill_only_the_rest_is_taken(hub: HubServer, tmp_path: Path) -> None:
    """In the process as it is started, by the environment."""
    code = f"from engine.storage import weights; print(weights.find({NAME!r}).path)"

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code), stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )

    hub.faults.append(Fault(stalls_after=2_000_000))
    process = await start()
    partial = blobs(tmp_path) / f"{DIGEST}.incomplete"
    await eventually(lambda: partial.exists() and partial.stat().st_size >= 2_000_000, what="two thirds")
    process.send_signal(signal.SIGKILL)
    await process.wait()

    process = await start()
    output, _ = await process.communicate()
    assert output.decode().strip().endswith("/model.Q8_0.gguf")
    assert hub.ranges == [None, "bytes=2000000-"]
    assert hub.sent == len(GGUF)
    assert (blobs(tmp_path) / DIGEST).read_bytes() == GGUF
    assert not partial.exists()


@pytest.mark.parametrize(
    ("faults", "ranges"),
    [
        ([Fault(breaks_after=1_000_000)], ["bytes=1000000-"]),
        ([Fault(ends_after=1_000_000)], ["bytes=1000000-"]),
        ([Fault(stalls_after=1_000_000)], ["bytes=1000000-"]),
        ([Fault(status=503), Fault(status=500)], [None, None]),
        ([Fault(status=403)], [None]),  # the address at the other host has expired
        # the second answer is the whole file again
        ([Fault(breaks_after=1_000_000), Fault(ignores_range=True)], ["bytes=1000000-"]),
        # each time a little arrives, more often than attempts that bring nothing are allowed
        ([Fault(breaks_after=500_000)] * 4, [f"bytes={number}00000-" for number in (5, 10, 15, 20)]),
    ],
)
async def test_what_passes_is_waited_for(
    hub: HubServer, faults: list[Fault], ranges: list[str | None]
) -> None:
    hub.faults.extend(faults)
    told: list[Download] = []
    path = await bring(told=told)
    assert path.read_bytes() == GGUF
    assert hub.ranges == [None, *ranges]
    assert any("; the next attempt is in " in each.waiting for each in told)
    assert not told[-1].waiting


@pytest.mark.parametrize("headers", [{"Retry-After": "1"}, {"RateLimit": '"resolvers";r=0;t=1'}])
async def test_retry_after_is_heeded(hub: HubServer, headers: dict[str, str]) -> None:
    hub.faults.append(Fault(status=429, headers=headers))
    told: list[Download] = []
    started = asyncio.get_running_loop().time()
    await bring(told=told)
    assert asyncio.get_running_loop().time() - started >= 1
    assert any("HTTP status 429; the next attempt is in 1 s" in each.waiting for each in told)


async def test_a_server_that_stays_down_is_given_up(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.extend([Fault(breaks_after=1_000_000), *[Fault(status=502)] * 10])
    said = await refusal()
    assert said.startswith("localhost answers with HTTP status 502, 3 times in a row.")
    assert said.endswith("What has arrived is kept: the next start takes the rest.")
    assert (blobs(tmp_path) / f"{DIGEST}.incomplete").stat().st_size == 1_000_000


async def test_a_long_wait_that_is_asked_for_is_not_waited(hub: HubServer) -> None:
    hub.faults.append(Fault(status=429, headers={"Retry-After": "3600"}))
    assert "429, and asks to wait for 3600 s. Start again then." in await refusal()


async def test_a_damaged_file_is_fetched_anew_once(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.append(Fault(flips_a_bit=True))
    assert (await bring()).read_bytes() == GGUF
    assert hub.sent == 2 * len(GGUF)

    # and so is one that was damaged in the cache
    (blobs(tmp_path) / DIGEST).write_bytes(GGUF[:-1] + b"\0")
    assert (await bring()).read_bytes() == GGUF
    assert hub.sent == 3 * len(GGUF)


async def test_a_file_that_stays_damaged_is_refused_and_deleted(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.extend([Fault(flips_a_bit=True)] * 2)
    assert (await refusal()).startswith("model.Q8_0.gguf of owner/name arrived damaged twice")
    assert list(blobs(tmp_path).iterdir()) == []


async def test_without_room_nothing_is_fetched(hub: HubServer) -> None:
    said = await refusal(free=1_000_000)
    assert "0.1 GiB of disk are needed, and 0.0 are free." in said
    assert "HF_HOME" in said
    assert hub.ranges == []


@pytest.mark.usefixtures("hub")
async def test_a_disk_that_fills_up_is_left_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    class FullDisk:
        """A file on a disk that takes one write."""

        def __init__(self, path: Path, mode: str) -> None:
            self._file = real(path, mode)
            self._writes = 0

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def write(self, chunk: bytes) -> None:
            self._writes += 1
            if self._writes > 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._file.write(chunk)

    def opened(path: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        if path.suffix == ".incomplete" and mode in ("ab", "wb"):
            return FullDisk(path, mode)
        return real(path, mode, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", opened)
    assert (await refusal()).startswith("The disk became full, so what had arrived of the file was deleted.")
    assert list(blobs(tmp_path).iterdir()) == []


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_gated_repository(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, token: str | None
) -> None:
    hub.repositories["owner/name"].gated = True
    hub.repositories["owner/name"].allowed = "hf_another"
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    said = await refusal()
    assert f"owner/name is gated: accept its licence on {hub.url}/owner/name, and set HF_TOKEN" in said
    assert ("may not read it yet" in said) == bool(token)
    assert TOKEN not in said + caplog.text

    monkeypatch.setenv("HF_TOKEN", "hf_another")
    assert (await bring()).read_bytes() == GGUF
    # the token goes to the Hub, and not to where the files lie
    authorized = {each.path.startswith("/cdn/") for each in hub.asked if each.authorization}
    assert authorized == {False}


async def test_a_token_that_no_header_can_hold_is_not_printed(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", f"{TOKEN}\N{EURO SIGN}")
    said = await refusal()
    assert TOKEN not in said + caplog.text
    assert said.startswith("HF_TOKEN holds a character that no token has")
    assert hub.asked == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("owner/nothing", "owner/nothing exists neither here nor on 127.0.0.1, or HF_TOKEN may not read it."),
        ("owner/name@v9", "owner/name has no revision 'v9'."),
        ("owner/name:b.gguf", "owner/name has no file b.gguf. Its GGUF files are model.Q8_0.gguf."),
        ("owner/name:model.bin", "model.bin is no GGUF file."),
        ("owner/name:a-00001-of-00003.gguf", "a-00001-of-00003.gguf is a part of a split file"),
        ("owner/name..x", "owner/name..x is not a valid id on 127.0.0.1."),
    ],
)
async def test_what_is_not_there(hub: HubServer, name: str, sentence: str) -> None:
    assert (await refusal(name)).startswith(sentence)
    assert hub.ranges == []


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (["a.gguf", "b.gguf", "mmproj-a.gguf"], "owner/name has 2 GGUF files. Name one of them, as in"),
        (["config.json", "pytorch_model.bin"], "owner/name has its weights in pytorch_model.bin only"),
        (["README.md"], "owner/name has neither config.json with safetensors nor GGUF files"),
        (["../../evil.gguf"], "The server did not say the commit, sizes and hashes of owner/name"),
    ],
)
async def test_repositories_without_one_model(hub: HubServer, files: list[str], sentence: str) -> None:
    hub.repositories["owner/name"].files = dict.fromkeys(files, GGUF)
    assert (await refusal("owner/name")).startswith(sentence)
    assert hub.ranges == []


async def test_a_revision_is_pinned_by_its_commit(hub: HubServer) -> None:
    commit = hub.repositories["owner/name"].commit
    path = await bring(f"{NAME}@{commit}")
    assert path.parent.name == commit
    hub.repositories["owner/name"].commit = "f" * 40
    assert weights.find(f"{NAME}@{commit}").path == path


async def test_a_login_page_in_place_of_the_hub(hub: HubServer) -> None:
    hub.listing_faults.append(Fault(status=200))
    assert "does not answer as the Hugging Face Hub does" in await refusal()


async def test_a_listing_that_fails_is_asked_for_again(hub: HubServer) -> None:
    hub.listing_faults.extend([Fault(status=504), Fault(status=429, headers={"Retry-After": "0"})])
    assert (await bring()).read_bytes() == GGUF


async def test_without_a_network_it_ends_at_once(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    said = await refusal()
    assert said.endswith("could not be downloaded: ConnectError. Is there a network?")
    assert hub.asked == []


async def test_another_download_of_the_same_is_waited_for(hub: HubServer, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "hub" / ".locks" / "models--owner--name"
    folder.mkdir(parents=True)
    with FileLock(folder / "herosmith.lock"):
        assert "Another program downloads owner/name and gets nowhere" in await refusal()
        assert hub.ranges == []
    assert (await bring()).read_bytes() == GGUF


@pytest.mark.parametrize("text", ["name", "owner/name/file", "owner/name:", "owner/name@", "a b/c", "C:/x"])
def test_what_is_no_name(text: str) -> None:
    assert HubName.parse(text) is None


@pytest.mark.parametrize("text", ["a/b", "a/b:c/d.gguf", "a/b@v1.0/x", "a/b:c.gguf@main"])
def test_a_name_reads_as_it_is_written(text: str) -> None:
    assert str(HubName.parse(text)) == text


async def test_an_engine_ends_with_its_parent_while_it_downloads(hub: HubServer, tmp_path: Path) -> None:
    """Else the parent that is started again would find the folder taken."""
    hub.faults.append(Fault(stalls_after=1000))
    data = tmp_path / "engine"
    options = ("--data", str(data), "--base", NAME, "--port", "0", "--with-parent")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine", *options),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
    )
    await eventually((data / "download.json").exists, what="the download begins", timeout=90)
    assert process.stdin
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 60) == 1


async def test_an_engine_that_cannot_download_its_base_says_why(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(main, ["--data", str(tmp_path / "engine"), "--base", "owner/nothing"])
    assert str(ended.value).startswith("engine: owner/nothing exists neither here nor on 127.0.0.1")
    assert [each.path for each in hub.asked] == ["/api/models/owner/nothing"]
