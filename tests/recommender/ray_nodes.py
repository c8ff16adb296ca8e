"""Two Ray nodes on the loopback, each killed when its name is read: `head`, `other`; all at the end."""

import contextlib
import os
import signal
import sys
from pathlib import Path

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # 127.0.0.1 stays what it is
from ray._private.node import Node
from ray.cluster_utils import Cluster

MEMORY = 150 * 2**20
NODE = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "include_dashboard": False, "object_store_memory": MEMORY}


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    nodes = {"head": cluster.head_node, "other": cluster.add_node(**NODE)}
    print("done", cluster.address, flush=True)
    for line in sys.stdin:
        kill(nodes[line.strip()])
        print("done", flush=True)
    for node in nodes.values():
        kill(node)


def kill(node: Node) -> None:
    """All at once, with the agents that a raylet starts."""
    pids = [info.process.pid for infos in node.all_processes.values() for info in infos]
    for pid in pids + [child for parent in pids for child in children(parent)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


if __name__ == "__main__":
    main()
