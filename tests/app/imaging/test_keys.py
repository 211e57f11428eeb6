"""What the key of a picture has in it, and what not."""

from dataclasses import replace

import numpy as np
import pytest

from app.imaging.areas import SourceArea
from app.imaging.effective import EffectiveSettings
from app.imaging.keys import digest, picture_text
from app.imaging.projections import resolve_projection
from app.params import Orientation, ProjectionRequest
from app.parsing.channels import apply_channels, parse_channels
from render.values import ChannelInfo, Color, Encoding, Model, ProjectionKind, Region, Window
from tests.app.samples import DEFINITION, IMAGE, binding, definition, image

TABLE = np.zeros((256, 3), np.uint8)


def settings(of=DEFINITION, table=TABLE):
    return EffectiveSettings(of, {"cool.lut": table})


BASE = {
    "source_name": "omero:a:4064",
    "info": IMAGE,
    "settings": settings(),
    "area": SourceArea(0, Region(0, 0, 10, 10)),
    "z": 1,
    "t": 0,
    "projection": None,
    "orientation": Orientation(),
    "encoding": Encoding("jpeg", 0.85),
    "purpose": (),
}


def key(**changes):
    return digest(picture_text(**BASE | changes))


def projected(kind, start, end, inclusive=False):
    return resolve_projection(IMAGE, ProjectionRequest(kind, start, end, inclusive))


@pytest.mark.parametrize(
    "changes",
    [
        {"source_name": "omero:b:4064"},
        {"info": image(pixels_version="2")},
        {"info": image(pixels_id=4)},
        {"info": image(image_id=13)},
        {"info": image(significant_bits=12)},
        {"info": image(channels=(ChannelInfo(stats=(0, 1)), *IMAGE.channels[1:]))},
        {"area": SourceArea(1, Region(0, 0, 10, 10))},
        {"area": SourceArea(0, Region(0, 1, 10, 10))},
        {"z": 2},
        {"t": 1},
        {"projection": projected(ProjectionKind.MAXIMUM, 0, 3)},
        {"orientation": Orientation(True)},
        {"orientation": Orientation(rotation=90)},
        {"encoding": Encoding("jpeg", 0.9)},
        {"encoding": Encoding("png", 0.85)},
        {"purpose": ("thumbnail", 10, 10, 1)},
        {"settings": settings(definition(model=Model.GREYSCALE))},
        {"settings": settings(definition(cd_end=200))},
        {"settings": settings(binding(0, window=Window(80, 1901)))},
        {"settings": settings(binding(0, window=Window(80.00001, 1900)))},
        {"settings": settings(binding(0, color=Color(0, 0, 254)))},
        {"settings": settings(binding(0, color=Color(0, 0, 255, 254)))},
        {"settings": settings(binding(0, active=False))},
        {"settings": settings(binding(0, reverse_intensity=True))},
        {"settings": settings(binding(0, noise_reduction=True))},
        {"settings": settings(binding(0, family="exponential", coefficient=2.0))},
        {"settings": settings(binding(1, lut=None))},
        {"settings": settings(table=TABLE + 1)},
    ],
)
def test_what_changes_the_picture_changes_the_key(changes):
    assert key(**changes) != key()


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": settings(binding(2, window=Window(5, 6), color=Color(1, 2, 3)))},
        {"settings": settings(definition(default_z=4, rdef_id=9, version=3, owner_id=1))},
        {"settings": settings(binding(1, lut="Cool.LUT"))},
        {"info": image(name="other", description="new")},
    ],
)
def test_what_does_not_show_does_not_change_the_key(changes):
    assert key(**changes) == key()


def test_the_quality_of_a_lossless_format_does_not_matter():
    assert key(encoding=Encoding("png", 0.1)) == key(encoding=Encoding("png", 0.9))


def test_projections_are_told_by_what_they_read():
    whole = projected(ProjectionKind.MAXIMUM, None, None)
    assert key(projection=whole) == key(projection=projected(ProjectionKind.MAXIMUM, -3, 99))
    assert key(projection=whole) == key(projection=projected(ProjectionKind.MAXIMUM, 4, 0))
    assert key(projection=whole) == key(projection=whole, z=4)
    assert key(projection=whole) != key(projection=projected(ProjectionKind.SUM, None, None))
    mean = projected(ProjectionKind.MEAN, 0, 3)
    assert key(projection=mean) != key(projection=projected(ProjectionKind.MEAN, 0, 3, True))
    assert key(projection=mean) == key(projection=projected(ProjectionKind.MEAN, 0, 2, True))


def test_the_order_of_channels_does_not_matter():
    forward, backward = (
        settings(apply_channels(DEFINITION, parse_channels(text)))
        for text in ("1|0:5$F00,2|1:6$0F0", "2|1:6$0F0,1|0:5$F00")
    )
    assert key(settings=forward) == key(settings=backward)


def test_greyscale_looks_at_its_one_channel_alone():
    grey = replace(DEFINITION, model=Model.GREYSCALE)
    changed = replace(
        grey,
        bindings=(
            grey.bindings[0],
            replace(grey.bindings[1], window=Window(0, 1)),
            grey.bindings[2],
        ),
    )
    assert key(settings=settings(grey)) == key(settings=settings(changed))
