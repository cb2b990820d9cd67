"""llama.cpp's own server with its defaults: `python -m bench.engine.llama_baseline MODEL SLOTS`.

Only the GGUF file, the number of slots and a port are set. It ends when its standard input closes.
"""

import sys


def main() -> None:
    """Serve until stdin closes."""
    import xllamacpp  # noqa: PLC0415  (native code, loaded where it is needed)

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.n_parallel = int(sys.argv[2])
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}/v1", flush=True)
    sys.stdin.read()
    del server  # otherwise its threads crash a process that exits while the model is loaded


if __name__ == "__main__":
    main()
