"""OMERO's JSON API: objects key by key, pages, what lies in what, and bad requests."""

import pytest

from app.metadata.ome_json import object_json
from render.blitz.model_records import Details, ModelRecord, Rights
from render.values import ObjectPermissions
from tests.app.conftest import FLAT, PYRAMID, STACK, Gateway
from tests.app.screened import FIRST_WELL, HARD_NAME, PLATE, SCREENED, SECOND_WELL

OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
MISSING = 987654
PERMISSIONS = {
    "@type": "TBD#Permissions",
    "perm": "rwr---",
    "canAnnotate": True,
    "canDelete": False,
    "canEdit": False,
    "canLink": False,
    "isWorldWrite": False,
    "isWorldRead": False,
    "isGroupWrite": False,
    "isGroupRead": True,
    "isGroupAnnotate": False,
    "isUserWrite": True,
    "isUserRead": True,
}


def ask(gateway: Gateway, path: str, status: int = 200) -> dict:
    response = gateway.client.get(f"/api/v0/m/{path}")
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def ids(gateway: Gateway, path: str) -> list[int]:
    return [data["@id"] for data in ask(gateway, path)["data"]]


def dataset_of(gateway: Gateway, image_id: int) -> int:
    (dataset,) = ask(gateway, f"images/{image_id}/datasets/")["data"]
    return dataset["@id"]


def test_an_image_is_told_with_every_key(gateway: Gateway):
    image_id = gateway.ids[PYRAMID]
    (data,) = [d for d in ask(gateway, "images/")["data"] if d["@id"] == image_id]
    details, pixels = data.pop("omero:details"), data.pop("Pixels")
    base = f"http://localhost/api/v0/m/images/{image_id}"
    assert data == {
        "@type": f"{OME}Image",
        "@id": image_id,
        "Name": PYRAMID,
        "Description": "",
        "omero:archived": False,
        "omero:partial": False,
        "omero:series": 0,
        "url:image": f"{base}/",
        "url:datasets": f"{base}/datasets/",
        "url:rois": f"{base}/rois/",
    }
    owner, group = details["owner"], details["group"]
    # Its name may be changed.
    assert details["permissions"] == PERMISSIONS | {"canEdit": True}
    assert (owner["@type"], owner["UserName"], owner["LastName"]) == (
        f"{OME}Experimenter", "local", "User",
    )  # fmt: skip
    assert "owner" not in owner["omero:details"]
    assert (group["@type"], group["Name"]) == (f"{OME}ExperimenterGroup", "local")
    assert pixels.pop("omero:details")["permissions"] == PERMISSIONS
    assert pixels.pop("Type")["value"] == "uint16"
    assert pixels == {
        "@type": f"{OME}Pixels",
        "@id": pixels["@id"],
        "omero:sha1": "Pending...",
        "SizeX": 700, "SizeY": 600, "SizeZ": 1, "SizeC": 3, "SizeT": 1,
    }  # fmt: skip


def test_an_image_alone_has_its_channels(gateway: Gateway):
    data = ask(gateway, f"images/{gateway.ids[PYRAMID]}/")["data"]
    assert [channel["Name"] for channel in data["Pixels"]["Channels"]] == ["DAPI", "GFP", "RFP"]
    flat = ask(gateway, f"images/{gateway.ids[FLAT]}/")["data"]
    colors = [channel["Color"] for channel in flat["Pixels"]["Channels"]]
    # 0xRRGGBBAA as a signed number of 32 bits.
    assert colors == [0xFF0000FF - (1 << 32), 0x00FF00FF, 0x0000FFFF]


def test_pages_follow_one_another_in_the_order_of_names(gateway: Gateway):
    told = ask(gateway, "images/?limit=2&offset=1")
    assert told["meta"] == {"offset": 1, "limit": 2, "maxLimit": 500, "totalCount": 6}
    every = ask(gateway, "images/?limit=-1")
    assert every["meta"]["limit"] == 200
    names = [data["Name"] for data in every["data"]]
    assert names == sorted(names, key=str.lower) and len(names) == 6
    assert told["data"] == every["data"][1:3]
    assert ask(gateway, "images/?limit=0")["data"] == []
    assert ask(gateway, "images/?offset=6")["data"] == []


def test_what_lies_in_what(gateway: Gateway):
    image_id = gateway.ids[STACK]
    dataset_id = dataset_of(gateway, image_id)
    assert image_id in ids(gateway, f"datasets/{dataset_id}/images/")
    assert ids(gateway, f"images/?dataset={dataset_id}") == ids(
        gateway, f"datasets/{dataset_id}/images/"
    )
    (project,) = ask(gateway, f"datasets/{dataset_id}/projects/?childCount=true")["data"]
    below = ids(gateway, f"projects/{project['@id']}/datasets/")
    assert dataset_id in below and len(below) == project["omero:childCount"]
    assert ids(gateway, f"datasets/{MISSING}/images/") == []
    # What lies in a well is no orphan.
    assert ids(gateway, "images/?orphaned=true") == []
    assert ids(gateway, "datasets/?orphaned=true") == []
    assert ids(gateway, f"images/?owner={MISSING}") == []
    assert ids(gateway, f"images/?group={MISSING}") == []
    assert len(ids(gateway, "images/?group=-1")) == 6


def test_plates_and_their_wells(gateway: Gateway):
    plate = ask(gateway, f"plates/{PLATE}/")["data"]
    assert (plate["Name"], plate["omero:wellsampleIndex"]) == (HARD_NAME, [0, 1])
    assert (plate["RowNamingConvention"], plate["ColumnNamingConvention"]) == ("letter", "number")
    wells = ask(gateway, f"plates/{PLATE}/wells/")["data"]
    first, second = wells[0], wells[1]
    assert "WellSamples" not in wells[2]
    assert [well["@id"] for well in wells[:2]] == [FIRST_WELL, SECOND_WELL]
    images = [gateway.ids[f"{SCREENED} [{name}]"] for name in ("one", "two", "three")]
    assert [sample["Image"]["@id"] for sample in first["WellSamples"]] == images[:2]
    assert [sample["Image"]["@id"] for sample in second["WellSamples"]] == images[2:]
    assert first["WellSamples"][0]["PositionX"] == {
        "@type": "TBD#LengthI", "Unit": "MICROMETER", "Symbol": "µm", "Value": 3.5,
    }  # fmt: skip
    (field,) = ask(gateway, f"plates/{PLATE}/wellsampleindex/1/wells/")["data"]
    assert [sample["Image"]["@id"] for sample in field["WellSamples"]] == images[1:2]
    (screen,) = ask(gateway, f"plates/{PLATE}/screens/?childCount=true")["data"]
    assert (screen["Name"], screen["omero:childCount"]) == ("drugs", 1)
    (run,) = ask(gateway, f"plates/{PLATE}/plateacquisitions/")["data"]
    found = ids(gateway, f"plateacquisitions/{run['@id']}/wells/")
    assert found == [FIRST_WELL, SECOND_WELL]
    well = ask(gateway, f"wells/{FIRST_WELL}/")["data"]
    assert well["WellSamples"][0]["Image"]["url:image"].endswith(f"/images/{images[0]}/")


def test_regions_are_told_in_the_words_of_the_schema(gateway: Gateway):
    image_id = gateway.ids[f"{SCREENED} [one]"]
    told = ask(gateway, f"rois/?image={image_id}&limit=1")
    assert told["meta"]["totalCount"] == 2
    (roi,) = told["data"]
    assert roi["@type"] == f"{OME}ROI"
    shapes = {shape["@type"].removeprefix(OME): shape for shape in roi["shapes"]}
    rectangle = shapes["Rectangle"]
    assert rectangle.pop("omero:details")["permissions"] == PERMISSIONS
    assert rectangle.pop("Transform")["A12"] == 6.0
    assert rectangle == {
        "@type": f"{OME}Rectangle", "@id": rectangle["@id"], "X": 1.0, "Y": 2.0, "Width": 3.0,
        "Height": 4.5, "TheZ": 999, "Text": HARD_NAME, "FillColor": -16776961,
        "StrokeColor": 65407, "FontFamily": "serif", "FontStyle": "Bold",
        "FontSize": {"@type": "TBD#LengthI", "Unit": "POINT", "Symbol": "pt", "Value": 12.0},
        "StrokeWidth": {
            "@type": "TBD#LengthI", "Unit": "PIXEL", "Symbol": "pixel", "Value": 2.5,
        },
    }  # fmt: skip
    assert shapes["Polyline"]["Points"] == "1,2 -3.5,4e1"
    assert shapes["Line"]["MarkerStart"] == "Arrow"
    (mask,) = ask(gateway, f"images/{image_id}/rois/?offset=1")["data"][0]["shapes"]
    assert (mask["Width"], mask["Height"]) == (8.0, 2.0)
    assert ask(gateway, f"rois/?image={MISSING}")["data"] == []


def test_normalized_objects_name_people_and_groups_once(gateway: Gateway):
    told = ask(gateway, "images/?normalize=true&limit=3")
    (person,), (group,) = told["experimenters"], told["experimenterGroups"]
    assert (person["UserName"], group["Name"]) == ("local", "local")
    for data in told["data"]:
        assert data["omero:details"]["owner"] == {"@id": person["@id"]}
        assert data["omero:details"]["group"] == {"@id": group["@id"]}


def test_people_and_groups(gateway: Gateway):
    (person,) = ask(gateway, "experimenters/")["data"]
    assert (person["UserName"], person["FirstName"]) == ("local", "Local")
    groups = ask(gateway, f"experimenters/{person['@id']}/experimentergroups/")["data"]
    assert "local" in [group["Name"] for group in groups]
    assert ids(gateway, f"experimentergroups/{groups[0]['@id']}/experimenters/") == [person["@id"]]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"images/{MISSING}/", 404),
        ("nothing/", 404),
        ("nothing/1/", 404),
        ("projects/1/images/", 404),
        ("rois/1/images/", 404),
        (f"experimenters/{MISSING}/", 404),
        ("images/?limit=x", 400),
        ("images/?owner=1.5", 400),
        ("datasets/?project=%F0%9F%94%AC", 400),
        ("rois/", 400),
        ("rois/?image=", 400),
        ("projects/1/wellsampleindex/0/wells/", 404),
        (f"plates/{PLATE}/wellsampleindex/999999999999/wells/", 200),
    ],
)
def test_bad_requests_are_told_as_such(gateway: Gateway, path, status):
    ask(gateway, path, status)


def test_rights_are_spelled_as_omero_spells_them():
    rights = Rights(4 << 8 | 4 << 4 | 1 << 4 | 4 | 2, ObjectPermissions(can_link=True))
    data = object_json(ModelRecord("Project", 5, Details(None, None, rights)))
    permissions = data["omero:details"]["permissions"]
    assert permissions["perm"] == "r-rarw"
    assert permissions["isGroupAnnotate"] and permissions["isWorldWrite"]
    assert permissions["canLink"] and not permissions["canEdit"]
