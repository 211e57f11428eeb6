"""Numbers as they stand in URLs: ASCII digits only, of bounded length; and texts in messages."""

import re

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def integer(text: str) -> int | None:
    """Give the integer that `text` spells, blanks around it allowed, or None.

    More than 18 digits count as no number: nothing that is indexed here is that large, and the
    server's own numbers end at 2**63.
    """
    text = text.strip()
    return int(text) if _INTEGER.fullmatch(text) else None


def decimal(text: str) -> float | None:
    """Give the number that `text` spells, with exponent, `inf` and `nan` allowed, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def shown(text: str) -> str:
    """Give `text` as it may stand in a message: short, and printable."""
    return re.sub(r"[^\x20-\x7e]", "?", text[:80])
