"""Everything that headhunt raises on purpose.

HeadhuntError
 +-- UnknownName           UnknownModel UnknownDomain UnknownNetwork UnknownWeights UnknownVersion UnknownSplit
 |                         UnknownJob UnknownDataset UnknownProject UnknownUser UnknownKey UnknownUpload UnknownRun
 |                         UnknownFile UnknownExperiment UnknownLoggedModel UnknownArtifact UnknownTag UnknownStudy
 |                         UnknownTrial
 +-- BadValue              BadSpec, NameTaken, MissingFile, UnknownField; BadQuery, which says where
 +-- SampleRefused         the whole sample: BadName LinkNotAllowed OverlappingEntries CompressionRatio ...
 +-- ImageRefused          one member: TooManyPixels Truncated BadHeader NotAnImage ...
 +-- WeightsRefused        UnsafePickle BrokenWeights NonFiniteWeights WeightsMismatch
 +-- WeightsUnavailable    the hub did not answer, or does not have them
 +-- CatalogueBroken       the files of the repository cannot be read
 +-- BlobBroken            a stored image is gone or damaged
 +-- HomeLocked, NotWritten   another process writes; a file could not be written, and the old one is kept
 |                         InsufficientStorage: the disk is full
 +-- BadTable              a table of outcomes that cannot be read
 +-- TrainingFailed        Diverged, CheckpointMismatch
 +-- NoCandidate           NoModels, NoModelMeets: nobody is left to recommend
 +-- Interrupted           the user stopped it; what was done is kept
 +-- OutOfTime             the seconds given did not suffice for one part of the work
 +-- WorkLost              a part of the work was sent to another process or machine, and did not come back
 +-- ServiceUnavailable    a part of the server does not answer at this moment
 +-- NotSignedIn, NotAllowed   no key or a wrong one; a key that may not do this; CrossSite, a NotAllowed; TooManyTries
 +-- TooLarge, TooSlow, UnsupportedType   an upload that is not taken; EmptyUpload, a BadValue; ChecksumMismatch
 |                         SafetensorsOnly, an UnsupportedType; TooDeep, a BadValue
 +-- BlobsMissing, UploadIncomplete   something has to be sent first
 +-- Misdirected           the request names another server
 +-- InUse, HasEnded, NotReady   it cannot be done now: somebody works with it; it is over; it has not ended yet
 +-- TooManyJobs           so many jobs of the project wait that no more are taken
 +-- OverQuota             a TooLarge: the project has no room left for it
 +-- ReportFailed, MailFailed, NoMailServer   a report could not be drawn or sent; TooManyMails: not within this hour
 |                         BadTemplate, BadCondition, BadAddress: a BadValue; UnknownReport: an UnknownName
 +-- KeyReused             one Idempotency-Key came with two different questions
 +-- BadSpace, a BadValue; NoTrial, NoBest, TrialStopped, TrialFailed   a search for good hyper-parameters
 +-- BrokenJournal, UnknownRecord   what was told of a run is damaged, or is of a newer headhunt
 +-- ServerUnreachable     no answer from the server that was named

Each class has a stable `code`, its own name in snake case, which is what programs should look at. The message says
what happened, the value, and what would do, in one line.
"""

from headhunt.errors.base import (
    BadSpec as BadSpec,
)
from headhunt.errors.base import (
    BadValue as BadValue,
)
from headhunt.errors.base import (
    HeadhuntError as HeadhuntError,
)
from headhunt.errors.base import (
    MissingFile as MissingFile,
)
from headhunt.errors.base import (
    NameTaken as NameTaken,
)
from headhunt.errors.base import (
    Refused as Refused,
)
from headhunt.errors.base import (
    UnknownField as UnknownField,
)
from headhunt.errors.base import (
    UnknownName as UnknownName,
)
from headhunt.errors.base import (
    did_you_mean as did_you_mean,
)
from headhunt.errors.base import (
    first_few as first_few,
)
from headhunt.errors.base import (
    known_ones as known_ones,
)
from headhunt.errors.base import (
    one_line as one_line,
)
from headhunt.errors.base import (
    printable as printable,
)
from headhunt.errors.base import (
    restored as restored,
)
from headhunt.errors.models import (
    BadTable as BadTable,
)
from headhunt.errors.models import (
    BlobBroken as BlobBroken,
)
from headhunt.errors.models import (
    BrokenWeights as BrokenWeights,
)
from headhunt.errors.models import (
    CatalogueBroken as CatalogueBroken,
)
from headhunt.errors.models import (
    CheckpointMismatch as CheckpointMismatch,
)
from headhunt.errors.models import (
    Diverged as Diverged,
)
from headhunt.errors.models import (
    HomeLocked as HomeLocked,
)
from headhunt.errors.models import (
    InsufficientStorage as InsufficientStorage,
)
from headhunt.errors.models import (
    Interrupted as Interrupted,
)
from headhunt.errors.models import (
    NoCandidate as NoCandidate,
)
from headhunt.errors.models import (
    NoModelMeets as NoModelMeets,
)
from headhunt.errors.models import (
    NoModels as NoModels,
)
from headhunt.errors.models import (
    NonFiniteWeights as NonFiniteWeights,
)
from headhunt.errors.models import (
    NotWritten as NotWritten,
)
from headhunt.errors.models import (
    OutOfTime as OutOfTime,
)
from headhunt.errors.models import (
    TrainingFailed as TrainingFailed,
)
from headhunt.errors.models import (
    UnsafePickle as UnsafePickle,
)
from headhunt.errors.models import (
    WeightsMismatch as WeightsMismatch,
)
from headhunt.errors.models import (
    WeightsRefused as WeightsRefused,
)
from headhunt.errors.models import (
    WeightsUnavailable as WeightsUnavailable,
)
from headhunt.errors.models import (
    WorkLost as WorkLost,
)
from headhunt.errors.names import (
    UnknownArtifact as UnknownArtifact,
)
from headhunt.errors.names import (
    UnknownDataset as UnknownDataset,
)
from headhunt.errors.names import (
    UnknownDomain as UnknownDomain,
)
from headhunt.errors.names import (
    UnknownExperiment as UnknownExperiment,
)
from headhunt.errors.names import (
    UnknownFile as UnknownFile,
)
from headhunt.errors.names import (
    UnknownJob as UnknownJob,
)
from headhunt.errors.names import (
    UnknownKey as UnknownKey,
)
from headhunt.errors.names import (
    UnknownLoggedModel as UnknownLoggedModel,
)
from headhunt.errors.names import (
    UnknownModel as UnknownModel,
)
from headhunt.errors.names import (
    UnknownNetwork as UnknownNetwork,
)
from headhunt.errors.names import (
    UnknownProject as UnknownProject,
)
from headhunt.errors.names import (
    UnknownReport as UnknownReport,
)
from headhunt.errors.names import (
    UnknownRun as UnknownRun,
)
from headhunt.errors.names import (
    UnknownSplit as UnknownSplit,
)
from headhunt.errors.names import (
    UnknownTag as UnknownTag,
)
from headhunt.errors.names import (
    UnknownUpload as UnknownUpload,
)
from headhunt.errors.names import (
    UnknownUser as UnknownUser,
)
from headhunt.errors.names import (
    UnknownVersion as UnknownVersion,
)
from headhunt.errors.names import (
    UnknownWeights as UnknownWeights,
)
from headhunt.errors.reports import (
    BadAddress as BadAddress,
)
from headhunt.errors.reports import (
    BadCondition as BadCondition,
)
from headhunt.errors.reports import (
    BadTemplate as BadTemplate,
)
from headhunt.errors.reports import (
    MailFailed as MailFailed,
)
from headhunt.errors.reports import (
    NoMailServer as NoMailServer,
)
from headhunt.errors.reports import (
    ReportFailed as ReportFailed,
)
from headhunt.errors.reports import (
    TooManyMails as TooManyMails,
)
from headhunt.errors.samples import (
    ArchiveTooLarge as ArchiveTooLarge,
)
from headhunt.errors.samples import (
    AspectRatio as AspectRatio,
)
from headhunt.errors.samples import (
    BadHeader as BadHeader,
)
from headhunt.errors.samples import (
    BadLabels as BadLabels,
)
from headhunt.errors.samples import (
    BadName as BadName,
)
from headhunt.errors.samples import (
    BrokenArchive as BrokenArchive,
)
from headhunt.errors.samples import (
    BrokenImage as BrokenImage,
)
from headhunt.errors.samples import (
    CompressionRatio as CompressionRatio,
)
from headhunt.errors.samples import (
    DeclaredTotalTooLarge as DeclaredTotalTooLarge,
)
from headhunt.errors.samples import (
    DuplicateName as DuplicateName,
)
from headhunt.errors.samples import (
    EmptyFile as EmptyFile,
)
from headhunt.errors.samples import (
    EmptySample as EmptySample,
)
from headhunt.errors.samples import (
    Encrypted as Encrypted,
)
from headhunt.errors.samples import (
    FileTooLarge as FileTooLarge,
)
from headhunt.errors.samples import (
    HeaderTooLarge as HeaderTooLarge,
)
from headhunt.errors.samples import (
    ImageRefused as ImageRefused,
)
from headhunt.errors.samples import (
    InconsistentArchive as InconsistentArchive,
)
from headhunt.errors.samples import (
    LinkNotAllowed as LinkNotAllowed,
)
from headhunt.errors.samples import (
    MetadataTooLarge as MetadataTooLarge,
)
from headhunt.errors.samples import (
    NeedTwoClasses as NeedTwoClasses,
)
from headhunt.errors.samples import (
    NestedArchive as NestedArchive,
)
from headhunt.errors.samples import (
    NoImages as NoImages,
)
from headhunt.errors.samples import (
    NotAnArchive as NotAnArchive,
)
from headhunt.errors.samples import (
    NotAnImage as NotAnImage,
)
from headhunt.errors.samples import (
    NoValidImages as NoValidImages,
)
from headhunt.errors.samples import (
    OverlappingEntries as OverlappingEntries,
)
from headhunt.errors.samples import (
    SampleRefused as SampleRefused,
)
from headhunt.errors.samples import (
    SizeMismatch as SizeMismatch,
)
from headhunt.errors.samples import (
    SpecialFile as SpecialFile,
)
from headhunt.errors.samples import (
    TooManyBroken as TooManyBroken,
)
from headhunt.errors.samples import (
    TooManyClasses as TooManyClasses,
)
from headhunt.errors.samples import (
    TooManyFiles as TooManyFiles,
)
from headhunt.errors.samples import (
    TooManyPixels as TooManyPixels,
)
from headhunt.errors.samples import (
    Truncated as Truncated,
)
from headhunt.errors.samples import (
    UnsupportedMethod as UnsupportedMethod,
)
from headhunt.errors.samples import (
    UnsupportedMode as UnsupportedMode,
)
from headhunt.errors.service import (
    BadQuery as BadQuery,
)
from headhunt.errors.service import (
    BlobsMissing as BlobsMissing,
)
from headhunt.errors.service import (
    BrokenJournal as BrokenJournal,
)
from headhunt.errors.service import (
    ChecksumMismatch as ChecksumMismatch,
)
from headhunt.errors.service import (
    CrossSite as CrossSite,
)
from headhunt.errors.service import (
    EmptyUpload as EmptyUpload,
)
from headhunt.errors.service import (
    HasEnded as HasEnded,
)
from headhunt.errors.service import (
    InUse as InUse,
)
from headhunt.errors.service import (
    KeyReused as KeyReused,
)
from headhunt.errors.service import (
    Misdirected as Misdirected,
)
from headhunt.errors.service import (
    NotAllowed as NotAllowed,
)
from headhunt.errors.service import (
    NotReady as NotReady,
)
from headhunt.errors.service import (
    NotSignedIn as NotSignedIn,
)
from headhunt.errors.service import (
    OverQuota as OverQuota,
)
from headhunt.errors.service import (
    SafetensorsOnly as SafetensorsOnly,
)
from headhunt.errors.service import (
    ServerUnreachable as ServerUnreachable,
)
from headhunt.errors.service import (
    ServiceUnavailable as ServiceUnavailable,
)
from headhunt.errors.service import (
    TooDeep as TooDeep,
)
from headhunt.errors.service import (
    TooLarge as TooLarge,
)
from headhunt.errors.service import (
    TooManyJobs as TooManyJobs,
)
from headhunt.errors.service import (
    TooManyTries as TooManyTries,
)
from headhunt.errors.service import (
    TooSlow as TooSlow,
)
from headhunt.errors.service import (
    UnknownRecord as UnknownRecord,
)
from headhunt.errors.service import (
    UnsupportedType as UnsupportedType,
)
from headhunt.errors.service import (
    UploadIncomplete as UploadIncomplete,
)
from headhunt.errors.tuning import (
    BadSpace as BadSpace,
)
from headhunt.errors.tuning import (
    NoBest as NoBest,
)
from headhunt.errors.tuning import (
    NoTrial as NoTrial,
)
from headhunt.errors.tuning import (
    TrialFailed as TrialFailed,
)
from headhunt.errors.tuning import (
    TrialStopped as TrialStopped,
)
from headhunt.errors.tuning import (
    TrialTaken as TrialTaken,
)
from headhunt.errors.tuning import (
    UnknownStudy as UnknownStudy,
)
from headhunt.errors.tuning import (
    UnknownTrial as UnknownTrial,
)
