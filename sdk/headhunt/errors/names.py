"""There is nothing of that name."""

from headhunt.errors.base import UnknownName


class UnknownModel(UnknownName):
    noun = "model"


class UnknownDomain(UnknownName):
    noun = "domain"


class UnknownNetwork(UnknownName):
    noun = "network"


class UnknownWeights(UnknownName):
    noun = "pretrained weights"


class UnknownVersion(UnknownName):
    noun = "version of data"


class UnknownSplit(UnknownName):
    noun = "split"


class UnknownJob(UnknownName):
    noun = "job"


class UnknownDataset(UnknownName):
    noun = "dataset"


class UnknownProject(UnknownName):
    noun = "project"


class UnknownUser(UnknownName):
    noun = "user"


class UnknownKey(UnknownName):
    noun = "key"


class UnknownUpload(UnknownName):
    noun = "upload"


class UnknownRun(UnknownName):
    noun = "run"


class UnknownFile(UnknownName):
    noun = "file"


class UnknownReport(UnknownName):
    noun = "report"


class UnknownExperiment(UnknownName):
    noun = "experiment"


class UnknownLoggedModel(UnknownName):
    noun = "logged model"


class UnknownArtifact(UnknownName):
    noun = "artifact"


class UnknownTag(UnknownName):
    noun = "tag"
