"""Taking models into the zoo, and training new ones: what is asked is looked at here, the work is a job.

Nothing here loads torch or goes to a hub, and nothing that a request names is ever a path, a URL or code: sources are
`recommended` and tags of timm, networks are timm's, weights come as the body of a request.
"""

import re
from pathlib import Path

from headhunt.errors import BadSpec, BadValue, UnknownDataset, UnknownModel, UnknownNetwork, printable
from headhunt.protocols import check_protocol
from headhunt.vocabulary import Domain
from headhunt.wire import CellAsked, DomainAsked, ModelAdded, WeightsSent
from service.datasets import Datasets
from service.ordering import Asked
from service.problems import Impossible
from service.repository import Repository
from zoo.catalogue.checks import check_id, check_name
from zoo.clock import now

ADD, TRAIN = "add", "train"
SOURCE = re.compile(r"recommended|timm:[a-z0-9_*?.\[\]!-]{1,200}")
NETWORK = re.compile(r"[a-z0-9][a-z0-9_]{0,79}")
LONGEST = 2000


class Stocking:
    """For those who keep the zoo. Each method checks what is asked, and gives the job to be ordered."""

    def __init__(self, repository: Repository, datasets: Datasets) -> None:
        self.repository, self.datasets = repository, datasets

    def models(self, asked: ModelAdded) -> Asked:
        """As `headhunt zoo add` takes them. Raises Impossible, BadValue."""
        if not SOURCE.fullmatch(asked.source):
            raise Impossible(UnknownModel(printable(asked.source, 80), (), "Give recommended, or timm: and a tag."))
        if asked.domain is not None:
            check_name(asked.domain, "domain")
        return Asked(ADD, {"asked": asked})

    def weights(self, sent: WeightsSent, draft: Path, digest: str) -> Asked:
        """draft: the file that came, where a worker finds it. Raises Impossible, BadValue, NameTaken."""
        self.check_weights(sent)
        return Asked(ADD, {"asked": {"sent": sent, "digest": digest}, "draft": draft.name})

    def check_weights(self, sent: WeightsSent) -> None:
        """What can be wrong before the file is here."""
        check_network(sent.network)
        model = f"{sent.domain}/{sent.name or sent.network}"
        check_id(model)
        self.repository.shelf().check_free(model)
        if sent.input_size is not None and not 8 <= sent.input_size <= 2048:
            raise Impossible(BadSpec(f"An input of {sent.input_size} px is impossible. Give 8 to 2048."))
        for name, values in (("mean", sent.mean), ("std", sent.std)):
            if values is not None and (len(values) != 3 or not all(0 <= one <= 1 for one in values)):
                raise Impossible(BadSpec(f"{name} is three fractions of one, for red, green and blue."))
        if sent.license is not None:
            check_words(sent.license)

    def cell(self, asked: CellAsked, project: str) -> Asked:
        """As `headhunt zoo train` takes it; `project`: whose datasets. Raises Impossible, UnknownModel, UnknownDomain,
        UnknownDataset, NameTaken, BadValue."""
        shelf = self.repository.shelf()
        network = asked.network
        if asked.parent is not None:
            network = network or shelf.card(asked.parent).network
        if network is None:
            raise Impossible(BadValue("A training needs a network to start with: give network, or parent."))
        if asked.network is not None:
            check_network(asked.network)
        try:
            check_protocol(asked.protocol)
        except BadValue as error:
            raise Impossible(error) from error
        shelf.check_free(f"{asked.domain}/{asked.name or network.rpartition(':')[2]}")
        version, name, dataset = self._images(asked, project)
        return Asked(TRAIN, {"asked": asked, "version": version, "name": name}, "any", dataset)

    def _images(self, asked: CellAsked, project: str) -> tuple[str, str, str | None]:
        """The version to train on, what to call it, and its dataset."""
        if asked.dataset is not None:
            found = self.datasets.get(project, asked.dataset)
            return found.version, found.name, found.id
        domain = self.repository.shelf().domain(asked.domain)
        if domain.version is None:
            raise Impossible(BadValue(f"The domain {domain.name!r} has no images here. Name a dataset, too."))
        return domain.version, domain.name, None

    def publish(self, asked: DomainAsked, project: str) -> Domain:
        """A dataset becomes a row of the zoo. Raises UnknownDataset, NameTaken, BadValue.

        Its files are kept by the dataset, then by the row. So it is looked at once more when the row stands: if it was
        removed meanwhile, its files may be gone, and so goes the row."""
        dataset = self.datasets.get(project, asked.dataset)
        check_words(asked.description)
        check_words(asked.license or "")
        row = Domain(
            name=dataset.name if asked.name is None else asked.name,
            description=asked.description,
            version=dataset.version,
            classes=dataset.classes,
            images=dataset.images,
            license=asked.license,
            created=now(),
        )
        with self.repository.change() as draft:
            draft.add_domain(row)
        try:
            self.datasets.check_there(project, dataset.id, dataset.version)
        except UnknownDataset:
            with self.repository.change() as draft:
                if draft.domains.get(row.name) == row:
                    draft.remove_domain(row.name)
            raise
        return row


def check_network(name: str) -> None:
    if not NETWORK.fullmatch(name):
        raise Impossible(UnknownNetwork(printable(name, 80), (), "Give a timm architecture such as resnet18."))


def check_words(text: str) -> None:
    if len(text) > LONGEST or not all(c.isprintable() or c == "\n" for c in text):
        raise BadValue(f"A description or licence is at most {LONGEST} printable characters.")
