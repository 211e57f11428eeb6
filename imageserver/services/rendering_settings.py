"""IRenderingSettings: settings of many images at once, always saved as the caller's own."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import Ice

from imageserver.faults import guarded, not_visible, usage
from imageserver.hql import select_rows
from imageserver.records import ImageRecord
from imageserver.services import definitions
from imageserver.services.context import ServiceContext
from render.blitz.slices import omero
from render.values import RenderingDefinition

#: The images below a node of each kind.
_IMAGES = {
    "Image": "select i.id from Image i where i.id in (:ids)",
    "Pixels": "select p.image.id from Pixels p where p.id in (:ids)",
    "Dataset": "select l.child.id from DatasetImageLink l where l.parent.id in (:ids)",
    "Project": "select l.child.id from DatasetImageLink l join l.parent d"
    " join d.projectLinks p where p.parent.id in (:ids)",
    "Well": "select s.image.id from WellSample s where s.well.id in (:ids)",
    "Plate": "select s.image.id from WellSample s where s.well.plate.id in (:ids)",
    "PlateAcquisition": "select s.image.id from WellSample s where s.plateAcquisition.id in (:ids)",
    "Screen": "select s.image.id from WellSample s join s.well w join w.plate p"
    " join p.screenLinks l where l.parent.id in (:ids)",
}


@guarded(omero.api.IRenderingSettings)
class RenderingSettings(omero.api.IRenderingSettings):
    """Resets and copies settings; images whose pixels cannot be read are passed over."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def sanityCheckPixels(self, source: Any, target: Any, current: Ice.Current) -> bool:  # noqa: N802
        source_id, target_id = _id_of(source), _id_of(target)
        return _fit(self._image(source_id), self._image(target_id))

    def getRenderingSettings(self, pixels_id: int, current: Ice.Current) -> Any:  # noqa: N802
        found = definitions.in_force(self._context, pixels_id)
        return definitions.load(self._context, found)

    # -- defaults --------------------------------------------------------------------------

    def createNewRenderingDef(self, pixels: Any, current: Ice.Current) -> Any:  # noqa: N802
        [saved] = self._reset_pixels([_id_of(pixels)])
        return definitions.load(self._context, saved)

    def resetDefaults(self, given: Any, pixels: Any, current: Ice.Current) -> None:  # noqa: N802
        self._reset_pixels([_id_of(pixels)])

    def resetDefaultsNoSave(self, given: Any, pixels: Any, current: Ice.Current) -> Any:  # noqa: N802
        pixels_id = _id_of(pixels)
        self._image(pixels_id)
        first = definitions.first_of(self._context, [pixels_id])[pixels_id]
        return definitions.load_unsaved(self._context, pixels_id, first)

    def resetDefaultsInImage(self, image_id: int, current: Ice.Current) -> None:  # noqa: N802
        self._reset_pixels([self._pixels_of_image(image_id)])

    def resetDefaultsForPixels(self, pixels_id: int, current: Ice.Current) -> None:  # noqa: N802
        self._reset_pixels([pixels_id])

    def resetDefaultsInDataset(  # noqa: N802
        self, dataset_id: int, current: Ice.Current
    ) -> list[int]:
        return self._reset_set("Dataset", [dataset_id])

    def resetDefaultsInSet(  # noqa: N802
        self, kind: str, identifiers: list[int], current: Ice.Current
    ) -> list[int]:
        return self._reset_set(kind, identifiers)

    def setOriginalSettingsInImage(self, image_id: int, current: Ice.Current) -> None:  # noqa: N802
        self._reset_pixels([self._pixels_of_image(image_id)])

    def setOriginalSettingsForPixels(self, pixels_id: int, current: Ice.Current) -> None:  # noqa: N802
        self._reset_pixels([pixels_id])

    def setOriginalSettingsInDataset(  # noqa: N802
        self, dataset_id: int, current: Ice.Current
    ) -> list[int]:
        return self._reset_set("Dataset", [dataset_id])

    def setOriginalSettingsInSet(  # noqa: N802
        self, kind: str, identifiers: list[int], current: Ice.Current
    ) -> list[int]:
        return self._reset_set(kind, identifiers)

    def resetMinMaxInSet(  # noqa: N802
        self, kind: str, identifiers: list[int], current: Ice.Current
    ) -> list[int]:
        """Give every channel the window of its values; all else stays as it is."""
        images = self._images(kind, identifiers)
        first = definitions.first_of(self._context, images)
        return self._save(
            images, {pixels_id: self._windowed(pixels_id, new) for pixels_id, new in first.items()}
        )

    def resetDefaultsByOwnerInSet(  # noqa: N802
        self, kind: str, identifiers: list[int], current: Ice.Current
    ) -> list[int]:
        """Give the caller the settings of each image's owner; where there are none, none."""
        images = self._images(kind, identifiers)
        owners = {
            pixels_id: definitions.of_user(self._context, pixels_id, definitions.NOBODY)
            for pixels_id in images
        }
        return self._save(
            images, {pixels_id: own.settings for pixels_id, own in owners.items() if own}
        )

    # -- copies ----------------------------------------------------------------------------

    def applySettingsToSet(  # noqa: N802
        self, source: int, kind: str, identifiers: list[int], current: Ice.Current
    ) -> dict[bool, list[int]]:
        return self._apply(source, self._images(kind, identifiers))

    def applySettingsToProject(  # noqa: N802
        self, source: int, target: int, current: Ice.Current
    ) -> dict[bool, list[int]]:
        return self._apply(source, self._images("Project", [target]))

    def applySettingsToDataset(  # noqa: N802
        self, source: int, target: int, current: Ice.Current
    ) -> dict[bool, list[int]]:
        return self._apply(source, self._images("Dataset", [target]))

    def applySettingsToImages(  # noqa: N802
        self, source: int, targets: list[int], current: Ice.Current
    ) -> dict[bool, list[int]]:
        return self._apply(source, self._images("Image", targets))

    def applySettingsToImage(self, source: int, target: int, current: Ice.Current) -> bool:  # noqa: N802
        return bool(self._apply(source, self._images("Image", [target]))[True])

    def applySettingsToPixels(self, source: int, target: int, current: Ice.Current) -> bool:  # noqa: N802
        return bool(self._apply(source, self._images("Pixels", [target]))[True])

    # -- how -------------------------------------------------------------------------------

    def _apply(self, source: int, images: dict[int, ImageRecord]) -> dict[bool, list[int]]:
        """Copy to the images that fit and that the caller may annotate; tell ids of images."""
        settings = definitions.settings_in_force(self._context, source)
        origin = self._image(source)
        fitting = {
            pixels_id: _moved(settings, image)
            for pixels_id, image in images.items()
            if _fit(origin, image) and definitions.may_annotate(self._context, pixels_id)
        }
        changed = self._save(images, fitting)
        left = [image.id for image in images.values() if image.id not in changed]
        return {True: changed, False: left}

    def _reset_set(self, kind: str, identifiers: list[int]) -> list[int]:
        images = self._images(kind, identifiers)
        return self._save(images, definitions.first_of(self._context, images))

    def _reset_pixels(self, pixels_ids: Iterable[int]) -> list:
        images = {pixels_id: self._image(pixels_id) for pixels_id in pixels_ids}
        return definitions.save_own(self._context, definitions.first_of(self._context, images))

    def _windowed(self, pixels_id: int, first: RenderingDefinition) -> RenderingDefinition:
        settings = definitions.settings_in_force(self._context, pixels_id)
        pairs = zip(settings.bindings, first.bindings, strict=True)
        return settings.with_bindings(
            tuple(replace(binding, window=new.window) for binding, new in pairs)
        )

    def _save(
        self, images: dict[int, ImageRecord], settings: dict[int, RenderingDefinition]
    ) -> list[int]:
        saved = definitions.save_own(self._context, settings)
        return [images[definition.pixels_id].id for definition in saved]

    def _images(self, kind: str, identifiers: list[int]) -> dict[int, ImageRecord]:
        """Give the readable images below nodes of a kind, each once, by their pixels' id."""
        name = kind.rpartition(".")[2].removesuffix("I")
        if name not in _IMAGES:
            raise usage(f"{kind} is nothing that holds images.")
        graph = self._context.graph
        rows = select_rows(graph, _IMAGES[name], {"ids": list(identifiers)})
        found = (graph.find("Image", row[0].val) for row in rows if row[0] is not None)
        images = (entity.record for entity in found if entity is not None)
        return {image.pixels_id: image for image in images if not image.problem}

    def _image(self, pixels_id: int) -> ImageRecord:
        return definitions.pixels_entity(self._context, pixels_id).record

    def _pixels_of_image(self, image_id: int) -> int:
        images = self._images("Image", [image_id])
        if not images:
            raise not_visible("Image", image_id)
        return next(iter(images))


def _fit(source: ImageRecord, target: ImageRecord) -> bool:
    """Tell whether settings can be copied: same type, channels and emission wavelengths."""
    return (
        source.pixel_type == target.pixel_type
        and len(source.channels) == len(target.channels)
        and {c.emission_wave for c in source.channels} == {c.emission_wave for c in target.channels}
    )


def _moved(settings: RenderingDefinition, target: ImageRecord) -> RenderingDefinition:
    """Give settings for another image, whose default plane is the middle where it has no such."""
    z, t = settings.default_z, settings.default_t
    return replace(
        settings,
        default_z=z if z < target.size_z else target.size_z // 2,
        default_t=t if t < target.size_t else 0,
    )


def _id_of(pixels: Any) -> int:
    if pixels is None or pixels.id is None:
        raise usage("There are no pixels given.")
    return pixels.id.val
