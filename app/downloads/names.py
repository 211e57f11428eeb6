"""What downloaded files are called: safe on every system, and no two alike in an archive."""

import re
from collections.abc import Iterable

#: What file systems and archives take for something else, and what no name should hold.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
#: The marks that turn the direction of text could show a name that is not there.
_DIRECTION_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONGEST_BYTES = 255
_LONGEST_ENDING = 16


def safe_name(name: str, default: str = "download") -> str:
    """Give a name that any system takes for one file's, of at most 255 bytes of UTF-8.

    Blanks at the ends and dots at the beginning are taken away; up to two endings of 16
    characters together are kept when the rest is cut.
    """
    name = _UNSAFE.sub("_", _DIRECTION_MARKS.sub("", name)).strip().lstrip(".").strip()
    return _cut(name or default)


def plain_name(name: str, default: str = "download") -> str:
    """Give a safe name as OMERO.web gives it: blanks become `_`, commas dots."""
    return safe_name(re.sub(r"\s", "_", name.strip()).replace(",", "."), default)


def with_ending(name: str, ending: str) -> str:
    """Give the name with `ending` (such as `.zip`) at its end, unless it has it; still bounded."""
    if name.lower().endswith(ending):
        return name
    stem = name.encode()[: _LONGEST_BYTES - len(ending.encode())].decode(errors="ignore")
    return stem + ending


def base_name(name: str) -> str:
    """Give an image's name without the folders before it and the last ending."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    stem, dot, _ = last.rpartition(".")
    return stem if dot and stem else last


def unlike(names: Iterable[str]) -> list[str]:
    """Give the names, those that were there before as `<stem>_(1)<ending>` and so on.

    Names that differ in case alone are alike on some systems.
    """
    taken: set[str] = set()
    result = []
    for name in names:
        stem, dot, ending = name.rpartition(".")
        if not stem:
            stem, dot, ending = name, "", ""
        candidate, number = name, 0
        while candidate.lower() in taken:
            number += 1
            candidate = f"{stem}_({number}){dot}{ending}"
        taken.add(candidate.lower())
        result.append(candidate)
    return result


def _cut(name: str) -> str:
    if len(name.encode()) <= _LONGEST_BYTES:
        return name
    parts = name.split(".")
    ending = ""
    for part in reversed(parts[-2:] if len(parts) > 1 else []):
        longer = f".{part}{ending}"
        if len(longer) > _LONGEST_ENDING:
            break
        ending = longer
    stem = name[: len(name) - len(ending)] if ending else name
    room = _LONGEST_BYTES - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore") + ending
