"""What makes new images of projections, for a server that keeps none."""

# ruff: noqa: N802 (operations have the names that OMERO gave them)

import time

import Ice

from render.blitz.slices import omero
from tests.render.blitz.tiny_tables import TinyQuery

NEW_IMAGE_ID = 4242
#: Names of new images by which faults are asked for, and a dataset that takes nothing.
SLOW, REFUSED, LEAVES, DAMAGED = "slow_proj", "refused_proj", "leaves_proj", "damaged_proj"
LOCKED_DATASET = 13
SLOW_S = 1.0
#: All that may be asked for: the mean of sections 2 to 5 of two timepoints of three channels.
WANTED = (7, None, "MEANINTENSITY", 0, 1, (0, 1, 2), 1, 2, 5)


class TinyImages(TinyQuery):
    """Knows the new image, too."""

    def __init__(self, state):
        self.state = state

    def findByQuery(self, query, parameters, current):
        assert parameters.map["id"].val == NEW_IMAGE_ID
        name = omero.RString(self.state.made)
        return omero.model.Image(id=omero.RLong(NEW_IMAGE_ID), loaded=True, name=name)


class TinyProjection(omero.api.IProjection):
    """Counts what it is asked to make."""

    def __init__(self, state):
        self.state = state

    def projectPixels(
        self, pixels, kind, how, t_start, t_end, channels, stepping, z_start, z_end, name, current
    ):
        if name == REFUSED:
            raise omero.ApiUsageException(message="a secret message")
        if name == DAMAGED:
            raise omero.ResourceError(message="a secret message")
        self.state.change(projected=1)
        if name == LEAVES:
            raise Ice.ObjectNotExistException()
        if name == SLOW:
            time.sleep(SLOW_S)
        asked = (pixels, kind, how.name, t_start, t_end, tuple(channels), stepping, z_start, z_end)
        if asked != WANTED or current.ctx["omero.group"] != "3":
            raise omero.InternalException(message=f"{asked} is not what was to be asked for")
        self.state.made = name
        return NEW_IMAGE_ID


class TinySettings(omero.api.IRenderingSettings):
    def __init__(self, state):
        self.state = state

    def applySettingsToImage(self, from_pixels, to_image, current):
        assert to_image == NEW_IMAGE_ID
        self.state.change(settings_copied=1)
        return True


class TinyUpdate(omero.api.IUpdate):
    def __init__(self, state):
        self.state = state

    def saveObject(self, thing, current):
        if isinstance(thing, omero.model.Image):
            assert thing.id.val == NEW_IMAGE_ID
            assert thing.name.val == self.state.made
            self.state.change(described=len(thing.description.val))
            return
        assert isinstance(thing, omero.model.DatasetImageLink)
        assert (thing.child.id.val, thing.child.loaded) == (NEW_IMAGE_ID, False)
        if thing.parent.id.val == LOCKED_DATASET:
            raise omero.SecurityViolation(message="a secret message")
        self.state.change(linked=thing.parent.id.val)
