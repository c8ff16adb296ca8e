"""Which font writes what, and in which order: any script, on a machine that has no font.

The fonts are Noto's (docs/adr/0009-reports.md). Of each no more is taken than the text needs, at a weight: a few
kilobytes in a millisecond, which both the charts and the PDF use.
"""

import base64
import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import uharfbuzz as hb
from fpdf.bidi import BidiParagraph

REGULAR, BOLD = 400, 700
SCRIPTS = ("Arabic", "Devanagari", "Thai", "Hebrew", "Bengali", "Tamil", "Telugu", "Gujarati", "Gurmukhi", "Kannada",
           "Malayalam", "Sinhala", "Oriya", "Khmer", "Lao", "Myanmar", "Ethiopic", "Georgian", "Armenian",
           "Symbols")  # fmt: skip
JAPANESE, KOREAN, CHINESE, TAIWANESE = 0, 1, 2, 3
"""Places in the collection of East Asian fonts: one character looks different in each."""
JOINERS = "\u200c\u200d\u25cc"


class Family(NamedTuple):
    """A font file, and its place in there."""

    name: str
    package: str
    file: str
    place: int = 0

    @property
    def path(self) -> Path:
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"The fonts of {self.package} are not installed.")
        return Path(spec.origin).parent / self.file


class Piece(NamedTuple):
    """Text of one font and one direction."""

    family: Family
    text: str
    backwards: bool


def noto(name: str) -> Family:
    return Family(name.lower(), "manimgx_fonts", f"Noto{name}[wght].ttf")


def east(place: int) -> Family:
    return Family(f"cjk{place}", "manimgx_fonts_cjk", "NotoSansCJK-VF.otf.ttc", place)


PLAIN = noto("Sans")
OTHERS = (*(noto(f"Sans{script}") for script in SCRIPTS), noto("Emoji"))


@cache
def face_of(family: Family) -> hb.Face:
    return hb.Face(hb.Blob.from_file_path(str(family.path)), family.place)


@cache
def covered(family: Family) -> frozenset[int]:
    return frozenset(face_of(family).unicodes)


def seen_order(text: str) -> list[tuple[int, int]]:
    """Places in the text, from left to right, and how deep each is nested: odd runs from right to left."""
    if all(unicodedata.bidirectional(c) not in ("R", "AL", "AN", "RLE", "RLO", "RLI") for c in text):
        return [(place, 0) for place in range(len(text))]
    found = BidiParagraph(text).get_reordered_characters()
    return [(int(one.character_index), int(one.embedding_level)) for one in found]


def runs_backwards(text: str) -> bool:
    """Whether its first letter belongs to a script that is read from right to left."""
    return next((way for c in text if (way := unicodedata.bidirectional(c)) in ("L", "R", "AL")), "L") != "L"


def printable_text(text: str) -> str:
    """Without what no font draws: control and direction characters. Ends of lines are spaces."""
    kept = (" " if c in "\n\r\t\v\f" else c for c in text)
    return "".join(c for c in kept if unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn") and c not in DIRECTIONS)


DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff"


class Fonts:
    """The fonts of one report, cut to what its texts need. All texts are told (`take`) before the first is drawn."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._chars: dict[Family, set[int]] = {}
        self._cut: dict[tuple[Family, int], bytes] = {}
        self._east = east(CHINESE)

    def take(self, text: str) -> None:
        """This is to be written."""
        self._texts.append(text)

    def families(self) -> list[Family]:
        """Those that are needed."""
        if not self._chars:
            self._gather()
        return list(self._chars)

    def _gather(self) -> None:
        """One form of the ideographs for the whole report: the Korean one where there is Hangul, the Japanese one where
        there is kana."""
        whole = "".join(self._texts)
        if any("\uac00" <= c <= "\ud7a3" or "\u1100" <= c <= "\u11ff" or "\u3130" <= c <= "\u318f" for c in whole):
            self._east = east(KOREAN)
        elif any("\u3040" <= c <= "\u30ff" for c in whole):
            self._east = east(JAPANESE)
        self._chars = {PLAIN: set(range(32, 127))}
        for text in self._texts:
            for piece in self._pieces(text):
                told = piece.text + JOINERS + "".join(unicodedata.normalize("NFKD", c) for c in piece.text)
                held = self._chars.setdefault(piece.family, set())
                held.update(map(ord, told))
                held.update(map(ord, unicodedata.normalize("NFC", piece.text)))

    def family_of(self, char: str, before: Family | None) -> Family:
        """Marks and joiners go with what they stand on, all else to the first font that has it."""
        joins = char in JOINERS or "\ufe00" <= char <= "\ufe0f"
        follows = joins or unicodedata.category(char)[0] in "MZ"
        if before is not None and follows and (joins or ord(char) in covered(before)):
            return before
        for family in (PLAIN, self._east, *OTHERS):
            if ord(char) in covered(family):
                return family
        return before or PLAIN

    def pieces(self, text: str) -> list[Piece]:
        """From left to right as it is to be seen (Unicode's bidirectional algorithm); in each as it is spoken."""
        self.families()
        return self._pieces(text)

    def _pieces(self, text: str) -> list[Piece]:
        families: list[Family] = []
        for char in text:
            families.append(self.family_of(char, families[-1] if families else None))
        groups: list[tuple[Family, bool, list[int]]] = []
        for place, level in seen_order(text):
            family, backwards = families[place], level % 2 == 1
            last = groups[-1] if groups else None
            if last and last[:2] == (family, backwards) and place == last[2][-1] + (-1 if backwards else 1):
                last[2].append(place)
            else:
                groups.append((family, backwards, [place]))
        return [Piece(family, "".join(text[i] for i in sorted(held)), back) for family, back, held in groups]

    def carried(self, most: int) -> list[dict[str, str]]:
        """For a page that is read where there may be no font for it: all that is written in other letters than ours,
        while it is so many bytes at most."""
        faces = [(family.name, self.cut(family, REGULAR)) for family in self.families() if family != PLAIN]
        if sum(len(data) for _, data in faces) > most:
            return []
        return [{"name": f"headhunt-{name}", "data": base64.b64encode(data).decode()} for name, data in faces]

    def cut(self, family: Family, weight: int) -> bytes:
        """A font file with these characters alone, at this weight."""
        known = self._cut.get((family, weight))
        if known is None:
            self.families()
            wanted, face = hb.SubsetInput(), face_of(family)
            wanted.unicode_set.update(self._chars.get(family, ()))
            wanted.flags = hb.SubsetFlags.DOWNGRADE_CFF2 | hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE
            wanted.pin_axis_location(face, "wght", weight)
            known = self._cut[family, weight] = hb.subset(face, wanted).blob.data
        return known
