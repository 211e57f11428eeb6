"""The picture of all lookup tables, in the order in which `luts/` lists them."""

import hashlib
from functools import partial

from app.call import Call
from app.imaging.keys import digest
from app.imaging.lookup_tables import lookup_table, lookup_table_files
from app.pipeline import ClientHas, Picture, filled
from render.composed import LookupTableStripJob
from render.job import RENDERER_VERSION

#: Kept as if it belonged to an image that there never is.
_NO_IMAGE = 0


def render_lut_picture(call: Call, client_has: ClientHas) -> Picture:
    """Draw the server's lookup tables below one another. Its validator tells their content."""
    tables = [lookup_table(call, file) for file in lookup_table_files(call)]
    content = hashlib.blake2b(digest_size=16)
    for table in tables:
        content.update(b"-" if table is None else table.tobytes())
    key = digest(f"lookup tables {RENDERER_VERSION} {content.hexdigest()}")
    picture = Picture(None, "image/png", key)
    draw = partial(call.work, LookupTableStripJob(tables))
    return filled(call, picture, client_has, draw, _NO_IMAGE)
