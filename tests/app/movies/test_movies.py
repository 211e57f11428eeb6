"""Movies over HTTP: each kind of file, what is in its frames, and what is refused."""

import io
import threading
from pathlib import Path

import av
import numpy as np
import pytest
import tifffile
from PIL import Image

from app.web import parts_of
from render.movie import FORMATS, MovieWriter
from tests.app.conftest import FLAT, PYRAMID, STACK, images_served, make_gateway_on
from tests.support.ffprobe import probe

CODECS = {"mp4": "h264", "webm": "vp9", "gif": "gif", "apng": "apng"}
SETTINGS = "c=1|0:4000$FF0000,2|0:4000$00FF00&m=c"
#: The stack is (t, z, c, y, x) = (2, 5, 2, 47, 61).
SIZE_Z, SIZE_T, WIDTH, HEIGHT = 5, 2, 61, 47


def frames_of(body: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(body)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def movie(gateway, name: str, rest: str) -> bytes:
    response = gateway.get(f"render_movie/{gateway.ids[name]}/{rest}")
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.data


@pytest.mark.parametrize("format_name", list(FORMATS))
def test_each_format_has_the_right_count_size_and_rate(gateway, format_name, tmp_path: Path):
    path = f"render_movie/{gateway.ids[STACK]}/z/1/?{SETTINGS}&format={format_name}&fps=5"
    response = gateway.get(path)
    kind = FORMATS[format_name]
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.headers["Content-Type"] == kind.media_type
    assert response.headers["Content-Length"] == str(len(response.data))
    named = f'attachment; filename="stack.ome.{kind.ending}"'
    assert response.headers["Content-Disposition"].startswith(named)
    even = format_name in ("mp4", "webm")
    size = (HEIGHT + 1, WIDTH + 1) if even else (HEIGHT, WIDTH)
    frames = frames_of(response.data)
    assert [frame.shape for frame in frames] == [(*size, 3)] * SIZE_Z
    file = tmp_path / f"movie.{kind.ending}"
    file.write_bytes(response.data)
    probed = probe(file)
    assert (probed.codec, probed.width, probed.height) == (CODECS[format_name], *size[::-1])
    assert (probed.frames, probed.rate) == (SIZE_Z, 5)


def test_apng_frames_are_the_very_pictures(gateway):
    frames = frames_of(movie(gateway, STACK, f"t/3/?{SETTINGS}&format=apng"))
    assert len(frames) == SIZE_T
    for t, frame in enumerate(frames):
        picture = f"render_image/{gateway.ids[STACK]}/3/{t}/?{SETTINGS}&format=png"
        np.testing.assert_array_equal(frame, gateway.picture(picture))


@pytest.mark.parametrize("format_name", ["mp4", "webm", "gif"])
def test_lossy_frames_are_close_to_the_pictures(gateway, format_name):
    # A smooth image: noise would be lost on purpose.
    (frame,) = frames_of(movie(gateway, FLAT, f"z/0/?format={format_name}"))
    expected = gateway.picture(f"render_image/{gateway.ids[FLAT]}/0/0/?format=png")
    assert frame.shape == expected.shape
    assert np.abs(frame.astype(int) - expected).mean() < 4


def test_ranges_run_both_ways_and_projections_over_the_other_axis(gateway):
    forwards = frames_of(movie(gateway, STACK, f"z/0/?{SETTINGS}&format=apng&range=1:3"))
    backwards = frames_of(movie(gateway, STACK, f"z/0/?{SETTINGS}&format=apng&range=3:1"))
    np.testing.assert_array_equal(forwards, backwards[::-1])
    picture = f"render_image/{gateway.ids[STACK]}/2/0/?{SETTINGS}&format=png"
    np.testing.assert_array_equal(forwards[1], gateway.picture(picture))
    projected = frames_of(movie(gateway, STACK, f"t/0/?{SETTINGS}&format=apng&p=intmax|0:2"))
    picture = f"render_image/{gateway.ids[STACK]}/0/1/?{SETTINGS}&format=png&p=intmax|0:2"
    np.testing.assert_array_equal(projected[1], gateway.picture(picture))


def test_regions_are_cut_and_turned_as_pictures_are(gateway):
    query = f"{SETTINGS}&region=10,5,21,30&rot=90&flip=h"
    frames = frames_of(movie(gateway, STACK, f"z/0/?{query}&format=apng&range=4:4"))
    picture = f"render_image_region/{gateway.ids[STACK]}/4/0/?{query}&format=png"
    np.testing.assert_array_equal(frames[0], gateway.picture(picture))


def test_a_size_comes_from_a_smaller_level(gateway):
    (frame,) = frames_of(movie(gateway, PYRAMID, "t/0/?c=1|0:2000$FFFFFF&m=c&format=apng&size=175"))
    assert frame.shape == (150, 175, 3)
    level = f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?tile=2,0,0,175,150"
    expected = gateway.picture(f"{level}&c=1|0:2000$FFFFFF&m=c&format=png")
    np.testing.assert_array_equal(frame, expected)


def test_larger_images_are_made_as_large_as_movies_may_be(make_gateway):
    gateway = make_gateway(movie_max_side=64)
    (frame,) = frames_of(movie(gateway, PYRAMID, "z/0/?format=apng"))
    assert max(frame.shape) == 64


def test_marks_are_written_where_they_belong(gateway):
    plain = frames_of(movie(gateway, STACK, "z/0/?c=-1&m=c&format=apng"))[2]
    marked = frames_of(movie(gateway, STACK, "z/0/?c=-1&m=c&format=apng&timestamp=true"))
    assert not plain.any()
    assert marked[2][:20].any() and not marked[2][24:].any()
    assert (marked[2] != marked[3]).any()


def test_the_old_names_of_formats_are_mp4(gateway):
    bodies = {
        movie(gateway, FLAT, f"z/0/?format={name}") for name in ("quicktime", "mpeg", "wmv", "mp4")
    }
    assert len(bodies) == 1 and b"ftyp" in bodies.pop()[:16]


def test_a_movie_is_made_once_and_sent_in_parts(gateway):
    path = f"render_movie/{gateway.ids[STACK]}/z/0/?{SETTINGS}&fps=7"
    whole = gateway.get(path)
    etag = whole.headers["ETag"]
    assert gateway.get(path, headers={"If-None-Match": etag}).status_code == 304
    part = gateway.get(path, headers={"Range": "bytes=100-199", "If-Range": etag})
    assert part.status_code == 206 and part.data == whole.data[100:200]
    job = gateway.get(f"jobs/{etag.strip(chr(34))}/").get_json()
    assert (job["state"], job["percent"], job["kind"]) == ("done", 100, "movie")
    assert job["size"] == len(whole.data)
    assert gateway.client.get(job["result"]).data == whole.data


def test_equal_requests_share_one_job(make_gateway):
    gateway = make_gateway(jobs_max=1)
    path = f"render_movie/{gateway.ids[STACK]}/z/0/"
    # The same settings in other words.
    queries = (f"{SETTINGS}&format=webm", "m=c&c=1|0:4000$F00,2|0:4000$0F0&format=vp9&fps=4")
    answers: list = []

    def ask(query: str) -> None:
        client = gateway.serving.connect()
        answers.append(client.get(f"/webgateway/{path}?{query}"))

    threads = [threading.Thread(target=ask, args=(query,)) for query in queries * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    assert len({answer.data for answer in answers}) == 1


def test_asynchronously_it_is_told_where_to_ask(gateway):
    path = f"render_movie/{gateway.ids[STACK]}/z/1/?{SETTINGS}&fps=9&async=true"
    response = gateway.get(path)
    assert response.status_code == 202
    told = response.get_json()
    assert response.headers["Location"] == told["url"] == f"/webgateway/jobs/{told['id']}/"
    # Asked for again without it, one waits for the same.
    assert gateway.get(path.replace("&async=true", "")).status_code == 200
    assert gateway.client.get(told["url"]).get_json()["state"] == "done"
    # What is there is given at once.
    assert gateway.get(path).status_code == 200


@pytest.mark.parametrize(
    ("rest", "status", "parameter"),
    [
        ("x/0/", 404, None),
        ("z/9/", 404, "t"),
        ("t/9/", 404, "z"),
        ("z/0/?range=7:9", 404, "range"),
        ("z/0/?range=a:b", 400, "range"),
        ("z/0/?range=3", 400, "range"),
        ("z/0/?format=avi", 400, "format"),
        ("z/0/?fps=0", 400, "fps"),
        ("z/0/?fps=51", 400, "fps"),
        ("z/0/?fps=x", 400, "fps"),
        ("z/0/?size=0", 400, "size"),
        ("z/0/?size=100000", 413, "size"),
        ("z/0/?scalebar=-4", 400, "scalebar"),
        ("z/0/?scalebar=true", 400, "scalebar"),
        ("z/0/?region=1,2", 400, "region"),
        ("z/0/?region=900,900,5,5", 404, None),
        ("z/0/?p=intmax", 400, "p"),
    ],
)
def test_what_cannot_be_is_told(gateway, rest, status, parameter):
    response = gateway.get(f"render_movie/{gateway.ids[STACK]}/{rest}")
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.get_json().get("parameter") == parameter


def test_too_many_frames_and_a_missing_image_are_refused(make_gateway):
    gateway = make_gateway(movie_max_frames=2)
    path = f"render_movie/{gateway.ids[STACK]}/z/0/"
    response = gateway.get(path)
    assert response.status_code == 413 and "movie_max_frames" in response.get_json()["message"]
    assert gateway.get(f"{path}?range=0:1").status_code == 200
    assert gateway.get("render_movie/987654/z/0/").status_code == 404


def test_a_job_that_is_not_there_is_404(gateway):
    for path in ("jobs/x/", f"jobs/{'0' * 32}/", f"jobs/{'0' * 32}/result/"):
        assert gateway.get(path).status_code == 404
    assert gateway.client.delete(f"/webgateway/jobs/{'0' * 32}/").status_code == 404


def test_a_store_that_takes_nothing_is_told(make_gateway, tmp_path: Path):
    cache_dir = tmp_path / "cache"
    cache_dir.mkdir()
    (cache_dir / "jobs").write_text("a file where a folder should be")
    gateway = make_gateway(cache_dir=cache_dir)
    response = gateway.get(f"render_movie/{gateway.ids[FLAT]}/z/0/")
    assert response.status_code == 507
    assert response.get_json()["type"] == "storage-failed"
    assert str(tmp_path) not in response.get_data(as_text=True)


def test_a_full_disk_is_told_and_leaves_nothing(make_gateway, monkeypatch):
    gateway = make_gateway()
    writer = "app.movies.work.MovieWriter"
    monkeypatch.setattr(writer, _on_a_full_disk)
    response = gateway.get(f"render_movie/{gateway.ids[FLAT]}/z/0/")
    assert response.status_code == 507, response.get_data(as_text=True)
    assert "No space left" in response.get_json()["message"]
    folder = parts_of(gateway.app).settings.cache_dir / "jobs"
    assert not list(folder.glob("*/movie.*")) and not list((folder / "queue").iterdir())
    monkeypatch.undo()
    assert gateway.get(f"render_movie/{gateway.ids[FLAT]}/z/0/").status_code == 200


def _on_a_full_disk(path: Path, *arguments):
    """Write to the system's own full disk."""
    path.symlink_to("/dev/full")
    return MovieWriter(path, *arguments)


@pytest.mark.slow
def test_a_scale_bar_has_its_length(tmp_path: Path):
    folder, name = tmp_path / "images", "measured.ome.tif"
    folder.mkdir()
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    units = {"PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
    metadata = {"axes": "YX", **sizes, **units}
    tifffile.imwrite(folder / name, np.zeros((120, 200), np.uint8), ome=True, metadata=metadata)
    with images_served(folder, tmp_path / "index", [], np.empty(0)) as server:
        gateway = make_gateway_on(server, tmp_path / "cache")
        query = "c=-1&m=c&format=apng&scalebar=20"
        (frame,) = frames_of(movie(gateway, name, f"z/0/?{query}"))
        # The longest white run of the lowest rows.
        assert max(row.sum() for row in (frame == 255).all(axis=2)[-20:]) == 40
        (halved,) = frames_of(movie(gateway, name, f"z/0/?{query}&size=100"))
        assert max(row.sum() for row in (halved == 255).all(axis=2)[-20:]) == 20
        long = gateway.get(f"render_movie/{gateway.ids[name]}/z/0/?scalebar=900")
        assert long.status_code == 400
        gateway.close()


def test_gif_frames_have_colours_of_their_own(gateway):
    image = Image.open(io.BytesIO(movie(gateway, STACK, f"z/0/?{SETTINGS}&format=gif")))
    assert image.n_frames == SIZE_Z and image.info["loop"] == 0 and image.info["duration"] == 250
