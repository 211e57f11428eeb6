"""Things of three kinds: the asker's own, others' to be looked at, and others' private ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from werkzeug.test import Client, TestResponse

OWN, SHOWN, HIDDEN = "own", "shown", "hidden"
#: Who asks, and who owns the other things, with their passwords.
ASKER, OTHER = "ada", "ben"
USERS = f"""
[[users]]
id = 10
name = "{ASKER}"
password = "of-{ASKER}"

[[users]]
id = 11
name = "{OTHER}"
password = "of-{OTHER}"

[[groups]]
id = 3
name = "to look at"
permissions = "rwr---"
members = ["{ASKER}", "{OTHER}"]
binary_access = "-read"

[[groups]]
id = 4
name = "private"
permissions = "rw----"
members = ["{ASKER}", "{OTHER}"]

[[folders]]
name = "{OWN}"
owner = "{ASKER}"
group = "private"

[[folders]]
name = "{SHOWN}"
owner = "{OTHER}"
group = "to look at"

[[folders]]
name = "{HIDDEN}"
owner = "{OTHER}"
group = "private"
"""
MISSING = 987654
_PLACES = (
    *("image", "twin", "roi", "shape", "mask", "project", "dataset"),
    *("well", "plate", "run", "file", "user"),
)


@dataclass(frozen=True)
class Ground:
    """An application's client, the key of the asker's session, and ids by owner and place."""

    client: Client
    key: str
    ids: Mapping[str, Mapping[str, object]]

    def ask(self, path: str, whose: str, *, key: str | None = None, **options) -> TestResponse:
        """Ask for an address with ids of that kind, by default with the asker's session."""
        key = self.key if key is None else key
        headers = {"X-OMERO-Session-Key": key} if key else {}
        path = f"/webgateway/{path.format(**self.ids[whose])}"
        form = {
            name: value.format(**self.ids[whose])
            for name, value in (options.pop("form", None) or {}).items()
        }
        data = {"data": form} if form else {}
        return self.client.open(path, headers=headers, **data, **options)


def survey(client: Client) -> Ground:
    """Log both in, and look up what there is of each kind; they end up without a cookie."""
    keys = {user: _log_in(client, user) for user in (ASKER, OTHER)}
    ids: dict[str, Mapping[str, object]] = {
        whose: _ids_of(client, keys[ASKER if whose == OWN else OTHER], whose)
        for whose in (OWN, SHOWN, HIDDEN)
    }
    # Without settings of the owner's there would be none to apply.
    path = f"/webgateway/saveImgRDef/{ids[SHOWN]['image']}/?c=1|0:99$00FF00&m=c"
    saved = client.post(path, headers={"X-OMERO-Session-Key": keys[OTHER]})
    assert saved.data == b"true", saved.get_data(as_text=True)
    ids["missing"] = dict.fromkeys(_PLACES, MISSING) | {"word": "nothing"}
    return Ground(client, keys[ASKER], ids)


def _log_in(client: Client, user: str) -> str:
    token = client.get("/api/v0/token/").get_json()["data"]
    answer = client.post(
        "/api/v0/login/",
        data={"username": user, "password": f"of-{user}", "server": 1},
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    for name in ("csrftoken", "blitzrender_session"):
        client.delete_cookie(name)
    return str(answer.get_json()["eventContext"]["sessionUuid"])


def _ids_of(client: Client, key: str, folder: str) -> dict[str, object]:
    def told(path: str):
        answer = client.get(path, headers={"X-OMERO-Session-Key": key})
        assert answer.status_code == 200, (path, answer.get_data(as_text=True))
        return answer.get_json()

    (project,) = [p["id"] for p in told("/webgateway/proj/list/") if p["name"] == folder]
    images = {
        Path(image["name"]).name: image["id"]
        for dataset in told(f"/webgateway/proj/{project}/children/")
        for image in told(f"/webgateway/dataset/{dataset['id']}/children/")
    }
    (screened,) = [image for name, image in images.items() if name.endswith("[one]")]
    rois = told(f"/webgateway/get_rois_json/{screened}/")
    well = told(f"/webgateway/imgData/{screened}/meta.wellId/")
    plate = told(f"/webgateway/wellData/{well}/")["plateId"]
    (run,) = told(f"/api/v0/m/plates/{plate}/plateacquisitions/")["data"]
    return {
        "image": images["stack.ome.tif"],
        "twin": images["twin.ome.tif"],
        "roi": rois[0]["id"],
        "shape": rois[0]["shapes"][0]["id"],
        "mask": rois[1]["shapes"][0]["id"],
        "project": project,
        "dataset": told(f"/webgateway/imgData/{images['stack.ome.tif']}/meta.datasetId/"),
        "well": well,
        "plate": plate,
        "run": run["@id"],
        "file": 1,
        "user": "root",
        "word": folder,
    }


def numbers_of(ids: Mapping[str, object]) -> Iterator[int]:
    """Give the ids among the places."""
    return (value for value in ids.values() if isinstance(value, int))
