"""The command line that every way to run the engine has in common."""

import argparse
from pathlib import Path
from typing import get_args

from engine.jobs.weights_choice import WeightsSetting

_MAX_PORT = 65535


def parser(program: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser for `python -m PROGRAM` with the options that do not depend on where models run."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder for files, jobs, batches and trained models"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1, this machine alone)",
    )
    parser.add_argument("--port", type=_port, default=8765, help="0 picks a free port (default: 8765)")
    parser.add_argument(
        "--allowed-host",
        type=_host,
        metavar="NAME",
        action="append",
        default=[],
        help="a name or address, besides the loopback ones and HOST, by which clients may address the engine,"
        " and whose web pages may; repeat it for more",
    )
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help="a .gguf file, a folder with one, the folder of a Hugging Face model, or a name on its Hub,"
        " owner/name or owner/name:file.gguf, either with @revision (default: the packaged weights)",
    )
    parser.add_argument(
        "--tune",
        choices=get_args(WeightsSetting),
        default="auto",
        help="what a training changes if its client does not say it: all weights, an adapter, or (auto, the"
        " default) all weights where memory, disk and the size of the base allow it",
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin ends")
    return parser


def _host(text: str) -> str:
    if not text or set(text) & set("/@ ") or (text.count(":") == 1):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a host: give its name or address alone, as in engine"
        )
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: it is a number from 0 to {_MAX_PORT}")
    return int(text)


def count(text: str) -> int:
    """Read a number from 1. Raises ArgumentTypeError, a sentence."""
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)
