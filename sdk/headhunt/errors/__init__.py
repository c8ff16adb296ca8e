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
    BadValue as BadValue,
    HeadhuntError as HeadhuntError,
    MissingFile as MissingFile,
    NameTaken as NameTaken,
    Refused as Refused,
    UnknownField as UnknownField,
    UnknownName as UnknownName,
    did_you_mean as did_you_mean,
    first_few as first_few,
    known_ones as known_ones,
    one_line as one_line,
    printable as printable,
    restored as restored,
)
from headhunt.errors.models import (
    BadTable as BadTable,
    BlobBroken as BlobBroken,
    BrokenWeights as BrokenWeights,
    CatalogueBroken as CatalogueBroken,
    CheckpointMismatch as CheckpointMismatch,
    Diverged as Diverged,
    HomeLocked as HomeLocked,
    InsufficientStorage as InsufficientStorage,
    Interrupted as Interrupted,
    NoCandidate as NoCandidate,
    NoModelMeets as NoModelMeets,
    NoModels as NoModels,
    NonFiniteWeights as NonFiniteWeights,
    NotWritten as NotWritten,
    OutOfTime as OutOfTime,
    TrainingFailed as TrainingFailed,
    UnsafePickle as UnsafePickle,
    WeightsMismatch as WeightsMismatch,
    WeightsRefused as WeightsRefused,
    WeightsUnavailable as WeightsUnavailable,
    WorkLost as WorkLost,
)
from headhunt.errors.names import (
    UnknownArtifact as UnknownArtifact,
    UnknownDataset as UnknownDataset,
    UnknownDomain as UnknownDomain,
    UnknownExperiment as UnknownExperiment,
    UnknownFile as UnknownFile,
    UnknownJob as UnknownJob,
    UnknownKey as UnknownKey,
    UnknownLoggedModel as UnknownLoggedModel,
    UnknownModel as UnknownModel,
    UnknownNetwork as UnknownNetwork,
    UnknownProject as UnknownProject,
    UnknownReport as UnknownReport,
    UnknownRun as UnknownRun,
    UnknownSplit as UnknownSplit,
    UnknownTag as UnknownTag,
    UnknownUpload as UnknownUpload,
    UnknownUser as UnknownUser,
    UnknownVersion as UnknownVersion,
    UnknownWeights as UnknownWeights,
)
from headhunt.errors.reports import (
    BadAddress as BadAddress,
    BadCondition as BadCondition,
    BadTemplate as BadTemplate,
    MailFailed as MailFailed,
    NoMailServer as NoMailServer,
    ReportFailed as ReportFailed,
    TooManyMails as TooManyMails,
)
from headhunt.errors.samples import (
    ArchiveTooLarge as ArchiveTooLarge,
    AspectRatio as AspectRatio,
    BadHeader as BadHeader,
    BadLabels as BadLabels,
    BadName as BadName,
    BrokenArchive as BrokenArchive,
    BrokenImage as BrokenImage,
    CompressionRatio as CompressionRatio,
    DeclaredTotalTooLarge as DeclaredTotalTooLarge,
    DuplicateName as DuplicateName,
    EmptyFile as EmptyFile,
    EmptySample as EmptySample,
    Encrypted as Encrypted,
    FileTooLarge as FileTooLarge,
    HeaderTooLarge as HeaderTooLarge,
    ImageRefused as ImageRefused,
    InconsistentArchive as InconsistentArchive,
    LinkNotAllowed as LinkNotAllowed,
    MetadataTooLarge as MetadataTooLarge,
    NeedTwoClasses as NeedTwoClasses,
    NestedArchive as NestedArchive,
    NoImages as NoImages,
    NotAnArchive as NotAnArchive,
    NotAnImage as NotAnImage,
    NoValidImages as NoValidImages,
    OverlappingEntries as OverlappingEntries,
    SampleRefused as SampleRefused,
    SizeMismatch as SizeMismatch,
    SpecialFile as SpecialFile,
    TooManyBroken as TooManyBroken,
    TooManyClasses as TooManyClasses,
    TooManyFiles as TooManyFiles,
    TooManyPixels as TooManyPixels,
    Truncated as Truncated,
    UnsupportedMethod as UnsupportedMethod,
    UnsupportedMode as UnsupportedMode,
)
from headhunt.errors.service import (
    BadQuery as BadQuery,
    BlobsMissing as BlobsMissing,
    BrokenJournal as BrokenJournal,
    ChecksumMismatch as ChecksumMismatch,
    CrossSite as CrossSite,
    EmptyUpload as EmptyUpload,
    HasEnded as HasEnded,
    InUse as InUse,
    KeyReused as KeyReused,
    Misdirected as Misdirected,
    NotAllowed as NotAllowed,
    NotReady as NotReady,
    NotSignedIn as NotSignedIn,
    OverQuota as OverQuota,
    SafetensorsOnly as SafetensorsOnly,
    ServerUnreachable as ServerUnreachable,
    ServiceUnavailable as ServiceUnavailable,
    TooDeep as TooDeep,
    TooLarge as TooLarge,
    TooManyJobs as TooManyJobs,
    TooManyTries as TooManyTries,
    TooSlow as TooSlow,
    UnknownRecord as UnknownRecord,
    UnsupportedType as UnsupportedType,
    UploadIncomplete as UploadIncomplete,
)
from headhunt.errors.tuning import (
    BadSpace as BadSpace,
    NoBest as NoBest,
    NoTrial as NoTrial,
    TrialFailed as TrialFailed,
    TrialStopped as TrialStopped,
    TrialTaken as TrialTaken,
    UnknownStudy as UnknownStudy,
    UnknownTrial as UnknownTrial,
)
