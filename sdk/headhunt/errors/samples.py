"""Images that cannot be used: a sample as a whole, or one of its files."""

from headhunt.errors.base import Refused


class SampleRefused(Refused):
    """The sample as a whole cannot be used."""


class EmptySample(SampleRefused): ...


class NotAnArchive(SampleRefused): ...


class BadName(SampleRefused): ...


class LinkNotAllowed(SampleRefused): ...


class SpecialFile(SampleRefused): ...


class OverlappingEntries(SampleRefused): ...


class CompressionRatio(SampleRefused): ...


class SizeMismatch(SampleRefused): ...


class TooManyFiles(SampleRefused): ...


class Encrypted(SampleRefused): ...


class UnsupportedMethod(SampleRefused): ...


class DuplicateName(SampleRefused): ...


class HeaderTooLarge(SampleRefused): ...


class DeclaredTotalTooLarge(SampleRefused): ...


class ArchiveTooLarge(SampleRefused): ...


class InconsistentArchive(SampleRefused): ...


class BrokenArchive(SampleRefused): ...


class NoImages(SampleRefused): ...


class NoValidImages(SampleRefused): ...


class TooManyBroken(SampleRefused): ...


class TooManyClasses(SampleRefused): ...


class NeedTwoClasses(SampleRefused): ...


class BadLabels(SampleRefused): ...


# --- One image, left out ---------------------------------------------------------------------------------------------


class ImageRefused(Refused):
    """One member is left out and reported."""


class NotAnImage(ImageRefused): ...


class NestedArchive(ImageRefused): ...


class EmptyFile(ImageRefused): ...


class FileTooLarge(ImageRefused): ...


class BadHeader(ImageRefused): ...


class TooManyPixels(ImageRefused): ...


class Truncated(ImageRefused): ...


class MetadataTooLarge(ImageRefused): ...


class UnsupportedMode(ImageRefused): ...


class AspectRatio(ImageRefused): ...


class BrokenImage(ImageRefused): ...
