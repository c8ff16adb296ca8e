"""The same picture more than once: within a part, across parts, or under different labels."""

from discriminator.examinations.case import Case, images
from headhunt.vocabulary import Finding

Groups = list[tuple[int, ...]]


def copies(case: Case) -> list[Finding]:
    contrary = [group for group in case.copies if len({case.labels[row] for row in group} - {-1}) > 1]
    leaking = [group for group in case.copies if len({case.entries[row].split for row in group}) > 1]
    plain = [group for group in case.copies if group not in set(leaking)]
    return [*contradicting(case, contrary), *leaks(case, leaking), *repeated(case, plain)]


def contradicting(case: Case, groups: Groups) -> list[Finding]:
    words = (
        f"{len(groups)} pictures stand under different labels, {images(sum(map(len, groups)))} in all."
        " One label of each is wrong: correct it, or leave the picture out."
    )
    return finding(case, "same_picture_other_label", "serious", words, groups)


def leaks(case: Case, groups: Groups) -> list[Finding]:
    """Other parts are what train is tested by: a picture in both tests memory."""
    seen = sum(case.entries[row].split != "train" for group in groups for row in group)
    judging = sum(entry.split not in (None, "train") for entry in case.entries)
    words = (
        f"{len(groups)} pictures stand in more than one part; {seen:,} of {judging:,} images to judge by are known from"
        " another part, so the accuracy will look better than it is. Remove them from one."
    )
    return finding(case, "leak", "serious", words, groups)


def repeated(case: Case, groups: Groups) -> list[Finding]:
    more = sum(len(group) - 1 for group in groups)
    words = (
        f"{len(groups)} pictures are there more than once; {images(more)} of {len(case.entries):,} add nothing"
        f" ({more / len(case.entries):.1%}), and a random cut would put copies on both sides. Keep one of each."
    )
    many = more >= 0.05 * len(case.entries)
    return finding(case, "duplicates", "warning" if many else "note", words, groups)


def finding(case: Case, code: str, severity: str, words: str, groups: Groups) -> list[Finding]:
    if not groups:
        return []
    together = tuple(case.files(group) for group in groups)
    files = tuple(file for group in together for file in group)
    return [Finding(code=code, severity=severity, words=words, files=files, groups=together)]  # type: ignore[arg-type]
