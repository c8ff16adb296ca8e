"""What a server and its clients say to each other, as frozen structs: the same on both sides.

Times are seconds since 1970 of the server's database. What may be long comes in pages: `next` is handed back as
`?after=`, and is None on the last one.
"""

from typing import Generic, Literal, TypeVar

import msgspec

from headhunt.vocabulary import Entry, ModelCard, Outcome, Protocol, Refusal, Struct

T = TypeVar("T")
Role = Literal["reader", "member", "owner"]
"""In a project. Each may do what those before it may."""


class Page(Struct, Generic[T], frozen=True, omit_defaults=False):
    """A part of a list."""

    items: tuple[T, ...]
    next: str | None = None


class Problem(Struct, frozen=True, omit_defaults=False):
    """What a server answers when it cannot do what was asked (RFC 9457). `code` is stable; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None = None


# --- Who is there ----------------------------------------------------------------------------------------------------


class Me(Struct, frozen=True, omit_defaults=False):
    """Who asks, as the server sees it. csrf: what a page's own requests carry in X-CSRF-Token; None for keys."""

    user: str | None
    key: str | None
    admin: bool
    project: str | None
    role: Role | None
    csrf: str | None = None
    study: str | None = None
    """Of a key that is for one study alone: its id."""


class SignIn(Struct, frozen=True):
    """A name with its password, or the token of a one-time link."""

    name: str = ""
    password: str = ""
    token: str = ""


class NewPassword(Struct, frozen=True):
    """old: needed where there is one, unless a one-time link was used a moment ago."""

    new: str
    old: str = ""


class User(Struct, frozen=True, omit_defaults=False):
    """A person. Without a password a one-time link is the way in."""

    id: str
    name: str
    admin: bool
    created: float
    has_password: bool
    disabled: float | None = None


class NewUser(Struct, frozen=True):
    name: str
    admin: bool = False


class Invited(Struct, frozen=True, omit_defaults=False):
    """A user, and the one-time link that lets them in; it is told this once."""

    user: User
    link: str
    expires: float


class Project(Struct, frozen=True, omit_defaults=False):
    """A project: datasets, jobs and keys that belong together. public: everybody may read it."""

    id: str
    name: str
    public: bool
    created: float
    role: Role | None
    """What the asker may do there."""
    bytes: int = 0
    max_bytes: int | None = None
    """What its uploads may take; None: what the server allows each project."""


class NewProject(Struct, frozen=True):
    name: str
    public: bool = False


class ProjectChange(Struct, frozen=True):
    """Only what is given changes."""

    name: str | None = None
    public: bool | None = None


class Member(Struct, frozen=True, omit_defaults=False):
    user: str
    name: str
    role: Role
    since: float


class MemberRole(Struct, frozen=True):
    role: Role


class Key(Struct, frozen=True, omit_defaults=False):
    """An API key, without its secret."""

    id: str
    name: str
    role: Role
    created: float
    expires: float | None = None
    revoked: float | None = None
    by: str | None = None
    """The name of the user who made it."""
    study: str | None = None
    """The id of the study whose trials it is for; None: it is for the project."""


class KeyAsked(Struct, frozen=True):
    name: str = ""
    role: Role = "member"
    days: float | None = None


class NewKey(Struct, frozen=True, omit_defaults=False):
    """The secret is told this once."""

    key: Key
    secret: str


class AuditLine(Struct, frozen=True, omit_defaults=False):
    """Who did what: every request that changed something."""

    id: str
    at: float
    who: str
    action: str
    """Method and route, as `POST /api/v1/datasets`."""
    path: str
    status: int
    request_id: str | None


# --- Datasets --------------------------------------------------------------------------------------------------------


class Dataset(Struct, frozen=True, omit_defaults=False):
    """A sample that was sent to a server: its newest version."""

    id: str
    name: str
    version: str
    """The id of its content: the same images are the same version, wherever they are."""
    number: int
    """Of the version; 1 is the first."""
    images: int
    bytes: int
    classes: tuple[str, ...]
    splits: tuple[str, ...]
    created: float
    refused: tuple[Refusal, ...]
    """Files that were left out, the first hundred, and why."""
    refused_count: int
    warnings: tuple[str, ...]


class DatasetListed(Struct, frozen=True):
    """A dataset of which the server has all files: what `Version.entries` has on the client's side."""

    name: str
    entries: tuple[Entry, ...]


class Digests(Struct, frozen=True):
    """SHA-256 of files, in hex."""

    digests: tuple[str, ...]


class BlobsKept(Struct, frozen=True, omit_defaults=False):
    """What became of files that were sent ahead: how many are kept, and which were refused."""

    kept: int
    refused: tuple[Refusal, ...]


class UploadAsked(Struct, frozen=True):
    """An archive that will come in parts. digest: SHA-256 of the whole; it is checked at the end."""

    name: str
    size: int
    digest: str | None = None


class Upload(Struct, frozen=True, omit_defaults=False):
    """An archive that comes in parts. Parts are numbered from 1; one that was sent twice counts once."""

    id: str
    name: str
    size: int
    received: int
    parts: tuple[int, ...]
    part_bytes: int
    """The largest part that is taken."""
    created: float


class DiffShown(Struct, frozen=True, omit_defaults=False):
    """What changed between two versions of a dataset: counts, and the first paths of each kind."""

    before: int
    after: int
    added: int
    removed: int
    relabelled: int
    added_paths: tuple[str, ...]
    removed_paths: tuple[str, ...]
    relabelled_paths: tuple[str, ...]
    balance: dict[str, tuple[int, int]]


# --- Jobs ------------------------------------------------------------------------------------------------------------

JobState = Literal["queued", "running", "done", "failed", "cancelled"]


class RecommendationAsked(Struct, frozen=True):
    """What a recommendation is asked for. `dataset`: its id or its name. `budget`: as "90s"; None: by size."""

    dataset: str
    budget: str | float | None = None
    limits: dict[str, str | float | bool | tuple[str, ...]] = msgspec.field(default_factory=dict)
    labels: bool = True
    allow_seen: bool = False


class ModelAdded(Struct, frozen=True):
    """Models to take into the zoo, as `headhunt zoo add` has it: `timm:resnet18.a1_in1k`, `timm:convnext_*`,
    `recommended`. fetch: their weights, too, now; else they come at first use."""

    source: str
    domain: str | None = None
    fetch: bool = False


class ModelsAdded(Struct, frozen=True, omit_defaults=False):
    """What came of it: the result of a job of the kind "add"."""

    models: tuple[str, ...]
    there: tuple[str, ...]
    """Those that were in the zoo already."""


class WeightsSent(Struct, frozen=True):
    """What is said of a safetensors file that is sent: what `headhunt zoo add FILE` asks for. name: in the domain;
    None: as the network's. mean, std, input_size: None: as timm has them for the network."""

    network: str
    domain: str
    name: str | None = None
    input_size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    classes: tuple[str, ...] = ()
    license: str | None = None


class DomainAsked(Struct, frozen=True):
    """A dataset of the default project that becomes a row of the zoo, for everybody to see. name: None: its own."""

    dataset: str
    name: str | None = None
    description: str = ""
    license: str | None = None


class CellAsked(Struct, frozen=True):
    """A cell to fill, as `headhunt zoo train` does: a network, from scratch or from a parent's weights, on the images
    of a domain of the zoo, or of a dataset of the default project, which then becomes the domain. name: in the domain;
    None: the network's."""

    domain: str
    dataset: str | None = None
    network: str | None = None
    parent: str | None = None
    name: str | None = None
    protocol: Protocol = Protocol()


class CellFilled(Struct, frozen=True, omit_defaults=False):
    """What came of it: the result of a job of the kind "train"."""

    card: ModelCard
    outcomes: tuple[Outcome, ...]
    refused: tuple[Refusal, ...]


class JobFault(Struct, frozen=True):
    """Why a job came to nothing: a stable code and words; the traceback is for those who run the server."""

    code: str
    words: str
    traceback: str | None = None


class JobEvent(Struct, frozen=True, omit_defaults=False):
    """One thing that was told while a job ran. Numbers rise by one, from 1."""

    number: int
    at: float
    body: msgspec.Raw


class Job(Struct, frozen=True, omit_defaults=False):
    """A piece of work on a server."""

    id: str
    kind: str
    state: JobState
    attempt: int
    """How often it was begun."""
    created: float
    started: float | None
    ended: float | None
    cancelling: bool
    """It was cancelled, and its worker has not stopped yet."""
    result: msgspec.Raw | None
    error: JobFault | None
    """Of the newest attempt that went wrong; a job that waits may be tried again."""
    dataset: str | None = None
    """The id of the dataset that it works on."""
    by: str | None = None
    """Who asked for it."""
    progress: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    """What it told last, while it runs, else null; lists leave it out. Raw JSON is read only where it is no choice."""


class Compared(Struct, frozen=True, omit_defaults=False):
    """One model in both: its rank and its expected accuracy, None where it was no candidate."""

    model: str
    ranks: tuple[int | None, int | None]
    expected: tuple[float | None, float | None]


class Comparison(Struct, frozen=True, omit_defaults=False):
    """Two recommendations side by side."""

    before: str
    after: str
    same_images: bool
    models: tuple[Compared, ...]


# --- The zoo ---------------------------------------------------------------------------------------------------------


class MatrixShown(Struct, frozen=True, omit_defaults=False):
    """The matrix Data x Network: for each domain and network the ids of the models in that cell, and the best accuracy
    that is known of them. Empty cells are left out."""

    domains: tuple[str, ...]
    networks: tuple[str, ...]
    cells: dict[str, dict[str, tuple[str, ...]]]
    best: dict[str, dict[str, float]]
