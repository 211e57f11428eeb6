"""A plate of OME-Zarr as a file: its fields are opened when they are asked for."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import zarr

from imageserver.readers.base import Access, Changed, SeriesMetadata, UnreadableFile
from imageserver.readers.zarr_fields import PlateFields
from imageserver.readers.zarr_folder import ZarrFolder
from imageserver.readers.zarr_images import OpenImage
from imageserver.readers.zarr_parts import attributes_of
from imageserver.readers.zarr_plates import plate_of

#: Fields whose arrays stay known although nobody reads them at the moment.
MAX_OPEN_FIELDS = 64


class ZarrPlateFile(ZarrFolder):
    """An opened plate; any thread.

    With `known`, what was read of its fields before, none is looked at before it is read. One
    that tells something else by then raises Changed.
    """

    def __init__(
        self,
        path: Path,
        access: Access,
        root: zarr.Group,
        known: Sequence[SeriesMetadata] | None = None,
    ) -> None:
        super().__init__(path, access)
        self._fields = PlateFields(path, access, root)
        self._lock = threading.Lock()
        self._opened: OrderedDict[int, OpenImage] = OrderedDict()
        if known is not None:
            self.series = tuple(known)
            return
        series, fields = self._fields.listed()
        self.series = tuple(series)
        self.plates = (plate_of(attributes_of(root)["plate"], fields),)

    def image(self, series: int) -> OpenImage:
        """Open a field, or find it open."""
        with self._lock:
            found = self._opened.get(series)
            if found is not None:
                self._opened.move_to_end(series)
                return found
        try:
            opened, told = self._fields.open(self.series[series].name)
        except UnreadableFile:
            raise
        except Exception as error:
            raise Changed(f"the field cannot be read ({error!s:.120})") from error
        if told != self.series[series]:
            raise Changed("it has changed and is being read again")
        with self._lock:
            self._opened[series] = opened
            if len(self._opened) > MAX_OPEN_FIELDS:
                self._opened.popitem(last=False)
        return opened
