"""Reading an answer as far as is sensible: whoever speaks there does not decide how much memory this process takes."""

import httpx2

from headhunt.errors import HeadhuntError
from headhunt.vocabulary import MIB

LARGEST_ANSWER = 64 * MIB
LARGEST_PROBLEM = MIB


def read(url: str, response: httpx2.Response, most: int) -> bytes:
    """The whole body, unpacked. It is given up at the first piece beyond `most`."""
    pieces, size = list[bytes](), 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > most:
            raise HeadhuntError(f"The answer of {url} is larger than {most:,} bytes, and is not read. Check the URL.")
        pieces.append(piece)
    return b"".join(pieces)
