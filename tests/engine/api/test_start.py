"""The start: what cannot be used ends it with a sentence; the address that it prints."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import openai
import pytest

from engine.__main__ import main


def reason_of(*options: str | Path) -> str:
    """Return why an engine with these options cannot start."""
    with pytest.raises(SystemExit) as ended:
        main([str(option) for option in options])
    assert isinstance(ended.value.code, str)  # Python prints it, and exits with 1
    return ended.value.code


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "Address already in use"),
        ("192.0.2.1", "Cannot assign requested address"),  # reserved for documentation
        ("a..b", "label empty"),
        ("x" * 70, "label empty|label too long"),
        ("fe80::1", "Invalid argument|No such device"),  # without an interface
        ("[::1]", "not known|No address|not supported"),  # brackets belong into URLs
    ],
)
def test_an_address_that_cannot_be_used(tmp_path: Path, tiny_base: Path, host: str, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = reason_of("--data", tmp_path, "--base", tiny_base, "--host", host, "--port", port)
    assert said.startswith(f"engine: it cannot listen on host {host!r}, port {port}: ")
    assert re.search(reason, said)
    assert said.endswith("Choose otherwise by --host and --port.")


def test_the_process_ends_with_code_1_and_without_a_traceback(tmp_path: Path, tiny_base: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = ["--base", tiny_base, "--port", taken.getsockname()[1], "--data", tmp_path]
        command = [sys.executable, "-m", "engine", *map(str, options)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "Address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "99999999999999999999", "abc", "80.5", "\u0663", ""])
def test_a_port_that_is_none_is_a_wrong_use(
    tmp_path: Path, port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--data", str(tmp_path), f"--port={port}"])
    assert ended.value.code == 2
    assert "it is a number from 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("file", "File exists"),
        ("file/below", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("/proc/nowhere", "No such file or directory"),
        ("models-is-a-file", "File exists"),
    ],
)
def test_a_folder_that_cannot_be_used(tmp_path: Path, tiny_base: Path, folder: str, reason: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "models-is-a-file").mkdir()
    (tmp_path / "models-is-a-file" / "models").touch()
    data = tmp_path / folder
    assert reason_of("--data", data, "--base", tiny_base, "--port", "0") == (
        f"engine: the folder {data} cannot be used: {reason}. Choose otherwise by --data."
    )


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_printed_so_that_clients_understand_it(tmp_path: Path, tiny_base: Path) -> None:
    options = ["--data", str(tmp_path), "--base", str(tiny_base), "--host", "::1", "--port", "0"]
    with subprocess.Popen([sys.executable, "-m", "engine", *options], stdout=subprocess.PIPE) as engine:
        try:
            assert engine.stdout is not None
            url = engine.stdout.readline().split()[-1].decode()
            assert re.fullmatch(r"http://\[::1\]:\d+/v1", url)
            with openai.OpenAI(base_url=url, api_key="none") as client:
                assert [model.id for model in client.models.list().data] == ["tiny"]
        finally:
            engine.kill()


@pytest.mark.parametrize("name", ["http://engine", "engine:8765", "me@engine", "", "two names", "engine/v1"])
def test_an_allowed_host_that_would_never_match_is_a_wrong_use(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--data", str(tmp_path), f"--allowed-host={name}"])
    assert ended.value.code == 2
    assert "give its name or address alone" in capsys.readouterr().err
