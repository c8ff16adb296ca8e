"""A Ray cluster that carries out tasks. Nothing else here knows Ray, and this module is imported only when asked for.

    this process --pipe--> driver: a process of its own --Ray--> any node of the cluster

Ray ends its driver when the cluster's head is gone for long, so the driver is not the process of the job: the job sees
its pipe closed, and goes on alone. What Ray keeps is in memory, and none of it is missed: parts can be sent again, and
answers are kept by the asker. A node that dies costs its tasks another try, by Ray itself.

`ray start` lets everybody in who reaches its port, and whoever is in runs code: a cluster that does not ask for a token
(RAY_AUTH_MODE=token) is refused, unless it listens on this machine's loopback alone.
"""

import importlib.util
import ipaddress
import logging
import multiprocessing
import os
import pickle
import signal
import socket
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from headhunt import __version__
from headhunt.errors import BadValue, WorkLost, one_line
from recommender.fan import TRIES, Away, FieldLost, Parcel, carried_out

STARTING_S = 20.0
"""So long Ray may take to answer that it is there."""
ENDING_S = 2.0
ASKING_S = 5.0
TURN_S = 0.02
GPU_SHARE = 0.25
"""Of a GPU for each task: small networks leave most of one idle."""
HELD = 32
"""So many shared parts stay in Ray's memory; the oldest go."""
TOKEN_FILE = Path(".ray") / "auth_token"


def ray_fan(address: str, threads: int = 1) -> Away:
    """Somebody who does errands on the cluster at `host:port`; each task takes so many cores there."""
    return Away(Cluster(address, threads))


# --- Who is let near --------------------------------------------------------------------------------------------------


def checked_address(address: str) -> str:
    """`host:port` of a cluster that may be used, or BadValue. Asks the cluster whether it wants a token."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or not host or "/" in host:
        raise BadValue(f"{address!r} is no address of a Ray cluster: give host:port, as 'ray start --head' prints it.")
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("grpc") is None:
        raise BadValue("Ray is not installed. pip install 'headhunt[ray]', here and on every node.")
    if not is_loopback(host):
        if not has_token():
            raise BadValue(
                f"There is no token for the Ray cluster at {address}. Make one with 'ray get-auth-token --generate',"
                " bring it to every node, and start all with RAY_AUTH_MODE=token."
            )
        if lets_everybody_in(address):
            raise BadValue(
                f"The Ray cluster at {address} asks nobody for a token, so whoever reaches it runs code there."
                " Start its nodes with RAY_AUTH_MODE=token."
            )
    return address


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def has_token() -> bool:
    """Where Ray itself looks for one."""
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named) if named else Path.home() / TOKEN_FILE
    with suppress(OSError):
        return bool(os.environ.get("RAY_AUTH_TOKEN")) or bool(path.read_text().strip())
    return False


def lets_everybody_in(address: str) -> bool:
    """Whether it answers a call without a token. Nobody there: no, since there is nothing to come into."""
    import grpc

    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary("/ray.rpc.NodeInfoGcsService/CheckAlive")(b"", timeout=ASKING_S)
        except grpc.RpcError as error:
            wants = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
            nobody = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            return error.code() not in (*wants, *nobody)
    return True


# --- In the process that asks -----------------------------------------------------------------------------------------


class Cluster:
    """A cluster through its driver. The driver starts at once; whoever needs it first waits until it is there."""

    def __init__(self, address: str, threads: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._driver = context.Process(target=drive, args=(theirs, address, threads), daemon=True, name="ray driver")
        self._driver.start()
        theirs.close()
        self._width: int | None = None
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._dropped: set[int] = set()

    @property
    def width(self) -> int:
        if self._width is None:
            (self._width,) = self._heard(STARTING_S) or (None,)
            if self._width is None:
                raise FieldLost(f"the Ray cluster did not answer within {STARTING_S:g} s")
        return self._width

    def begin(self, number: int, parcel: Parcel) -> None:
        self.width  # noqa: B018 - the driver speaks first
        keys, own = [], []
        for part in parcel.parts:
            keys.append(part.key)
            if part.key is None:
                own.append(packed(part.make()))
            elif part.key not in self._sent:
                self._say("part", part.key, packed(part.make()))
                self._sent[part.key] = None
            else:
                self._sent.move_to_end(part.key)
        while len(self._sent) > HELD:
            self._say("forget", self._sent.popitem(last=False)[0])
        self._say("task", number, packed(parcel.task), keys, own, parcel.device)

    def done(self, patience: float) -> Iterator[tuple[int, Any]]:
        heard = self._heard(patience)
        while heard is not None:
            number, blob = heard
            if number not in self._dropped:
                yield number, pickle.loads(blob)  # noqa: S301 - from a cluster that asks for our token
            heard = self._heard(0)

    def drop(self, numbers: Iterable[int]) -> None:
        gone = list(numbers)
        self._dropped.update(gone)
        with suppress(FieldLost):
            self._say("drop", gone)

    def close(self) -> None:
        self._pipe.close()
        self._driver.join(ENDING_S)
        if self._driver.is_alive():
            self._driver.kill()
            self._driver.join()
        self._driver.close()

    def _say(self, *words: object) -> None:
        try:
            self._pipe.send(words)
        except OSError as error:
            raise FieldLost("the Ray cluster is gone") from error

    def _heard(self, patience: float) -> Any:
        """What the driver says next; None: nothing yet."""
        try:
            if not self._pipe.poll(patience):
                return None
            kind, *words = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise FieldLost("the Ray cluster is gone") from error
        if kind == "lost":
            raise FieldLost(f"the Ray cluster could not be used ({words[0]})")
        return words


def packed(value: object) -> bytes:
    return pickle.dumps(value, protocol=5)


# --- In the driver ----------------------------------------------------------------------------------------------------


def drive(pipe: Connection, address: str, threads: int) -> None:
    """Until the pipe is closed. Whatever goes wrong is told, in a line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        Driver(pipe, address, threads).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except Exception as error:
        with suppress(OSError):
            pipe.send(("lost", one_line(getattr(error, "cause", None) or error)))
    os._exit(0)


class Driver:
    """Holds the connection to Ray: parts that were put there, and tasks that run."""

    def __init__(self, pipe: Connection, address: str, threads: int) -> None:
        self.pipe, self.threads = pipe, threads
        host, _, port = checked_address(address).rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), ASKING_S).close()  # Ray itself would wait for minutes
        if is_loopback(host):
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else Ray looks for 127.0.0.1 at our outward address
        os.environ["RAY_AUTH_MODE"] = "token" if has_token() else "disabled"
        import ray

        self.ray = ray
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        there = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self.cores, self.gpus = there.get("CPU", 0.0), there.get("GPU", 0.0)
        self.carry = ray.remote(carry)
        self.parts: dict[str, Any] = {}
        self.running: dict[Any, int] = {}

    def run(self) -> None:
        self.pipe.send(("ready", max(1, int(self.cores // self.threads))))
        while True:
            while self.pipe.poll(0 if self.running else None):
                kind, *words = self.pipe.recv()
                getattr(self, f"on_{kind}")(*words)
            done, _ = self.ray.wait(list(self.running), timeout=TURN_S)
            for ref in done:
                self.pipe.send(("done", self.running.pop(ref), self.answer(ref)))

    def on_part(self, key: str, blob: bytes) -> None:
        self.parts[key] = self.ray.put(blob)

    def on_forget(self, key: str) -> None:
        del self.parts[key]

    def on_task(self, number: int, task: bytes, keys: list[str | None], own: list[bytes], device: str | None) -> None:
        on_gpu = self.gpus > 0 if device is None else device.startswith("cuda")
        if on_gpu and not self.gpus:
            raise WorkLost(f"the device {device} was asked for, and no node has a GPU")
        unshared = iter(own)
        parts = [next(unshared) if key is None else self.parts[key] for key in keys]
        share = {"num_cpus": self.threads, "num_gpus": GPU_SHARE if on_gpu else 0, "max_retries": TRIES}
        self.running[self.carry.options(**share).remote(__version__, self.threads, task, *parts)] = number

    def on_drop(self, numbers: list[int]) -> None:
        for ref in [ref for ref, number in self.running.items() if number in numbers]:
            del self.running[ref]
            self.ray.cancel(ref, force=True)

    def answer(self, ref: Any) -> bytes:
        """What a task came to. What Ray gave up after its tries is an error of that task; all else ends the driver."""
        died = self.ray.exceptions
        try:
            blob: bytes = self.ray.get(ref)
            return blob
        except (died.WorkerCrashedError, died.NodeDiedError, died.OutOfMemoryError, died.ObjectLostError) as error:
            return packed(WorkLost(f"{TRIES + 1} processes died of it ({type(error).__name__})"))


# --- On a node --------------------------------------------------------------------------------------------------------


def carry(version: str, threads: int, task: bytes, *parts: bytes) -> bytes:
    """Raises ImportError where this node cannot do what is asked of it, which ends the use of the cluster."""
    if version != __version__:
        raise ImportError(f"a node has headhunt {__version__}, the server has {version}: install the same")
    import torch

    torch.set_num_threads(threads)
    loaded = tuple(pickle.loads(part) for part in parts)  # noqa: S301 - from the driver
    return packed(carried_out(pickle.loads(task), loaded))  # noqa: S301
