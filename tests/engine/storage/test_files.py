"""Uploaded files: upload, list, download, delete, limits."""

import asyncio

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from tests.support.engine_process import EngineProcess, example, jsonl
from tests.support.eventually import eventually


async def test_upload_download_and_delete(client: AsyncOpenAI) -> None:
    name, content = jsonl(map(example, range(20, 30)))
    file = await client.files.create(file=(name, content), purpose="fine-tune")
    assert (file.object, file.purpose, file.filename, file.bytes) == ("file", "fine-tune", name, len(content))
    assert await client.files.retrieve(file.id) == file
    assert (await client.files.content(file.id)).content == content
    assert file in (await client.files.list()).data
    assert (await client.files.delete(file.id)).deleted
    assert file not in (await client.files.list()).data
    for gone in (client.files.retrieve(file.id), client.files.content(file.id), client.files.delete(file.id)):
        with pytest.raises(openai.NotFoundError):
            await gone


async def test_newest_first_page_by_page(client: AsyncOpenAI) -> None:
    made = [(await client.files.create(file=jsonl([number]), purpose="fine-tune")).id for number in range(3)]
    page = await client.files.list(limit=2)
    assert [file.id for file in page.data] == made[:0:-1]
    assert page.has_more
    following = await client.files.list(limit=1, after=made[1])
    assert [file.id for file in following.data] == [made[0]]


async def test_other_purposes_are_rejected(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.files.create(file=jsonl([1]), purpose="assistants")
    assert caught.value.param == "purpose"


async def test_upload_without_a_file_is_rejected(engine: EngineProcess) -> None:
    form = aiohttp.FormData({"purpose": "fine-tune"}, default_to_multipart=True)
    async with aiohttp.ClientSession() as http, http.post(engine.url + "/files", data=form) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["param"] == "file"


async def test_a_too_large_file_is_rejected_before_it_is_sent(engine: EngineProcess) -> None:
    host, port = engine.url.removeprefix("http://").removesuffix("/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = "POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    writer.write(f"{head}Content-Length: {1 << 30}\r\n\r\n".encode())
    answer = await reader.readuntil(b"}}")
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"larger than 512 MiB" in answer


async def test_an_aborted_upload_leaves_no_file(engine: EngineProcess) -> None:
    host, port = engine.url.removeprefix("http://").removesuffix("/v1").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = "POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    part = '--b\r\nContent-Disposition: form-data; name="file"; filename="half"\r\n\r\nhalf of it'
    folder = engine.data / "files"
    before = set(folder.iterdir())
    writer.write(f"{head}Content-Length: 1000\r\n\r\n{part}".encode())
    await writer.drain()
    await eventually(lambda: set(folder.iterdir()) != before, what="the upload begins")
    writer.close()
    await eventually(lambda: set(folder.iterdir()) == before, what="the aborted upload is deleted")
