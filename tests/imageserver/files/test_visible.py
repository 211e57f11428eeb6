"""What a user may not see is nowhere: in no extent, behind no member, under no id."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from imageserver.accounts import Accounts, Ownership, View
from imageserver.accounts.users_file import parse_users
from imageserver.accounts.views import ALL_GROUPS, NotAMember, view_of
from imageserver.catalog import Catalog, UnknownId
from imageserver.definitions import Change
from imageserver.entities import Entity, image_of
from imageserver.graph import Graph
from imageserver.graph_source import GraphSource
from imageserver.records import FileRecord, ImageRecord
from imageserver.schema import load_schema
from imageserver.services.first_settings import first_settings
from imageserver.visible import VisibleCatalog
from tests.support.image_server import PROJECT
from tests.support.lab import NAMES, SLIDE, VISIBLE, example, make_lab
from tests.support.ome import image_xml, write_ome_tiff

RICH = ("bob-images/rich.ome.tif", "carol-slides/rich.ome.tif")
PLANE = np.arange(30 * 40, dtype=np.uint8).reshape(1, 30, 40)
INSIDE = """
<ROI ID="ROI:0"><Union><Rectangle X="1" Y="2" Width="3" Height="4">
  <Transform A00="1" A10="2" A01="3" A11="4" A02="5" A12="6"/></Rectangle></Union></ROI>
<Screen ID="Screen:0" Name="screen"><PlateRef ID="Plate:0"/></Screen>
<Plate ID="Plate:0" Name="plate"><Well ID="Well:0" Row="0" Column="0">
  <WellSample ID="WellSample:0" Index="0"><ImageRef ID="Image:0"/></WellSample></Well>
  <PlateAcquisition ID="PlateAcquisition:0"><WellSampleRef ID="WellSample:0"/></PlateAcquisition>
</Plate>
<StructuredAnnotations><MapAnnotation ID="Annotation:0"><Value><M K="a">b</M></Value>
</MapAnnotation></StructuredAnnotations>
"""
REFERENCES = '<ROIRef ID="ROI:0"/><AnnotationRef ID="Annotation:0"/>'


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    lab = make_lab(tmp_path_factory.mktemp("lab"))
    for name in RICH:
        xml = image_xml(0, PLANE, "rich", REFERENCES) + INSIDE
        write_ome_tiff(lab.folder / name, [PLANE], xml)
    cache = tmp_path_factory.mktemp("cache")
    catalog = Catalog(lab.folder, cache, watch=False, rescan_s=0, confined=True)
    catalog.start()
    assert catalog.wait_scanned(30)
    for image in catalog.images():
        for owner in (0, 10, 11, 12):
            settings = first_settings(catalog.image(image.id))
            catalog.save_definitions(owner, [Change(image.pixels_id, owner, settings)])
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def accounts() -> Accounts:
    return parse_users(example().encode())


def view(accounts: Accounts, user: str, group: int = ALL_GROUPS) -> View:
    found = accounts.user_named(user)
    assert found is not None
    return view_of(accounts, found, group)


def reached(graph: Graph) -> Iterator[Entity]:
    """Give every entity, and everything that its members lead to."""
    for kind, entity_type in load_schema().items():
        for entity in graph.extent(kind):
            yield entity
            for member in entity_type.members.values():
                found = graph.member(entity, member)
                yield from (
                    one
                    for one in (found if isinstance(found, list) else [found])
                    if isinstance(one, Entity)
                )


def paths(entities: Iterator[Entity]) -> set[str]:
    """Give the paths of all images and files that stand behind entities."""
    found = set()
    for entity in entities:
        record = entity.record
        parts = record if isinstance(record, tuple) else (record,)
        found |= {part.path for part in parts if isinstance(part, ImageRecord)}
        found |= {part.relative_path for part in parts if isinstance(part, FileRecord)}
    return found


def test_nothing_leads_to_what_is_not_visible(catalog: Catalog, accounts: Accounts) -> None:
    kinds = {}
    for user, expected in VISIBLE.items():
        graph = Graph(catalog, view(accounts, user), started_s=0)
        folders = {path.rpartition("/")[0] for path in expected}
        expected = expected | {name for name in RICH if name.rpartition("/")[0] in folders}
        assert paths(reached(graph)) == expected
        kinds[user] = {entity.kind for entity in reached(graph)}
        pixels = {image.pixels_id for image in VisibleCatalog(catalog, graph.view).images()}
        saved = {entity.record.pixels_id for entity in graph.extent("RenderingDef")}
        assert saved == pixels
    # The walk goes through all that there is.
    assert kinds["carol"] == kinds["root"] and len(kinds["root"]) > 40
    for kind in ("Roi", "Rectangle", "Plate", "WellSample", "MapAnnotation", "ChannelBinding"):
        assert kind in kinds["carol"]


def test_no_id_of_others_is_found(catalog: Catalog, accounts: Accounts) -> None:
    whole = Graph(catalog, view(accounts, "root"), started_s=0)
    graph = Graph(catalog, view(accounts, "carol"), started_s=0)
    hidden = 0
    for kind in load_schema():
        visible = {entity.id for entity in graph.extent(kind)}
        for entity in whole.extent(kind):
            if entity.id not in visible:
                hidden += 1
                assert graph.find(kind, entity.id) is None, entity
    assert hidden > 100


def test_the_catalog_gives_nothing_of_others(catalog: Catalog, accounts: Accounts) -> None:
    seen = VisibleCatalog(catalog, view(accounts, "carol"))
    for image in catalog.images():
        if image.path in {SLIDE, RICH[1]}:
            assert seen.image(image.id).id == image.id
            seen.open_pixels(image.pixels_id).close()
            continue
        file_id = image.file_ids[0]
        for call in (
            lambda image=image: seen.image(image.id),
            lambda image=image: seen.image_by_pixels(image.pixels_id),
            lambda image=image: seen.open_pixels(image.pixels_id),
            lambda file_id=file_id: seen.file(file_id),
            lambda file_id=file_id: seen.read_lut(file_id),
            lambda image=image: seen.mask(image, None),
            lambda image=image: seen.save_definitions(12, [_change(image)]),
        ):
            with pytest.raises(UnknownId):
                call()
        assert seen.rois(image) == () and seen.annotations(image) == ()


def _change(image: Any) -> Change:
    return Change(image.pixels_id, 12, first_settings(image))


def test_owners_and_groups_are_those_of_the_folder(catalog: Catalog, accounts: Accounts) -> None:
    graph = Graph(catalog, view(accounts, "root"), started_s=0)
    expected = {
        "alice-screens": Ownership(10, 3),
        "bob-images": Ownership(11, 3),
        "bob-drafts": Ownership(11, 4),
        "carol-slides": Ownership(12, 5),
    }
    for entity in reached(graph):
        image = image_of(entity)
        if image is not None:
            folder = image.path.partition("/")[0]
            assert graph.ownership(entity) == expected.get(folder, Ownership(0, 0)), entity
    for kind in ("Project", "Dataset"):
        for entity in graph.extent(kind):
            folder = entity.record.name.partition("/")[0]
            assert graph.ownership(entity) == expected.get(folder, Ownership(0, 0)), entity


def test_users_who_see_the_same_share_a_graph(catalog: Catalog, accounts: Accounts) -> None:
    source = GraphSource(catalog)
    alice, bob = (source.current(view(accounts, user, 3)) for user in ("alice", "bob"))
    assert alice.extent("Image") is bob.extent("Image")
    assert (alice.view.user.name, bob.view.user.name) == ("alice", "bob")
    [image] = [i for i in alice.extent("Image") if i.record.path == NAMES[0]]
    assert (alice.rights(image).edit, bob.rights(image).edit) == (True, False)
    carol = source.current(view(accounts, "carol"))
    assert {i.record.path for i in carol.extent("Image")} == {SLIDE, RICH[1]}
    # Other accounts are another state, even when they say the same.
    again = parse_users(example().encode())
    assert source.current(view(again, "alice", 3)).extent("Image") is not alice.extent("Image")


@pytest.mark.parametrize(
    ("user", "group", "refused"),
    [("carol", 3, True), ("carol", 0, True), ("carol", 77, True), ("root", 77, True),
     ("carol", 1, False), ("root", 3, False), ("bob", 5, False)],
)  # fmt: skip
def test_groups_of_others_are_no_context(
    accounts: Accounts, user: str, group: int, refused: bool
) -> None:
    if refused:
        with pytest.raises(NotAMember):
            view(accounts, user, group)
    else:
        assert view(accounts, user, group).group_id == group


def test_no_service_reads_the_catalog_past_the_view() -> None:
    services = PROJECT / "imageserver" / "services"
    for module in services.glob("*.py"):
        assert module.name == "context.py" or "whole_catalog" not in module.read_text("utf-8")
