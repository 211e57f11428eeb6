"""What a session does with annotations, uploaded files, and names of images and channels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from render.blitz import annotating, file_annotations, renaming, uploads
from render.blitz.model_records import Annotated, AnnotationRecord, NewAnnotation, NewFile
from render.blitz.object_session import ObjectSession
from render.deadline import Deadline


class AnnotatingSession(ObjectSession):
    """A viewer's session. All raise Forbidden where OMERO does not permit it."""

    def annotated(self, kind: str, ids: Sequence[int], deadline: Deadline) -> tuple[Annotated, ...]:
        """Tell of objects whether they may be annotated; NotFound when one is not there."""
        return self._run(
            lambda live: annotating.find_annotated(live, kind, ids, deadline), deadline
        )

    def annotation(self, kind: str, annotation_id: int, deadline: Deadline) -> AnnotationRecord:
        """Load an annotation of a class, such as `FileAnnotation`; NotFound when there is none."""
        return self._run(
            lambda live: annotating.load_annotation(live, kind, annotation_id, deadline), deadline
        )

    def add_annotation(
        self,
        annotation: NewAnnotation,
        group_id: int,
        targets: Sequence[Annotated],
        deadline: Deadline,
    ) -> int:
        """Make an annotation in a group, with links from all targets or none; give its id."""
        return self._run(
            lambda live: annotating.add_annotation(live, annotation, group_id, targets, deadline),
            deadline,
        )

    def link_annotation(
        self, kind: str, annotation_id: int, targets: Sequence[Annotated], deadline: Deadline
    ) -> None:
        """Link an annotation that is there to all targets that lack a link of the user's."""
        self._run(
            lambda live: annotating.link_annotation(live, kind, annotation_id, targets, deadline),
            deadline,
        )

    def change_annotation(
        self, kind: str, annotation_id: int, changes: Mapping[str, Any], deadline: Deadline
    ) -> None:
        """Give an annotation another `description`, `namespace` or other `pairs`."""
        self._run(
            lambda live: annotating.change_annotation(live, kind, annotation_id, changes, deadline),
            deadline,
        )

    def delete_annotation(self, kind: str, annotation_id: int, deadline: Deadline) -> None:
        """Delete an annotation with all links to it, and its file if no other one has it."""
        self._run(
            lambda live: annotating.delete_annotation(live, kind, annotation_id, deadline), deadline
        )

    def file_annotations(self, namespace: str, deadline: Deadline) -> tuple[AnnotationRecord, ...]:
        """Give all visible file annotations of a namespace, by rising id; TooLarge for too many."""
        return self._run(
            lambda live: file_annotations.list_file_annotations(live, namespace, deadline), deadline
        )

    def upload_file(
        self, file: NewFile, content: Iterable[bytes], group_id: int, deadline: Deadline
    ) -> int:
        """Make an OriginalFile in a group of the pieces of `content`, and give its id.

        The deadline is that of the first step. What could not be uploaded to its end is deleted.
        Raises StorageFailed when the server has no room.
        """
        return self._run(
            lambda live: uploads.upload_file(live, file, content, group_id, deadline), deadline
        )

    def write_file(
        self, file_id: int, content: Iterable[bytes], group_id: int, deadline: Deadline
    ) -> None:
        """Make the bytes of an uploaded file those of `content`, no more and no less."""
        self._run(
            lambda live: uploads.write_content(live, file_id, content, group_id, deadline), deadline
        )

    def rename_file(self, file_id: int, name: str, group_id: int, deadline: Deadline) -> None:
        """Give an uploaded file another name; NotFound where there is none."""
        self._run(
            lambda live: file_annotations.rename_file(live, file_id, name, group_id, deadline),
            deadline,
        )

    def delete_file(self, file_id: int, group_id: int, deadline: Deadline) -> None:
        """Delete an uploaded file that nothing is annotated with."""
        self._run(lambda live: uploads.delete_file(live, file_id, group_id, deadline), deadline)

    def rename_image(self, image_id: int, name: str, deadline: Deadline) -> None:
        """Give an image another name; NotFound when it is missing or invisible."""
        self._run(lambda live: renaming.rename_image(live, image_id, name, deadline), deadline)

    def images_of(self, kind: str, parent_id: int, deadline: Deadline) -> list[int]:
        """Give the ids of the images in a `Dataset` or `Plate`."""
        return self._run(lambda live: renaming.images_of(live, kind, parent_id, deadline), deadline)

    def name_channels(
        self,
        image_ids: Sequence[int],
        names: Mapping[int, str],
        size_c: int | None,
        deadline: Deadline,
    ) -> tuple[int, ...]:
        """Name channels of images, by their places from 0; give the ids of the images changed.

        Images with too few channels, or with another number of them than `size_c`, are left out.
        """
        return self._run(
            lambda live: renaming.name_channels(live, image_ids, names, size_c, deadline), deadline
        )
