"""Spectrograms: short synthetic sounds, their Fourier transform over time, drawn in one of several colour scales."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from zoo.starter.drawing import SIZE, Floats, blend, colour, uniform
from zoo.starter.families import Family

HOP = 32
WINDOW = 64
LENGTH = HOP * (SIZE - 1) + WINDOW
"""Samples of sound: SIZE windows of WINDOW samples give SIZE columns of SIZE frequencies."""

Sound = Callable[[np.random.Generator, int], Floats]
"""(rng, count) -> [count, LENGTH], amplitude about one."""


def numbers(rng: np.random.Generator, count: int, low: float, high: float) -> Floats:
    """One number per sound [N, 1]."""
    return rng.uniform(low, high, (count, 1)).astype(np.float32)


def clock() -> Floats:
    """0..1 over the sound."""
    return np.linspace(0, 1, LENGTH, dtype=np.float32)[None]


def sing(frequency: Floats) -> Floats:
    """A tone of the frequency (share of the sampling rate, so below 0.5) that each sample has."""
    tones: Floats = np.sin(np.cumsum(np.broadcast_to(frequency, (len(frequency), LENGTH)), 1) * (2 * np.pi))
    return tones


def within(rng: np.random.Generator, count: int) -> Floats:
    """An envelope: when the sound is there, starting and ending softly."""
    start, end = numbers(rng, count, 0, 0.25), numbers(rng, count, 0.75, 1.0)
    loud: Floats = np.clip(np.minimum(clock() - start, end - clock()) * 20, 0, 1)
    return loud


def tone(rng: np.random.Generator, count: int) -> Floats:
    return sing(numbers(rng, count, 0.06, 0.44)) * within(rng, count)


def rising(rng: np.random.Generator, count: int) -> Floats:
    low = numbers(rng, count, 0.04, 0.22)
    return sing(low + numbers(rng, count, 0.08, 0.26) * clock() ** numbers(rng, count, 0.7, 1.8)) * within(rng, count)


def falling(rng: np.random.Generator, count: int) -> Floats:
    return rising(rng, count)[:, ::-1]


def harmonics(rng: np.random.Generator, count: int) -> Floats:
    base = numbers(rng, count, 0.05, 0.1) * (1 + numbers(rng, count, -0.15, 0.15) * clock())
    total = np.zeros((count, LENGTH), np.float32)
    for k in range(1, 6):
        total += sing(base * k) * numbers(rng, count, 0.3, 1) * (base * k < 0.49)
    return total * within(rng, count)


def vibrato(rng: np.random.Generator, count: int) -> Floats:
    swing = np.sin((clock() * numbers(rng, count, 2, 5) + numbers(rng, count, 0, 1)) * (2 * np.pi))
    return sing(numbers(rng, count, 0.14, 0.36) + numbers(rng, count, 0.04, 0.1) * swing) * within(rng, count)


def clicks(rng: np.random.Generator, count: int) -> Floats:
    turns = clock() * numbers(rng, count, 3, 8) + numbers(rng, count, 0, 1)
    since = turns - np.floor(turns)
    burst = np.exp(-since * numbers(rng, count, 15, 60))
    return rng.standard_normal((count, LENGTH), dtype=np.float32) * burst * 2


def hiss(rng: np.random.Generator, count: int) -> Floats:
    """Noise that a tone carries: a band of frequencies, all the time."""
    slow = rng.standard_normal((count, LENGTH // 8 + 2), dtype=np.float32).repeat(8, 1)[:, :LENGTH]
    return slow * sing(numbers(rng, count, 0.08, 0.42)) * within(rng, count) * numbers(rng, count, 0.8, 1.6)


def trill(rng: np.random.Generator, count: int) -> Floats:
    """Two notes in turn."""
    turns = clock() * numbers(rng, count, 2, 5) + numbers(rng, count, 0, 1)
    high = (turns - np.floor(turns) < 0.5).astype(np.float32)
    return sing(numbers(rng, count, 0.06, 0.24) + numbers(rng, count, 0.08, 0.2) * high) * within(rng, count)


SOUNDS: dict[str, Sound] = {
    "clicks": clicks,
    "falling": falling,
    "harmonics": harmonics,
    "hiss": hiss,
    "rising": rising,
    "tone": tone,
    "trill": trill,
    "vibrato": vibrato,
}


def spectrograms(name: str, sounds: Mapping[str, Sound]) -> Family:
    return Family(name, {kind: partial(_picture, sound) for kind, sound in sounds.items()})


def _picture(sound: Sound, rng: np.random.Generator, count: int) -> Floats:
    heard = sound(rng, count) * numbers(rng, count, 0.4, 1.2)
    heard = heard + rng.standard_normal(heard.shape, dtype=np.float32) * np.exp(numbers(rng, count, -3.0, -0.4))
    frames = np.lib.stride_tricks.sliding_window_view(heard, WINDOW, 1)[:, ::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames)[..., 1 : SIZE + 1]).astype(np.float32)
    level = np.log(power + np.exp(numbers(rng, count, -3, 0))[..., None])
    floor, top = level.min((1, 2), keepdims=True), level.max((1, 2), keepdims=True)
    level = (level - floor) / (top - floor + (1e-6))
    return _tinted(rng, level.transpose(0, 2, 1)[:, None, ::-1], count)


def _tinted(rng: np.random.Generator, level: Floats, count: int) -> Floats:
    """Low frequencies at the bottom; from dark to light, or from paper to ink, over hues of some range."""
    gamma = level ** uniform(rng, count, 0.6, 1.6)
    hue = uniform(rng, count, 0, 1) + uniform(rng, count, -0.45, 0.45) * gamma
    dark = colour(hue, uniform(rng, count, 0, 0.9) * (1 - gamma * 0.6), 0.05 + gamma * 0.95)
    ink = colour(hue, uniform(rng, count, 0, 0.5), 1 - gamma * uniform(rng, count, 0.7, 1.0))
    paper = (rng.random((count, 1, 1, 1)) < 0.3).astype(np.float32)
    return blend(dark, ink, paper) + rng.standard_normal((count, 3, SIZE, SIZE), dtype=np.float32) * 0.015
