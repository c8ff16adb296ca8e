"""What a network costs: parameters, multiply-adds, and on this machine the latency and peak memory of one image.

A network that is measured comes back as it was: the mode of every module, its gradients and its device.
"""

import functools
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from headhunt.errors import BadSpec, one_line
from headhunt.vocabulary import Measured

WARM_UP = 2
REPEATS = 15
AT_LEAST = 3
BUDGET_S = 3.0


def count_params(network: nn.Module) -> int:
    """All parameters, shared ones once."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(network: nn.Module, *, input_size: int, channels: int = 3) -> int:
    """Multiply-adds of one image: convolutions and matrix products, half of what torch counts as floating operations.

    On the meta device nothing is computed. Attention is counted as its two matrix products, whatever kernel runs it.
    """
    image = torch.zeros(1, channels, input_size, input_size, device=device_of(network))
    with evaluated(network), torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        forward(network, image)
    return int(counter.get_total_flops()) // 2


def measure(network: nn.Module, *, input_size: int, channels: int = 3, device: str | None = None) -> Measured:
    """Latency (the median of single images after a warm-up) and peak memory (weights and one forward) on a device."""
    home = device_of(network)
    place = torch.device(device) if device else home
    image = torch.zeros(1, channels, input_size, input_size, device=place)
    try:
        network.to(place)
        with evaluated(network), torch.inference_mode(), one_thread():
            run = functools.partial(forward, network, image)
            latency = median_ms(run, place)
            peak = peak_bytes(run, place) + image.nbytes + weight_bytes(network)
    finally:
        network.to(home)
    return Measured(latency_ms=latency, peak_bytes=peak, device=device_name(place))


def forward(network: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """One forward pass; a network that cannot take such an image says so as our error."""
    try:
        outputs = network(image)
    except (RuntimeError, ValueError, AssertionError, TypeError, IndexError, NotImplementedError) as error:
        size = "x".join(str(n) for n in image.shape[1:])
        kind = type(network).__name__
        raise BadSpec(
            f"{kind} cannot take an image of {size}: {one_line(error)}. Give the size it is built for."
        ) from error
    if not isinstance(outputs, torch.Tensor):
        raise BadSpec(f"{type(network).__name__} returns a {type(outputs).__name__}. A network returns one tensor.")
    return outputs


@contextmanager
def evaluated(network: nn.Module) -> Iterator[None]:
    """Evaluation mode and frozen for as long as this lasts, then every module and parameter as it was."""
    modes = [(module, module.training) for module in network.modules()]
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    network.eval().requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad = True
        for module, mode in modes:
            module.training = mode


def device_of(network: nn.Module) -> torch.device:
    tensor = next(network.parameters(), None)
    return torch.device("cpu") if tensor is None else tensor.device


def weight_bytes(network: nn.Module) -> int:
    """Parameters and buffers, each storage once."""
    tensors = [*network.parameters(), *network.buffers()]
    return sum({tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}.values())


def median_ms(run: Callable[[], object], place: torch.device) -> float:
    for _ in range(WARM_UP):
        timed(run, place)
    times: list[float] = []
    while len(times) < AT_LEAST or (len(times) < REPEATS and sum(times) < BUDGET_S):
        times.append(timed(run, place))
    return statistics.median(times) * 1000


def timed(run: Callable[[], object], place: torch.device) -> float:
    settle(place)
    began = time.perf_counter()
    run()
    settle(place)
    return time.perf_counter() - began


def settle(place: torch.device) -> None:
    """CUDA works behind the caller's back: wait for it."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def peak_bytes(run: Callable[[], object], place: torch.device) -> int:
    """The most that one run holds beyond what was there before, as torch's own allocator tells it."""
    if place.type == "cuda":
        torch.cuda.reset_peak_memory_stats(place)
        before = torch.cuda.memory_allocated(place)
        run()
        settle(place)
        return torch.cuda.max_memory_allocated(place) - before
    return peak_on_cpu(run)


def peak_on_cpu(run: Callable[[], object]) -> int:
    """The peak of the running sum over every allocation and release that torch's profiler saw."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the tracer greets the user on stderr
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as seen:
        run()
    results = getattr(seen.profiler, "kineto_results")  # noqa: B009 - untyped
    changes = sorted((e.start_ns(), e.nbytes()) for e in results.events() if e.name() == "[memory]")
    held = peak = 0
    for _, change in changes:
        held += change
        peak = max(peak, held)
    return peak


@contextmanager
def one_thread() -> Iterator[None]:
    """Several threads on cores that others use too may take a hundred times as long; one can be compared with one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def device_name(place: torch.device) -> str:
    """The machine that figures belong to: `AMD EPYC 9B45, 1 thread` or `NVIDIA H200`."""
    return torch.cuda.get_device_name(place) if place.type == "cuda" else f"{cpu_name()}, 1 thread"


@functools.cache
def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
