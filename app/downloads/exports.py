"""What an export comes to: one file of one image, or an archive of several."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from app.call import Call
from app.downloads.archive import Member, zip_pieces
from app.downloads.containers import check_exportable, select_exportable
from app.downloads.names import safe_name, with_ending
from app.downloads.ome_tiff import ome_tiff_layout, ome_tiff_name
from app.downloads.policy import require_download
from app.downloads.reading import stack_pieces
from app.downloads.stacks import (
    FileLayout,
    Stack,
    check_size,
    file_etag,
    npy_layout,
    whole_stack,
)
from app.imaging.keys import digest
from app.parsing.download_params import ContainerRequest
from app.parsing.export_params import ExportRequest, stack_of
from render.engine.encode import ARRAY_CONTENT_TYPES, CONTENT_TYPES

ZIP = "application/zip"


@dataclass(frozen=True)
class Export:
    """Images that the viewer may take away, each with its file's layout; several as an archive.

    `left_out` are images without pixels that can be read.
    """

    stacks: tuple[Stack, ...]
    layouts: tuple[FileLayout, ...]
    name: str
    media_type: str
    left_out: tuple[int, ...] = ()

    @property
    def is_archive(self) -> bool:
        """Tell whether several files go into one."""
        return len(self.stacks) > 1

    @property
    def image_ids(self) -> tuple[int, ...]:
        """The images, in the order of their files."""
        return tuple(stack.info.image_id for stack in self.stacks)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files together; an archive has a few more."""
        return sum(layout.size_bytes for layout in self.layouts)

    def key(self, call: Call) -> str:
        """Give a strong validator: exports with the same one are equal byte for byte."""
        etags = [
            file_etag(call, stack, layout)
            for stack, layout in zip(self.stacks, self.layouts, strict=True)
        ]
        return digest("\n".join(["archive", self.name, *etags])) if self.is_archive else etags[0]

    def pieces(self, call: Call) -> tuple[Iterator[bytes], int]:
        """Give all bytes, block by block, and their number; each file is read in its turn."""
        if not self.is_archive:
            (stack,), (layout,) = self.stacks, self.layouts
            return stack_pieces(call, stack, layout, 0, layout.size_bytes), layout.size_bytes
        # The ids tell names apart.
        members = [
            Member(
                ome_tiff_name(stack.info), partial(_file, call, stack, layout), layout.size_bytes
            )
            for stack, layout in zip(self.stacks, self.layouts, strict=True)
        ]
        pieces, length = zip_pieces(members, deflate=False)
        assert length is not None
        return pieces, length


def container_export(call: Call, request: ContainerRequest) -> Export:
    """Give an image as OME-TIFF, or those of a project, dataset or well as an archive of them.

    Raises NotFound, BadRequest, Forbidden, and TooLarge when they have too many bytes together.
    """
    selected = select_exportable(call, request)
    stacks = tuple(whole_stack(info) for info in selected.infos)
    layouts = tuple(ome_tiff_layout(stack) for stack in stacks)
    check_size(call, layouts)
    if len(stacks) > 1:
        name, media_type = with_ending(safe_name(selected.name, "images"), ".zip"), ZIP
    else:
        name, media_type = ome_tiff_name(stacks[0].info), CONTENT_TYPES["tif"]
    return Export(stacks, layouts, name, media_type, selected.left_out)


def part_export(call: Call, image_id: int, wanted: ExportRequest) -> Export:
    """Give a part of an image as an array or OME-TIFF; raises as `container_export`."""
    info = call.image_info(image_id)
    check_exportable(info)
    require_download(call, info)
    stack = stack_of(info, wanted)
    layout: FileLayout
    if wanted.format == "tif":
        layout, name = ome_tiff_layout(stack), ome_tiff_name(info)
        media_type = CONTENT_TYPES["tif"]
    else:
        layout = npy_layout(stack)
        name = with_ending(safe_name(f"{image_id}-{info.name or ''}"), ".npy")
        media_type = ARRAY_CONTENT_TYPES["npy"]
    check_size(call, [layout])
    return Export((stack,), (layout,), name, media_type)


def _file(call: Call, stack: Stack, layout: FileLayout) -> Iterator[bytes]:
    return stack_pieces(call.renewed(), stack, layout, 0, layout.size_bytes)
