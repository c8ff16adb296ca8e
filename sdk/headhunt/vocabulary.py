"""The words of headhunt as frozen structs: what every stage says and hears, and nothing that computes.

    Zoo         the repository, a matrix Data x Network
    Domain      a row: the data that networks were trained on
    Network     a column: an architecture, named as timm names it, or `package.module:factory`
    ModelCard   a cell: all that is known of one pre-trained model
    Sample      the user's images; a Version is one state of them, named by its content
    Protocol    how a network is trained; an Outcome is what came of it

Shapes, units: sizes in pixels, accuracies as fractions of one, times in the unit that the field's name ends with.
"""

from typing import Literal

import msgspec

MIB = 2**20
GIB = 2**30


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The base of all words: frozen, by keyword, and closed to unknown fields when read."""


# --- Samples ---------------------------------------------------------------------------------------------------------


class SampleLimits(Struct, frozen=True):
    """What a sample may ask of this machine. Everything outside is refused by name, before it costs anything."""

    max_members: int = 200_000
    max_archive_bytes: int = 20 * GIB
    max_total_bytes: int = 40 * GIB
    max_member_bytes: int = 64 * MIB
    max_header_bytes: int = MIB
    max_ratio: float = 200.0
    max_pixels: int = 150_000_000
    max_decoded_bytes: int = 256 * MIB
    max_aspect: float = 100.0
    max_classes: int = 10_000
    max_broken: float = 0.05


class Entry(Struct, frozen=True):
    """One image of a sample: where it stood, what it is (SHA-256), what the user calls it."""

    path: str
    digest: str
    size: int
    label: str | None = None
    split: str | None = None


class Refusal(Struct, frozen=True):
    """One member that was left out: its name as shown, a stable code, and the reason in words."""

    member: str
    code: str
    reason: str


class Version(Struct, frozen=True):
    """One state of a sample. `id` is the SHA-256 of its manifest: (path, digest, label, size), sorted by path."""

    id: str
    entries: tuple[Entry, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted({entry.label for entry in self.entries if entry.label is not None}))


class VersionDiff(Struct, frozen=True):
    """What changed between two versions; `balance` gives (before, after) counts for each class."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    relabelled: tuple[tuple[Entry, Entry], ...]
    balance: dict[str, tuple[int, int]]


# --- Training --------------------------------------------------------------------------------------------------------


class Protocol(Struct, frozen=True, omit_defaults=False):
    """How a network is trained. It is part of every number that comes out, and is stored whole beside it."""

    epochs: float = 10.0
    steps: int | None = None
    """Exactly so many steps, instead of epochs."""
    batch_size: int = 64
    optimiser: Literal["adamw", "sgd"] = "adamw"
    lr: float = 2e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    schedule: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    warmup: float = 0.2
    """The share of all steps in which the rate rises."""
    layer_decay: float = 1.0
    """Each stage's rate is this times the rate of the stage above it; 1: the same everywhere."""
    head_first: float = 0.0
    """The share of all steps in which only the head learns."""
    augment: Literal["auto", "none", "shift", "shift-flip", "crop", "crop-flip"] = "auto"
    label_smoothing: float = 0.0
    ema: float = 0.0
    """Decay of the moving average of the weights that is evaluated; 0: none."""
    clip: float = 1.0
    """Largest norm of the gradient; 0: no limit."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    evaluate_every: float = 1.0
    """How many epochs lie between two points of the curve; 0: one point, at the end."""
    input_size: int | None = None
    seeds: tuple[int, ...] = (0,)


class CurvePoint(Struct, frozen=True):
    """One evaluation: after `step` steps and `seconds` of training."""

    step: int
    epoch: float
    seconds: float
    train_loss: float
    val_loss: float | None = None
    val_accuracy: float | None = None


class Outcome(Struct, frozen=True):
    """One finished training: what was trained on what, how, and what came of it. A row of the history."""

    model: str
    dataset: str
    accuracy: float
    network: str | None = None
    version: str | None = None
    protocol: Protocol | None = None
    protocol_name: str | None = None
    """For outcomes from elsewhere, whose protocol is only a name."""
    seed: int | None = None
    val_accuracy: float | None = None
    seconds: float | None = None
    lr: float | None = None
    epochs: float | None = None
    batch_size: int | None = None
    curve: tuple[CurvePoint, ...] = ()
    flags: tuple[str, ...] = ()
    """`diverged`: no better than naming the largest class. `seen-target`: the model was already trained on this data.
    `untested`: the accuracy is 0 where validation says otherwise, so the test never took place."""
    source: str = "train"
    created: str = ""


# --- The repository --------------------------------------------------------------------------------------------------


Interpolation = Literal["bicubic", "bilinear", "nearest"]


class Domain(Struct, frozen=True):
    """A row of the repository: the data that its models were trained on."""

    name: str
    description: str = ""
    version: str | None = None
    """The id of the sample it stands for; None where only the name is known."""
    classes: tuple[str, ...] = ()
    images: int = 0
    license: str | None = None
    created: str = ""


class Measured(Struct, frozen=True):
    """What one forward pass of one image costs on the machine named."""

    latency_ms: float
    peak_bytes: int
    device: str


class ModelCard(Struct, frozen=True):
    """A cell of the repository: all that is known of one pre-trained model."""

    id: str
    network: str
    domain: str
    origin: str
    """Where it came from: `timm:TAG`, `file:NAME`, `starter`, `train`."""
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    params: int
    macs: int
    channels: int = 3
    crop: float = 1.0
    """The share of the resized image that the centre crop keeps."""
    interpolation: Interpolation = "bicubic"
    head: int = 0
    """Number of outputs of the source head; 0: none."""
    classes: tuple[str, ...] = ()
    """Their names in the order of the outputs, where known."""
    weights: str | None = None
    """SHA-256 of the safetensors file; None until the weights come at first use."""
    weights_bytes: int | None = None
    measured: Measured | None = None
    accuracy: float | None = None
    """On the held-out part of its own domain."""
    license: str | None = None
    protocol: Protocol | None = None
    seed: int | None = None
    version: str | None = None
    """The id of the sample it was trained on."""
    parent: str | None = None
    """The card whose weights it started from."""
    created: str = ""


class Evaluation(Struct, frozen=True):
    """What a model's own head says of a sample. `model` and `sample` as the user named them."""

    model: str
    sample: str
    split: str
    accuracy: float
    n: int
    seconds: float
    per_class: dict[str, float]
    refused: tuple[Refusal, ...] = ()


# --- Health of a sample ----------------------------------------------------------------------------------------------


class Finding(Struct, frozen=True):
    """One thing that a sample's health examination found: a stable code, words, and the files concerned."""

    code: str
    severity: Literal["note", "warning", "serious"]
    words: str
    """What was found, the numbers, and what would do; one line."""
    files: tuple[str, ...] = ()
    """Paths as the sample shows them, the worst first; groups of near-duplicates one after the other."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Where files belong together (near-duplicates): each group."""


class Health(Struct, frozen=True):
    """The health of a sample: what was found, and what the plainest predictors reach on it."""

    sample: str
    version: str
    images: int
    classes: dict[str, int]
    findings: tuple[Finding, ...]
    baselines: dict[str, float]
    """Accuracy of `majority` (naming the largest class) and `linear` (a ridge on reference features)."""
    seconds: float


# --- The recommendation ----------------------------------------------------------------------------------------------

Stage = Literal["domain", "history", "features", "training"]


class Evidence(Struct, frozen=True):
    """What one stage says of one candidate. `value` in the unit that the words tell; more is not always better."""

    stage: Stage
    name: str
    value: float
    words: str


class Ranked(Struct, frozen=True, omit_defaults=False):
    """One candidate of a ranking."""

    rank: int
    model: str
    expected_accuracy: float | None
    """After full fine-tuning; None where the sample has no labels."""
    interval: tuple[float, float] | None
    """80 %: of ten such intervals, eight hold the accuracy."""
    tie_group: int
    """Candidates of one group cannot be told apart by what was seen; 1 is the best group."""
    why: str
    evidence: tuple[Evidence, ...]
    moved: dict[str, float]
    """How far each stage moved the answer: points of expected accuracy against the average candidate."""
    card: ModelCard
    signals: dict[str, float] = {}
    """What the ranking model was told of it, in its own units."""
    flags: tuple[str, ...] = ()
    """`seen-images`: it was already trained on these images. `not-looked-at`: the time did not suffice."""


class Ranking(Struct, frozen=True, omit_defaults=False):
    """Which model to start from, with the evidence."""

    sample: str
    version: str
    images: int
    classes: tuple[str, ...]
    candidates: tuple[Ranked, ...]
    spent: dict[str, float]
    """Seconds, by stage."""
    budget: float | None
    warnings: tuple[str, ...]
    refused: tuple[Refusal, ...]
    """Images that were left out, and why."""
    advice: tuple[str, ...]
    """What follows from all of it, in words: the choice hardly matters; out of domain."""
    resembles: dict[str, float]
    """The share of the sample that looks like each domain; empty where no domain has images."""
    out_of_domain: bool | None
    majority: float | None
    """What naming the largest class would give."""
    settled: bool
    """The order was settled before the time was spent."""
