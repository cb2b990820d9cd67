"""The peer: `python -m bench.engine.llama_peer MODEL SLOTS` serves a GGUF file with llama.cpp's own defaults.

Only the model, the number of slots and a port are set; it ends when its standard input does.
"""

import sys


def main() -> None:
    """Serve until stdin ends."""
    import xllamacpp  # noqa: PLC0415  native code, loaded where it is needed

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.n_parallel = int(sys.argv[2])
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}/v1", flush=True)
    sys.stdin.read()
    del server  # its threads would crash a process that exits while the model is loaded


if __name__ == "__main__":
    main()
