"""Programs that the tests start: on free ports of 127.0.0.1, ended by their own process id."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("FREEFALL_BIN", ROOT / "bin"))


def binary(name: str) -> Path:
    """A program that `make e2e` has built."""
    path = BIN / name
    if not path.exists():
        pytest.fail(f"{path} is missing; build it with `make e2e`", pytrace=False)
    return path


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Program:
    """One running program and what it has printed."""

    def __init__(self, *argv, cwd: Path, env: dict[str, str] | None = None):
        clean = {"PATH": os.environ["PATH"], "HOME": str(cwd)}  # no key of the person who runs the tests
        self.process = subprocess.Popen(
            [str(a) for a in argv], cwd=cwd, env=clean | (env or {}),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def wait_for(self, url: str, seconds: float = 30) -> None:
        """Returns when url answers 200; fails with the program's own words when it does not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx2.get(url, timeout=1, trust_env=False).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.02)
        self.stop()
        pytest.fail(f"{self.process.args} does not answer at {url}:\n{self.output}", pytrace=False)

    def stop(self) -> int:
        """Ends the program as an operator would and returns its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join(timeout=5)
            self.process.stdout.close()
