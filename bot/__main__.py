"""The entry of `herosmith` and `python -m bot`. It imports next to nothing, so that Ctrl-C is heeded at once.

Loading the commands takes a second or more. Ctrl-C meanwhile would end in a traceback out of a library, or be
lost in one that catches every exception.
"""

import io
import os
import signal
import sys
from types import FrameType

_INTERRUPTED = 128 + signal.SIGINT  # the exit code of the shells


def main() -> None:
    """Run the command line. Ctrl-C before the command has begun ends the process silently, with 130."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # a shell may have had us ignore it, as behind nohup
        signal.signal(signal.SIGINT, _exit)
    # a file may have a name that is no UTF-8: what is said of it is no reason to fail
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    from bot.command_line import cli

    signal.signal(signal.SIGINT, handler)
    try:
        cli()
    except KeyboardInterrupt:  # typer heeds it only once it has read the arguments
        sys.exit(_INTERRUPTED)


def _exit(_number: int, _frame: FrameType | None) -> None:
    """End the process here: nothing has begun that would have to be closed."""
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
