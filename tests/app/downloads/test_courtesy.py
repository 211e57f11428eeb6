"""Downloads give way to pictures, of their own process and of others, and never for good."""

import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from app.downloads.courtesy import LINGER_S, Courtesy
from app.downloads.gate import DownloadGate
from app.settings import load_settings
from app.web import parts_of
from render.deadline import Asker, Deadline
from render.errors import ClientGone
from tests.app.conftest import FLAT, PROJECT, PYRAMID


class AlwaysDue(Courtesy):
    """As it is where pictures are asked for all the time."""

    @property
    def is_due(self) -> bool:
        return True


def gate_of(tmp_path: Path, kind: type[Courtesy] = AlwaysDue, **settings: object) -> DownloadGate:
    values = load_settings(env_file=None, cache_dir=tmp_path, **settings)
    return DownloadGate(values, kind(tmp_path / "courtesy"))


def soon() -> Deadline:
    return Deadline.after(60)


def wait_until_over(courtesy: Courtesy) -> None:
    until_s = time.monotonic() + 30
    while courtesy.is_due:
        assert time.monotonic() < until_s
        time.sleep(LINGER_S / 5)


def test_courtesy_is_due_for_a_while(tmp_path):
    courtesy = Courtesy(tmp_path / "courtesy")
    assert not courtesy.is_due
    courtesy.ask_for()
    assert Courtesy(tmp_path / "courtesy")._words[0] == courtesy._words[0]
    wait_until_over(courtesy)


def test_a_moment_of_before_the_hosts_start_counts_for_nothing(tmp_path):
    courtesy = Courtesy(tmp_path / "courtesy")
    courtesy._words[0] = time.monotonic_ns() + 10**15
    assert not courtesy.is_due


def test_a_process_that_is_killed_leaves_nothing_behind(tmp_path):
    ask = (
        "import sys, time; from pathlib import Path; from app.downloads.courtesy import Courtesy\n"
        "courtesy = Courtesy(Path(sys.argv[1]))\n"
        "while True:\n    courtesy.ask_for(); print('asked', flush=True); time.sleep(0.01)"
    )
    command = [sys.executable, "-c", ask, str(tmp_path / "courtesy")]
    courtesy = Courtesy(tmp_path / "courtesy")
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        seen = 0
        until_s = time.monotonic() + 30
        while seen < 3:
            assert time.monotonic() < until_s
            process.stdout.readline()
            seen += courtesy.is_due
        process.kill()
    wait_until_over(courtesy)


def test_blocks_are_small_and_none_is_ahead_while_pictures_are_waited_for(tmp_path):
    quiet, busy = gate_of(tmp_path, Courtesy), gate_of(tmp_path)
    for gate in (quiet, busy):
        gate.enter("v")
    assert (quiet.blocks_ahead(), quiet.block_bytes()) == (2, 1024 * 1024)
    assert (busy.blocks_ahead(), busy.block_bytes()) == (0, 512 * 1024)


def test_downloads_give_way_to_nobody_where_they_are_told_so(tmp_path):
    gate = gate_of(tmp_path, download_pause_s=0)
    gate.enter("v")
    assert (gate.blocks_ahead(), gate.block_bytes()) == (2, 1024 * 1024)


@pytest.mark.parametrize("downloads", [2, 20])
def test_nobody_starves_while_pictures_are_asked_for_all_the_time(tmp_path, downloads):
    gate = gate_of(tmp_path, download_pause_s=0.005)
    read: Counter[int] = Counter()
    lock = threading.Lock()
    ended = threading.Event()

    def download(number: int) -> None:
        while not ended.is_set():
            with gate.turn(soon()), lock:
                read[number] += 1
                if read.total() >= 12 * downloads:
                    ended.set()

    for _ in range(downloads):
        gate.enter("v")
    begun_s = time.monotonic()
    threads = [threading.Thread(target=download, args=(n,)) for n in range(downloads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    took_s = time.monotonic() - begun_s
    assert len(read) == downloads and min(read.values()) >= 3, read
    # One block in each pause: that is what they give way by.
    assert took_s > 0.9 * 12 * downloads * 0.005


def test_a_thousand_downloads_have_their_turns_in_time(tmp_path):
    most = {"downloads_max": 2000, "downloads_max_per_viewer": 2000}
    gate = gate_of(tmp_path, download_pause_s=0.5, **most)
    for _ in range(2000):
        gate.enter("v")
    begun_s = time.monotonic()
    for _ in range(20):
        with gate.turn(soon()):
            pass
    # 20 of 2000 turns, which come round in ten seconds; half a second each would be ten.
    assert time.monotonic() - begun_s < 5


def test_who_hangs_up_while_giving_way_is_noticed(tmp_path):
    gate = gate_of(tmp_path, download_pause_s=0.5)
    gate.enter("v")
    gone = Deadline.after(60, Asker("v", lambda: True))
    with gate.turn(soon()):
        pass
    with pytest.raises(ClientGone), gate.turn(gone):
        pass


def test_pictures_go_first_and_downloads_do_not(make_gateway):
    gateway = make_gateway()
    parts = parts_of(gateway.app).get()
    asked = []
    parts.courtesy.ask_for = lambda: asked.append(1)  # type: ignore[method-assign]
    for path in (
        f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?tile=0,0,0",
        f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?tile=0,0,0",
        f"render_thumbnail/{gateway.ids[FLAT]}/",
        f"get_thumbnails/?id={gateway.ids[FLAT]}",
    ):
        asked.clear()
        assert gateway.get(path).status_code == 200
        assert asked, path
    asked.clear()
    for path in (
        f"archived_files/download/{gateway.ids[FLAT]}/",
        f"render_ome_tiff/i/{gateway.ids[PYRAMID]}/",
        f"export/{gateway.ids[PYRAMID]}/",
        "proj/list/",
    ):
        assert gateway.get(path).status_code == 200
        assert not asked, path


def test_movies_hold_up_no_download(make_gateway):
    gateway = make_gateway()
    asked = []
    parts_of(gateway.app).get().courtesy.ask_for = lambda: asked.append(1)  # type: ignore[method-assign]
    path = f"render_movie/{gateway.ids[PYRAMID]}/z/0/?format=apng&size=64"
    assert gateway.get(path).status_code == 200
    assert not asked
