"""Run a command with a PostgreSQL server of its own: `python -m scripts.postgres COMMAND ...`.

The server runs in a temporary folder, is gone when the command ends, and does not wait for the disk.
The command finds its address in TEST_POSTGRES_URL; if that is set already, no server is started. As root,
Debian's package is installed where it is missing, and the server runs as the user `postgres`.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "TEST_POSTGRES_URL"
_USER = "postgres"  # whom Debian's package makes; the server refuses to run as root
_INSTALL = "apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql"
_INSTALL_SECONDS = 300
_CONFIGURATION = """\
listen_addresses = '127.0.0.1'
max_connections = 200
"""
_FORGETFUL = """\
fsync = off
full_page_writes = off
"""


class NoServer(Exception):
    """No server can be started here; the message says why."""


class PrivateServer:
    """A server in a folder. It is started, stopped and killed by who has it."""

    def __init__(self, programs: Path, folder: Path, *, durable: bool = False) -> None:
        """Create the server's files. folder: an empty one; the server's user must be able to reach it.

        durable: wait for the disk, as servers do that hold data.
        """
        self._programs = programs
        self.folder = folder  # of the server's user
        self._data = folder / "data"
        self._data.mkdir(mode=0o700)
        if os.getuid() == 0:
            for path in (folder, self._data):
                shutil.chown(path, _USER)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        # a collation as on most servers: it sorts texts as a dictionary does, not by their bytes
        sorting = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
        self.run("initdb", "-D", self._data, "-U", _USER, "-A", "trust", "-E", "UTF8", "-N", *sorting)
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(f"port = {self.port}\nunix_socket_directories = '{folder}'\n{_CONFIGURATION}")
            file.write("" if durable else _FORGETFUL)

    @property
    def url(self) -> str:
        """The address, as DATABASE_URL takes it, of the database that every server has.

        The password is not asked for. Without one the doctor would mask the user's name wherever it stands.
        """
        return f"postgresql+asyncpg://{_USER}:not-asked-for@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.run("pg_ctl", "-D", self._data, "-l", self._data / "server.log", "-w", "-t", "60", "start")

    def stop(self) -> None:
        """Stop as an operator does who waits for nobody: connections end, and no transaction is lost."""
        self.run("pg_ctl", "-D", self._data, "-w", "-m", "fast", "stop")

    def kill(self) -> None:
        """Let all its processes die at once, as in a crash."""
        self.run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    @contextmanager
    def asking_for_passwords(self) -> Iterator[None]:
        """Let nobody in without a password during the block."""
        rules = self._data / "pg_hba.conf"
        before = rules.read_text()
        rules.write_text(before.replace("trust", "scram-sha-256"))
        self.run("pg_ctl", "-D", self._data, "reload")
        yield
        rules.write_text(before)
        self.run("pg_ctl", "-D", self._data, "reload")

    @contextmanager
    def only_reading(self) -> Iterator[None]:
        """Be a copy of a server that is gone during the block: what is there can be read."""
        self.stop()
        signal_file = self._data / "standby.signal"
        signal_file.touch()
        try:
            self.start()
            yield
            self.stop()
        finally:
            signal_file.unlink()
        self.start()

    def run(self, program: str, *arguments: object) -> None:
        """Run one of PostgreSQL's programs as the server's user. Raises NoServer if it fails."""
        command = [str(self._programs / program), *map(str, arguments)]
        if os.getuid() == 0:
            command = ["runuser", "-u", _USER, "--", *command]
        # not PIPE: the server keeps what its starter has open
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(command, cwd=self.folder, stdout=output, stderr=output, check=False)
            output.seek(0)
            if done.returncode:
                raise NoServer(f"{program} failed:\n{output.read()}")


def server_programs(*, install: bool) -> Path:
    """Return the folder of PostgreSQL's programs, the newest if there are several. Raises NoServer."""
    if install and not _found() and os.getuid() == 0 and shutil.which("apt-get"):
        print("installing PostgreSQL's server ...", flush=True)
        subprocess.run(
            ["sh", "-c", _INSTALL],  # noqa: S607
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_INSTALL_SECONDS,
        )
    if not (found := _found()):
        raise NoServer(
            f"There is no PostgreSQL server here: install one (apt-get install postgresql), or name one in "
            f"{VARIABLE}, as postgresql+asyncpg://USER:PASSWORD@HOST:PORT/postgres."
        )
    return found


def _found() -> Path | None:
    ours = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    anywhere = shutil.which("initdb")
    return ours[-1].parent if ours else Path(anywhere).parent if anywhere else None


@contextmanager
def private_server(*, install: bool = True, durable: bool = False) -> Iterator[PrivateServer]:
    """Run a server in a temporary folder during the block. Raises NoServer.

    install: install Debian's package if it is missing, and this is root. durable: wait for the disk.
    """
    programs = server_programs(install=install)
    with tempfile.TemporaryDirectory(prefix="herosmith-postgres-") as folder:
        server = PrivateServer(programs, Path(folder), durable=durable)
        server.start()
        try:
            yield server
        finally:
            with suppress(NoServer):  # if it was stopped already
                server.stop()


def _main(command: list[str]) -> int:
    if os.environ.get(VARIABLE):
        return subprocess.run(command, check=False).returncode
    with private_server() as server:
        return subprocess.run(command, check=False, env=os.environ | {VARIABLE: server.url}).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends, too
    try:
        sys.exit(_main(sys.argv[1:]))
    except NoServer as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
