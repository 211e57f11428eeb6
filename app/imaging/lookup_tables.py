"""The server's lookup tables: their list, and the tables themselves, remembered."""

from collections.abc import Iterable

import numpy as np

from app.call import Call
from render.blitz.records import LookupTableFile
from render.engine.lut_files import parse
from render.errors import BadRequest, NotFound, TooLarge


def lookup_table_files(call: Call) -> tuple[LookupTableFile, ...]:
    """List the lookup tables that the viewer is offered, ordered by lower-case name."""
    files = call.parts.lut_files.get(call.viewer.key)
    if files is None:
        files = call.session.lookup_tables(call.deadline)
        call.parts.lut_files.set(call.viewer.key, files)
    return files


def lookup_table(call: Call, file: LookupTableFile) -> np.ndarray | None:
    """Give the (256, 3) uint8 table in a file, or None when the file holds no table."""
    key = (file.id, file.size_bytes)
    tables = call.parts.lut_tables
    # Kept in a tuple, for that a file holds no table is worth remembering too.
    known = tables.get(key)
    if known is None:
        known = (_read_table(call, file),)
        tables.set(key, known)
    return known[0]


def find_lookup_tables(call: Call, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Give the tables of these names, whatever their case, by lower-case name.

    Unknown names are left out; of two files with one name the first one counts.
    """
    wanted = {name.strip().lower() for name in names}
    if not wanted:
        return {}
    found: dict[str, np.ndarray] = {}
    for file in lookup_table_files(call):
        name = file.name.lower()
        if name in wanted and name not in found:
            table = lookup_table(call, file)
            if table is not None:
                found[name] = table
    return found


def _read_table(call: Call, file: LookupTableFile) -> np.ndarray | None:
    try:
        content = call.session.read_file(file.id, call.deadline)
        return parse(content)
    except (NotFound, TooLarge, BadRequest):
        return None
