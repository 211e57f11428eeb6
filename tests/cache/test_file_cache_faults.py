"""What a cache folder can suffer: poison, damage, loss, a full disk, a process that is killed."""

import contextlib
import itertools
import logging
import multiprocessing
import os
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import zlib

import pytest

from cache import file_cache
from cache.file_cache import FileCache
from cache.lru_store import Item, LruStore

FORK = multiprocessing.get_context("fork")


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def cache(tmp_path):
    cache = FileCache(tmp_path / "cache", max_bytes=10_000_000)
    yield cache
    cache.close()


def edit(cache, statement, arguments=()):
    database = sqlite3.connect(cache._directory / "cache.db")
    with database:
        database.execute(statement, arguments)
    database.close()


def run_python(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("in_file", [False, True])
def test_a_pickle_put_in_by_hand_is_never_unpickled(cache, tmp_path, in_file):
    sprung = tmp_path / "sprung"
    poison = pickle.dumps(Trap(sprung))
    cache.set("a", b"x")
    name = None
    if in_file:
        name = "ab/" + "0" * 30 + ".val"
        (tmp_path / "cache" / "ab").mkdir()
        (tmp_path / "cache" / name).write_bytes(poison)
    for mode in (1, 2, 3, 4):
        edit(
            cache,
            "UPDATE Cache SET mode = ?, value = ?, filename = ?, tag = ?",
            (mode, None if in_file else poison, name, len(poison)),
        )
        assert cache.get("a") in (None, poison)
        assert "a" in cache
        cache.sweep()
    edit(cache, "UPDATE Cache SET key = ?, raw = 0", (poison,))
    assert cache.get("a") is None
    assert cache.delete("a") == 0
    assert cache.wipe() == 1
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["../../secret", "/etc/hostname", "ab/../../secret", "cache.db"])
def test_a_row_cannot_name_a_file_of_somebody_else(cache, tmp_path, name):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    cache.set("a", b"x")
    edit(cache, "UPDATE Cache SET mode = 2, filename = ?, tag = 6, value = NULL", (name,))
    assert cache.get("a") is None
    cache.delete("a")
    assert secret.read_bytes() == b"secret"
    assert cache.set("b", b"y")


def test_a_link_in_place_of_a_value_is_not_followed(tmp_path):
    cache = FileCache(tmp_path / "cache", inline_below_bytes=0)
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    cache.set("a", b"public")
    (file,) = (tmp_path / "cache").glob("*/*.val")
    file.unlink()
    file.symlink_to(secret)
    assert cache.get("a") is None
    cache.close()


def test_a_pipe_in_place_of_a_value_is_neither_waited_for_nor_read(tmp_path):
    cache = FileCache(tmp_path / "cache", inline_below_bytes=0)
    cache.set("a", b"public")
    (file,) = (tmp_path / "cache").glob("*/*.val")
    file.unlink()
    os.mkfifo(file)
    both_ends = os.open(file, os.O_RDWR | os.O_NONBLOCK)
    assert cache.get("a") is None
    os.close(both_ends)
    cache.close()


@pytest.mark.parametrize("setting", ["disk_color", b"color"])
def test_the_database_of_another_program_is_let_be(tmp_path, caplog, setting):
    folder = tmp_path / "cache"
    FileCache(folder).close()
    database = sqlite3.connect(folder / "cache.db")
    with database:
        database.execute("INSERT INTO Settings VALUES (?, 'blue')", (setting,))
    database.close()
    cache = FileCache(folder)
    assert not cache.set("a", b"x")
    assert cache.get("a") is None
    assert len(caplog.records) == 1
    cache.close()


@pytest.mark.parametrize("size", [-(10**12), 10**12, 0.5])
def test_senseless_figures_in_the_database_start_it_anew(cache, size):
    cache.set("a", b"x")
    edit(cache, "UPDATE Settings SET value = ? WHERE key = 'size'", (size,))
    assert not cache.set("b", b"y")
    assert cache.set("c", b"z")
    assert cache.get("c") == b"z"
    assert cache.get("a") is None
    assert cache.stats().entries == 1


def test_a_damaged_database_is_replaced_at_the_start(tmp_path, caplog):
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "cache.db").write_bytes(b"this is no database" * 1000)
    cache = FileCache(folder)
    assert cache.set("a", b"x")
    assert cache.get("a") == b"x"
    assert len(caplog.records) == 1
    cache.close()


def test_a_database_that_is_damaged_meanwhile_is_replaced(tmp_path):
    folder = tmp_path / "cache"
    cache = FileCache(folder)
    for number in range(400):
        cache.set(str(number), b"x" * 3000)
    cache.close()
    cache = FileCache(folder)
    size = (folder / "cache.db").stat().st_size
    with (folder / "cache.db").open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    for number in range(400):
        assert cache.get(str(number)) in (None, b"x" * 3000)
        cache.set(f"new {number}", b"y")
    assert cache.set("a", b"z")
    assert cache.get("a") == b"z"
    cache.close()


def test_a_folder_that_is_deleted_meanwhile_is_made_again(cache, tmp_path):
    cache.set("a", b"x")
    shutil.rmtree(tmp_path / "cache")
    assert cache.set("b", b"y" * 100_000)
    assert cache.get("b") == b"y" * 100_000
    assert cache.get("a") is None


def test_a_folder_that_cannot_be_made_is_said_once(tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"")
    cache = FileCache(tmp_path / "file" / "cache")
    for number in range(20):
        assert not cache.set(str(number), b"x")
        assert cache.get(str(number)) is None
    assert not cache.stats().usable
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    cache.close()


FULL_DISK = """
    import logging, sys
    from cache.file_cache import FileCache

    logging.basicConfig(stream=sys.stdout, level="INFO", format="LOG %(levelname)s %(message)s")
    folder, inline_below, room = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    cache = FileCache(folder, max_bytes=10**9, inline_below_bytes=inline_below)
    kept = [cache.set(f"{n}", bytes([n % 251]) * 20_000) for n in range(400)]
    served = sum(cache.get(f"{n}") == bytes([n % 251]) * 20_000 for n in range(400))
    assert not all(kept), "the disk was never full"
    assert any(kept), "nothing was kept at all"
    assert served <= sum(kept), (served, sum(kept))
    assert served > 0
    for n in range(400):
        assert cache.get(f"{n}") in (None, bytes([n % 251]) * 20_000)
    print("SERVED", served)
    cache.close()
"""


@pytest.mark.parametrize("inline_below", [0, 1_000_000])
def test_on_a_full_disk_it_serves_on_stores_nothing_and_says_so_once(tmp_path, inline_below):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode != 0:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail("a small file system could not be mounted")
        pytest.skip("only root can mount a small file system")
    try:
        process = run_python(FULL_DISK, disk / "cache", inline_below, 3_000_000)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        assert output.count("LOG WARNING") == 1, output
        assert "SERVED" in output
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_takes_no_more_is_survived(cache, monkeypatch, caplog):
    cache.set("a", b"x" * 100_000)
    monkeypatch.setattr(
        os, "open", lambda *_args: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    assert not cache.set("b", b"y" * 100_000)
    assert not cache.set("c", b"y" * 100_000)
    monkeypatch.undo()
    assert cache.get("a") == b"x" * 100_000
    assert cache.set("b", b"y" * 100_000)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def write_on(folder, ready):
    """Write and read for ever."""
    cache = FileCache(folder, max_bytes=3_000_000)
    ready.set()
    for n in itertools.count():
        body = bytes([n % 256]) * (500 + n * 7919 % 150_000)
        cache.set(f"key {n % 97}", zlib.crc32(body).to_bytes(4, "big") + body)
        cache.get(f"key {n * 31 % 97}")


def check_after_kill(folder):
    cache = FileCache(folder, max_bytes=3_000_000)
    try:
        found = 0
        for number in range(97):
            value = cache.get(f"key {number}")
            if value is not None:
                found += 1
                assert zlib.crc32(value[4:]) == int.from_bytes(value[:4], "big")
        assert cache.set("after", b"works")
        assert cache.get("after") == b"works"
        stats = cache.stats()
        assert stats.failures == 0
        assert stats.size_bytes <= 3_000_000
        database = sqlite3.connect(folder / "cache.db")
        rows, size = database.execute("SELECT count(*), sum(size) FROM Cache").fetchone()
        database.close()
        assert (stats.entries, stats.size_bytes) == (rows, size)
        return found
    finally:
        cache.close()


def crash_rounds(folder, rounds):
    found = 0
    chooser = random.Random(rounds)
    for _ in range(rounds):
        ready = FORK.Event()
        writer = FORK.Process(target=write_on, args=(folder, ready), daemon=True)
        writer.start()
        try:
            assert ready.wait(20)
            time.sleep(chooser.uniform(0.0005, 0.03))
        finally:
            writer.kill()
            writer.join()
        found += check_after_kill(folder)
    return found


def test_a_process_killed_while_writing_leaves_nothing_corrupt(tmp_path):
    assert crash_rounds(tmp_path / "cache", 8) > 0


@pytest.mark.slow
def test_many_processes_killed_while_writing_leave_nothing_corrupt(tmp_path):
    assert crash_rounds(tmp_path / "cache", 200) > 200


def test_what_is_asked_of_a_store_that_was_given_up_leaves_no_thread_behind(tmp_path):
    cache = FileCache(tmp_path / "cache")
    cache.set("a", b"x")
    store = cache._store
    store.abandon()
    store.store([Item("b", b"y")], 1.0)
    assert not store._chores._is_running
    store.close()
    cache.close()


def test_those_who_find_the_folder_gone_at_the_same_time_share_one_new_store(tmp_path, monkeypatch):
    # The first to open a folder sweeps it, which would meet the loss too.
    FileCache(tmp_path / "cache").close()
    cache = FileCache(tmp_path / "cache")
    cache.set("a", b"x")
    shutil.rmtree(tmp_path / "cache")
    together = threading.Barrier(4)
    given_up = LruStore.abandon
    opened = []

    def open_store(*arguments, **options):
        opened.append(LruStore(*arguments, **options))
        return opened[-1]

    def give_up(store):
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.3)
        given_up(store)

    monkeypatch.setattr(file_cache, "LruStore", open_store)
    monkeypatch.setattr(LruStore, "abandon", give_up)
    threads = [threading.Thread(target=cache.set, args=(f"b{number}", b"y")) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [store for store in opened if store._chores._is_running]
    assert kept == [cache._store]
    assert all(cache.get(f"b{number}") == b"y" for number in range(4))
    cache.close()
