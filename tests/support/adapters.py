"""LoRA adapters in PEFT's format, of chosen weights, and a training server that gives archives of them."""

import asyncio
import io
import json
import tarfile
from pathlib import Path

import numpy as np
from aiohttp import web
from safetensors.numpy import save_file

_LAYER = "base_model.model.model.layers.0.self_attn.q_proj"


def write(folder: Path, *, value: float, rank: int = 4) -> Path:
    """Write an adapter whose weights are all the same number."""
    folder.mkdir(parents=True)
    config = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": rank,
        "target_modules": ["q_proj"],
        "base_model_name_or_path": "what the engine calls it",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    weights = {
        f"{_LAYER}.lora_A.weight": np.full((rank, 8), value, np.float32),
        f"{_LAYER}.lora_B.weight": np.full((8, rank), value, np.float32),
    }
    save_file(weights, folder / "adapter_model.safetensors")
    return folder


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def archive(folder: Path) -> bytes:
    """Return an adapter as the engine sends it."""
    return tar_of(*((tarfile.TarInfo(path.name), path.read_bytes()) for path in sorted(folder.iterdir())))


def gives(*bodies: bytes, hangs: bool = False) -> web.Application:
    """A training server that gives these archives, one after the other; or hangs after half of one."""
    left = list(bodies)

    async def adapter(request: web.Request) -> web.StreamResponse:
        body = left.pop(0)
        response = web.StreamResponse()
        response.content_length = len(body) * 2 if hangs else len(body)
        await response.prepare(request)
        await response.write(body)
        if hangs:
            await asyncio.sleep(60)
        return response

    app = web.Application()
    app.router.add_get("/v1/models/{id}/adapter", adapter)
    return app
