"""What is asked and answered, by example: for readers of the description, and for those who try the server with it."""

from typing import Any

import msgspec

from headhunt.spaces import Choice, Double
from headhunt.studies.tuned import TuningAsked
from headhunt.studies.wire import (
    GivenBack,
    MoreTrials,
    Reading,
    StudyAsked,
    StudyKeyAsked,
    TrialAsked,
    TrialResult,
)
from headhunt.track.wire import ReportAsked, ReportMailAsked, RunBegun, RunChange
from headhunt.vocabulary import Domain, Entry, Measured, ModelCard, Outcome, Protocol
from headhunt.wire import (
    CellAsked,
    Dataset,
    DatasetListed,
    Digests,
    DomainAsked,
    Job,
    KeyAsked,
    MemberRole,
    ModelAdded,
    NewPassword,
    NewProject,
    NewUser,
    Problem,
    ProjectChange,
    RecommendationAsked,
    SignIn,
    UploadAsked,
)

ID = "5f0c2a7e9b1d4c3f8a6e0d2b4c6f8a1e"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CARD = ModelCard(
    id="imagenet-1k/resnet18.a1_in1k",
    network="resnet18",
    domain="imagenet-1k",
    origin="timm:resnet18.a1_in1k",
    input_size=224,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    params=11_689_512,
    macs=1_814_083_944,
    head=1000,
    weights=DIGEST,
    weights_bytes=46_807_446,
    measured=Measured(latency_ms=13.2, peak_bytes=61_000_000, device="8 cores"),
    license="apache-2.0",
)
EXAMPLES: dict[type[msgspec.Struct], Any] = {
    SignIn: SignIn(name="kim", password="a long password"),  # noqa: S106 - nobody's
    NewPassword: NewPassword(new="another long password", old="a long password"),
    NewUser: NewUser(name="kim"),
    NewProject: NewProject(name="birds"),
    ProjectChange: ProjectChange(public=True),
    MemberRole: MemberRole(role="member"),
    KeyAsked: KeyAsked(name="nightly", role="member", days=90.0),
    DatasetListed: DatasetListed(
        name="photos", entries=(Entry(path="cat/1.jpg", digest=DIGEST, size=48_213, label="cat"),)
    ),
    Digests: Digests(digests=(DIGEST,)),
    UploadAsked: UploadAsked(name="photos", size=52_000_000),
    RecommendationAsked: RecommendationAsked(dataset="photos", budget="90s", limits={"max_params": "10M"}),
    ModelAdded: ModelAdded(source="timm:resnet18.a1_in1k"),
    DomainAsked: DomainAsked(dataset="photos", name="pets", license="cc-by-4.0"),
    CellAsked: CellAsked(domain="pets", dataset="photos", network="resnet18", protocol=Protocol(epochs=5.0)),
    ReportAsked: ReportAsked(
        to=("me@example.org",), run=ID, every="30m", when="val_loss has not improved for 5 epochs"
    ),
    ReportMailAsked: ReportMailAsked(to=("me@example.org",)),
    StudyAsked: StudyAsked(
        name="flowers",
        space={"lr": Double(low=1e-5, high=0.1, log=True), "opt": Choice(values=["sgd", "adamw"]), "epochs": 20},
        trials=40,
    ),
    TuningAsked: TuningAsked(dataset="photos", models=("imagenet-1k/resnet18.a1_in1k",), trials=40),
    MoreTrials: MoreTrials(trials=80),
    StudyKeyAsked: StudyKeyAsked(name="the cluster", days=30.0),
    TrialAsked: TrialAsked(worker="node-3"),
    Reading: Reading(token="gK3v9s", step=3, loss=0.42),  # noqa: S106 - nobody's
    TrialResult: TrialResult(token="gK3v9s", value=0.31),  # noqa: S106
    GivenBack: GivenBack(token="gK3v9s"),  # noqa: S106
    Problem: Problem(
        type="https://headhunt.invalid/problems/unknown_dataset",
        title="Not Found",
        status=404,
        detail="No dataset named 'photo'. Did you mean 'photos'?",
        code="unknown_dataset",
        request_id="6f1c9d2e5b7a4830",
    ),
    Job: Job(
        id=ID,
        kind="recommend",
        state="running",
        attempt=1,
        created=1_790_000_000.0,
        started=1_790_000_001.5,
        ended=None,
        cancelling=False,
        result=None,
        error=None,
        dataset=ID,
        by="key 5f0c2a7e nightly",
        progress=msgspec.Raw(b'{"stage":"features","done":3,"total":12,"words":"resnet18"}'),
    ),
    Dataset: Dataset(
        id=ID,
        name="photos",
        version=DIGEST,
        number=1,
        images=640,
        bytes=52_000_000,
        classes=("cat", "dog"),
        splits=(),
        created=1_790_000_000.0,
        refused=(),
        refused_count=0,
        warnings=(),
    ),
    RunBegun: RunBegun(
        experiment="flowers", name="resnet18 warm", intent="does a lower rate help?", tags=("baseline",)
    ),
    RunChange: RunChange(name="resnet18 warm", tags={"baseline": "", "old": None}),
    ModelCard: CARD,
    Domain: Domain(name="pets", version=DIGEST, classes=("cat", "dog"), images=640, license="cc-by-4.0"),
    Outcome: Outcome(model=CARD.id, dataset="pets", accuracy=0.93, network="resnet18", seed=0),
}
