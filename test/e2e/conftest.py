import sys
from pathlib import Path

import pytest

from program import Program, free_port
from world import Freefall, Provider

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """The URL of llama.cpp's server with a real model behind it."""
    url = f"http://127.0.0.1:{free_port()}"
    program = Program(sys.executable, HERE / "llama_server.py", url.rpartition(":")[2], cwd=tmp_path_factory.mktemp("llama"))
    program.wait_for(url + "/health", seconds=60)
    yield url
    assert program.stop() == 0, program.output


@pytest.fixture(scope="session")
def shared_provider(tmp_path_factory):
    provider = Provider(tmp_path_factory.mktemp("provider"))
    yield provider
    provider.program.stop()


@pytest.fixture
def provider(shared_provider):
    """The simulated provider with nothing scripted and nothing counted."""
    shared_provider.reset()
    return shared_provider


@pytest.fixture
def freefall(tmp_path):
    """Starts freefall on a configuration; a test may start several."""
    running = []

    def start(**config) -> Freefall:
        cwd = tmp_path / str(len(running))
        cwd.mkdir()
        running.append(Freefall(cwd, config))
        return running[-1]

    yield start
    for proxy in running:
        assert proxy.program.stop() == 0, proxy.program.output
