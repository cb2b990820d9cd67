"""The client of llama.cpp's port."""

import asyncio
import json

from engine.inference.llama_tokenizer import LlamaTokenizer


async def test_a_server_that_keeps_no_connection_is_asked_on_new_ones() -> None:
    """llama.cpp says that it keeps a connection, and sometimes closes it."""

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split()[1]) for line in head.lower().splitlines() if "content-length" in line)
        await reader.readexactly(length)
        tokenizes = head.startswith("POST /tokenize ")
        body = json.dumps({"tokens": [7, 8, -1]} if tokenizes else {"prompt": "She can fly."}).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        await reader.read(1)  # another request on the connection, or its end
        writer.close()

    server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        tokenizer = LlamaTokenizer(f"http://127.0.0.1:{port}", "key")
        assert await tokenizer.prompt([{"role": "user", "content": "Hello"}]) == [7, 8]
