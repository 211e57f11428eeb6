"""New images of projections: what is asked of OMERO, and what goes wrong on the way.

Against a server that makes nothing of it: the image server keeps no new images, and says so.
"""

from dataclasses import replace

import pytest

from render.blitz.model_records import NewProjection
from render.blitz.source import BlitzSession
from render.errors import BadRequest, Forbidden, SourceFailed, SourceUnavailable
from render.values import ProjectionKind
from tests.render.blitz import tiny_projections
from tests.render.blitz.conftest import TinyServer, soon, tiny_info

INFO = tiny_info(size_z=9, size_t=2)
WANTED = NewProjection(ProjectionKind.MEAN, 2, 5, "cells_proj.tif", "of cells", dataset_id=77)


def test_the_image_is_made_described_and_put_into_its_dataset(
    tiny: TinyServer, session: BlitzSession
) -> None:
    assert session.save_projection(INFO, WANTED, soon()) == (tiny_projections.NEW_IMAGE_ID, None)
    counters = tiny.counters()
    assert (counters["projected"], counters["settings_copied"]) == (1, 1)
    assert (counters["described"], counters["linked"]) == (len("of cells"), 77)
    session.save_projection(INFO, replace(WANTED, dataset_id=None), soon())
    assert tiny.counters()["linked"] == 77


def test_what_fails_after_it_was_made_is_told_with_its_id(session: BlitzSession) -> None:
    locked = replace(WANTED, dataset_id=tiny_projections.LOCKED_DATASET)
    image_id, error = session.save_projection(INFO, locked, soon())
    assert image_id == tiny_projections.NEW_IMAGE_ID
    assert isinstance(error, Forbidden) and "secret" not in str(error)


@pytest.mark.parametrize(
    ("name", "kind", "made"),
    [
        (tiny_projections.REFUSED, BadRequest, 0),
        (tiny_projections.DAMAGED, SourceFailed, 0),
        # Not tried again: it may have been made.
        (tiny_projections.LEAVES, SourceUnavailable, 1),
    ],
)
def test_faults(
    tiny: TinyServer, session: BlitzSession, name: str, kind: type[Exception], made: int
) -> None:
    with pytest.raises(kind) as caught:
        session.save_projection(INFO, replace(WANTED, name=name), soon())
    assert "secret" not in str(caught.value)
    assert tiny.counters()["projected"] == made
