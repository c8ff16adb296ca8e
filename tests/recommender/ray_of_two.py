"""A real Ray of two nodes that listen on the loopback alone, for as long as a test needs it."""

import os
import subprocess
import sys
from pathlib import Path

NODES = Path(__file__).parent / "ray_nodes.py"
TOKEN = "0123456789abcdef" * 4


class Nodes:
    """A head and another node, held by a process of its own, which kills them when it is told to, or left alone."""

    def __init__(self, mode: str, home: Path) -> None:
        surroundings = {**os.environ, "RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": TOKEN, "HOME": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, str(NODES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=surroundings
        )
        self.address = self._done()

    def kill(self, node: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(node + "\n")
        self.process.stdin.flush()
        self._done()

    def _done(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("done"):
                return line.removeprefix("done").strip()
        raise AssertionError("the nodes are gone")

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *fault: object) -> None:
        self.process.communicate(timeout=240)
