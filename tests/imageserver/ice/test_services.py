"""The services beside queries and pixels, over real sockets."""

from types import SimpleNamespace
from typing import Any

import pytest

from imageserver.services.factory import ServiceFactory
from render.blitz.slices import omero
from tests.imageserver.ice.clients import LoggedIn, parameters
from tests.imageserver.ice.images import BROKEN, CHANNELS, PYRAMID, STACK, Folder

# One round trip for everything about an image, as viewers ask.
WHOLE_IMAGE = """
    select p from Pixels as p
      join fetch p.image as i
      left outer join fetch i.details.externalInfo
      left outer join fetch i.format
      left outer join fetch i.fileset
      left outer join fetch i.objectiveSettings as os
      left outer join fetch os.objective as ob
      left outer join fetch ob.immersion
      left outer join fetch ob.correction
      join fetch p.pixelsType
      left outer join fetch p.dimensionOrder
      join fetch p.details.updateEvent
      join fetch p.channels as c
      join fetch c.logicalChannel as lc
      left outer join fetch c.statsInfo
      left outer join fetch lc.mode
      left outer join fetch lc.illumination
      left outer join fetch lc.contrastMethod
      left outer join fetch lc.photometricInterpretation
    where i.id = :id
"""
SETTINGS = """
    select r from RenderingDef as r
      join fetch r.details.owner
      join fetch r.details.updateEvent
      join fetch r.quantization
      join fetch r.model
      join fetch r.waveRendering as cb
      join fetch cb.family
      left outer join fetch cb.spatialDomainEnhancement
    where r.pixels.image.id = :id order by r.details.updateEvent.time desc
"""


def test_one_query_tells_everything_about_an_image(each_client: LoggedIn, folder: Folder) -> None:
    image_id = each_client.image_id(PYRAMID)
    query = each_client.factory.getQueryService().ice_context({"omero.group": "-1"})
    pixels = query.findByQuery(WHOLE_IMAGE, parameters(id=image_id))
    assert [pixels.sizeX.val, pixels.sizeY.val, pixels.sizeC.val] == [900, 700, 3]
    assert pixels.pixelsType.value.val == "uint16"
    assert pixels.image.name.val == PYRAMID
    assert pixels.image.format.value.val == "OMETiff"
    length = omero.model.enums.UnitsLength
    assert (pixels.physicalSizeX.value, pixels.physicalSizeX.unit) == (0.25, length.MICROMETER)
    full = folder.levels[PYRAMID][0]
    for c, channel in enumerate(pixels.channelsSeq):
        assert channel.logicalChannel.name.val == CHANNELS[c]
        stats = (channel.statsInfo.globalMin.val, channel.statsInfo.globalMax.val)
        assert stats == (full[0, c].min(), full[0, c].max())
        assert channel.pixels is pixels
    assert pixels.details.updateEvent.time.val > 0
    assert query.findAllByQuery(SETTINGS, parameters(id=image_id)) == []
    assert query.findByQuery(WHOLE_IMAGE, parameters(id=987654)) is None


def test_every_loaded_object_has_details(client: LoggedIn) -> None:
    query = client.factory.getQueryService()
    for kind in ("Project", "Dataset", "Image", "Pixels", "Channel", "OriginalFile", "PixelsType"):
        for found in query.findAll(kind, omero.sys.Filter(limit=omero.RInt(2))):
            assert found.loaded
            details = found.details
            assert details.owner.id.val == 2 and details.group.id.val == 3
            assert None not in (details.creationEvent, details.updateEvent)
            assert details.permissions.restrictions[3] is False


def test_find_is_null_and_get_is_an_error_without_the_object(client: LoggedIn) -> None:
    query = client.factory.getQueryService()
    assert query.find("Image", 987654) is None
    with pytest.raises(omero.ValidationException):
        query.get("Image", 987654)
    with pytest.raises(omero.QueryException):
        query.find("Picture", 1)
    assert query.findByString("Image", "name", STACK).id.val == client.image_id(STACK)
    assert query.findByString("Image", "name", "no such name") is None


def test_more_than_one_result_is_an_error_for_find_by_query(client: LoggedIn) -> None:
    query = client.factory.getQueryService()
    with pytest.raises(omero.ApiUsageException):
        query.findByQuery("select i from Image i", None)


@pytest.mark.parametrize("text", ["select", "select x from Image i", "from Nothing"])
def test_a_query_that_cannot_be_read_is_a_query_exception(each_client: LoggedIn, text: str) -> None:
    with pytest.raises(omero.QueryException) as refusal:
        each_client.factory.getQueryService().projection(text, None)
    assert "Traceback" not in str(refusal.value)
    assert refusal.value.message.endswith(".")


def test_pages_of_a_projection_follow_each_other(client: LoggedIn) -> None:
    query = client.factory.getQueryService()
    text = "select i.id from Image i order by i.id"
    all_ids = [row[0].val for row in query.projection(text, None)]
    pages = [query.projection(text, parameters(limit=2, offset=o)) for o in (0, 2)]
    assert [row[0].val for page in pages for row in page] == all_ids[:4]


def test_configuration_tells_limits_and_identity(client: LoggedIn) -> None:
    config = client.factory.getConfigService()
    values = config.getConfigValues(r"omero\.pixeldata\..*")
    assert values["omero.pixeldata.max_plane_width"] == "3192"
    assert all(key.startswith("omero.pixeldata.") for key in values)
    assert config.getVersion().startswith("5.6")
    assert config.getDatabaseUuid() == config.getDatabaseUuid() != ""
    for pattern in ("(", "(o+)+$", "o*" * 20):
        with pytest.raises(omero.ApiUsageException):
            config.getConfigValues(pattern)
    with pytest.raises(omero.SecurityViolation):
        config.setConfigValue("omero.version", "7")


def test_containers_lead_from_project_to_pixels(client: LoggedIn) -> None:
    container = client.factory.getContainerService()
    options = omero.sys.Parameters(theOptions=omero.sys.Options(leaves=omero.RBool(True)))
    [project] = container.loadContainerHierarchy("Project", None, options)
    datasets = {link.child.name.val: link.child for link in project.datasetLinksSeq}
    images = [link.child for link in datasets["cells"].imageLinksSeq]
    assert [image.name.val for image in images] == [PYRAMID]
    assert images[0].pixelsSeq[0].pixelsType.value.val == "uint16"
    found = container.getImages("Dataset", [datasets["."].id.val], None)
    assert {image.name.val for image in found} >= {STACK, BROKEN}
    counts = container.getCollectionCount("Dataset", "imageLinks", [datasets["cells"].id.val], None)
    assert counts == {datasets["cells"].id.val: 1}
    with pytest.raises(omero.ApiUsageException):
        container.getImages("Picture", [1], None)


def test_pixels_are_described_with_their_channels(client: LoggedIn) -> None:
    service = client.factory.getPixelsService()
    pixels_id = client.pixels_id(PYRAMID)
    pixels = service.retrievePixDescription(pixels_id)
    assert [c.logicalChannel.name.val for c in pixels.channelsSeq] == list(CHANNELS)
    assert service.retrieveRndSettings(pixels_id) is None
    assert service.retrieveAllRndSettings(pixels_id, -1) == []
    assert service.getBitDepth(pixels.pixelsType) == 16
    types = client.factory.getTypesService().allEnumerations("PixelsType")
    assert {t.value.val for t in types} >= {"uint8", "double", "bit"}
    with pytest.raises(omero.ApiUsageException):
        client.factory.getTypesService().allEnumerations("Nothing")


def test_tables_are_listed_and_read_as_files(each_client: LoggedIn, folder: Folder) -> None:
    tables = each_client.factory.getScriptService().getScriptsByMimetype("text/x-lut")
    mine = next(table for table in tables if table.name.val == "mine.lut")
    store = each_client.factory.createRawFileStore()
    store.setFileId(mine.id.val)
    content = (folder.path / "luts" / "mine.lut").read_bytes()
    assert store.size() == mine.size.val == len(content)
    assert store.read(0, len(content)) == content
    store.close()


def test_a_file_is_read_in_pieces_and_padded_past_its_end(client: LoggedIn, folder: Folder) -> None:
    [[file_id]] = client.rows(
        "select e.originalFile.id from FilesetEntry e where e.originalFile.name = :n", n=STACK
    )
    content = (folder.path / STACK).read_bytes()
    store = client.factory.createRawFileStore()
    with pytest.raises(omero.ApiUsageException):
        store.size()
    store.setFileId(file_id)
    assert store.getFileId().val == file_id
    assert store.read(100, 50) == content[100:150]
    assert store.read(len(content) - 10, 30) == content[-10:] + bytes(20)
    assert store.read(len(content) + 5, 4) == bytes(4)
    for position, length in [(-1, 5), (0, -1), (0, 2**30)]:
        with pytest.raises(omero.ApiUsageException):
            store.read(position, length)
    with pytest.raises(omero.SecurityViolation):
        store.write(b"x", 0, 1)
    with pytest.raises(omero.ValidationException):
        store.setFileId(987654)
    store.close()


def test_a_file_that_went_away_is_a_resource_error_without_its_path(
    client: LoggedIn, folder: Folder
) -> None:
    with pytest.raises(omero.ServerError) as refusal:
        client.factory.createRawFileStore().setFileId(-1)
    assert str(folder.path) not in str(refusal.value)


def test_an_image_has_no_regions_and_an_unknown_one_is_an_error(client: LoggedIn) -> None:
    service = client.factory.getRoiService()
    assert service.findByImage(client.image_id(STACK), None).rois == []
    with pytest.raises(omero.ValidationException):
        service.findByImage(987654, None)


def test_accounts_are_one_user_in_one_group_of_their_own(client: LoggedIn) -> None:
    admin = client.factory.getAdminService()
    user = admin.getExperimenter(admin.getEventContext().userId)
    assert user.omeName.val == "local"
    groups = [link.parent.name.val for link in user.groupExperimenterMapSeq]
    assert groups == ["local", "user"]
    assert admin.lookupGroup("local").id.val == admin.getEventContext().groupId
    with pytest.raises(omero.ApiUsageException):
        admin.getExperimenter(987654)


def test_every_service_can_be_asked_for_and_refuses_in_a_sentence(client: LoggedIn) -> None:
    factory = client.factory
    for refused in (
        lambda: factory.getUpdateService().saveObject(None),
        lambda: factory.getTimelineService().getEventLogsByPeriod(None, None, None),
        lambda: factory.createThumbnailStore().getThumbnail(None, None),
        lambda: factory.getShareService(),
        lambda: factory.getByName("omero.api.INothing"),
    ):
        with pytest.raises(omero.ApiUsageException) as refusal:
            refused()
        assert refusal.value.message.endswith(".")
        assert refusal.value.serverStackTrace == ""
    assert factory.getByName("omero.api.IQuery") == factory.getQueryService()


def test_a_submitted_request_is_answered_through_its_handle(client: LoggedIn) -> None:
    image_id = client.image_id(STACK)
    handle = client.factory.submit(omero.cmd.UsedFilesRequest(imageId=image_id))
    [[file_id]] = client.rows(
        "select e.originalFile.id from FilesetEntry e join e.fileset f join f.images i "
        "where i.id = :id",
        id=image_id,
    )
    assert handle.getResponse().binaryFilesThisSeries == [file_id]
    handle.close()
    for request in (omero.cmd.UsedFilesRequest(imageId=987654), omero.cmd.Delete2()):
        handle = client.factory.submit(request)
        assert isinstance(handle.getResponse(), omero.cmd.ERR)
        assert omero.cmd.State.FAILURE in handle.getStatus().flags
        handle.close()


def test_handles_that_nobody_closes_are_bounded_as_services_are() -> None:
    held = SimpleNamespace(service_names=lambda: ["any"] * 1000)
    context: Any = SimpleNamespace(
        client=held, view_in=lambda *_: SimpleNamespace(user=SimpleNamespace(id=7))
    )
    current: Any = SimpleNamespace(ctx={})
    with pytest.raises(omero.ApiUsageException, match="close some"):
        ServiceFactory(context).submit(omero.cmd.Delete2(), current)
