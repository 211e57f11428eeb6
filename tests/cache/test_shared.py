"""One cache folder, used by several processes, threads and greenlets at the same time."""

import subprocess
import sys
import textwrap
import threading

from cache.file_cache import FileCache


def run_all(code, *argument_lists):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for arguments in argument_lists
    ]
    outputs = [process.communicate(timeout=100)[0] for process in processes]
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output
    return outputs


WORK = """
    import random, sys, zlib
    from cache.file_cache import FileCache

    folder, seed = sys.argv[1], int(sys.argv[2])
    random.seed(seed)
    cache = FileCache(folder, max_bytes=2_000_000, max_entries=60)
    found = 0
    for n in range(1200):
        key = f"key {random.randrange(90)}"
        value = cache.get(key)
        if value is None:
            body = key.encode() + bytes([seed]) * random.choice([10, 3000, 30_000, 90_000])
            assert cache.set(key, zlib.crc32(body).to_bytes(4, "big") + body)
        else:
            found += 1
            assert value[4:].startswith(key.encode()), "a value of another key"
            assert zlib.crc32(value[4:]) == int.from_bytes(value[:4], "big"), "a torn value"
        if n % 50 == 0:
            cache.delete(f"key {random.randrange(90)}")
    stats = cache.stats()
    assert stats.failures == 0, stats
    assert stats.size_bytes <= 2_000_000 and stats.entries <= 60, stats
    cache.close()
    print(found)
"""


def test_processes_share_a_folder_and_never_see_a_torn_or_wrong_value(tmp_path):
    outputs = run_all(WORK, (tmp_path, 1), (tmp_path, 2), (tmp_path, 3))
    assert all(int(output) > 100 for output in outputs)


def test_threads_share_one_cache(tmp_path):
    cache = FileCache(tmp_path, max_entries=30)
    faults = []

    def work(seed):
        try:
            for number in range(300):
                key = f"{(number * 13 + seed) % 50}"
                value = cache.get(key)
                if value is None:
                    cache.set(key, key.encode() * 5000)
                elif value != key.encode() * 5000:
                    faults.append(key)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert cache.stats().failures == 0
    assert cache.stats().entries == 30
    cache.close()


GEVENT = """
    from gevent import monkey
    monkey.patch_all()
    import sys, time
    import gevent
    from cache.file_cache import FileCache
    from cache.flight import SingleFlight
    from cache.memory import MemoryCache

    cache = FileCache(sys.argv[1], max_bytes=20_000_000)
    flight, memory, renders = SingleFlight(), MemoryCache(10**6), []
    value = bytes(30_000)

    gaps = []
    def heartbeat():
        while True:
            before = time.perf_counter()
            gevent.sleep(0.001)
            gaps.append(time.perf_counter() - before)

    def produce(key):
        renders.append(key)
        gevent.sleep(0.002)
        cache.set(key, value)
        memory.set(key, value, len(value))
        return value

    def request(number):
        key = f"key {number % 400}"
        got = memory.get(key) or cache.get(key) or flight.do(key, lambda: produce(key), 10)
        assert got == value

    beat = gevent.spawn(heartbeat)
    for start in range(0, 4000, 200):
        jobs = [gevent.spawn(request, start // 4 + n // 4) for n in range(200)]
        gevent.joinall(jobs, timeout=30, raise_error=True)
        assert all(job.successful() for job in jobs)
        gevent.sleep(0)
    beat.kill()
    assert len(renders) == len(set(renders)) == 400, len(renders)
    assert cache.stats().failures == 0
    gaps.sort()
    print(gaps[len(gaps) // 2], gaps[int(len(gaps) * 0.99)])
    connections = len([c for c in __import__("gc").get_objects()
                       if type(c).__name__ == "Connection" and type(c).__module__ == "sqlite3"])
    assert connections <= 3, f"{connections} connections for 4000 greenlets"
    cache.close()
"""


def test_greenlets_share_one_connection_and_the_loop_keeps_turning(tmp_path):
    (output,) = run_all(GEVENT, (tmp_path,))
    middle_s, late_s = map(float, output.split())
    assert middle_s < 0.05
    assert late_s < 0.5


WAITING = """
    from gevent import monkey
    monkey.patch_all()
    import sqlite3, sys, time
    import gevent
    from cache.file_cache import FileCache

    cache = FileCache(sys.argv[1])
    cache.set("a", b"x")
    other = sqlite3.connect(sys.argv[1] + "/cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ticks = []
    def tick():
        while True:
            ticks.append(time.perf_counter())
            gevent.sleep(0.005)
    ticking = gevent.spawn(tick)
    def let_go():
        gevent.sleep(0.3)
        assert cache.get("a") == b"x"
        other.execute("ROLLBACK")
    gevent.spawn(let_go)
    began = time.perf_counter()
    assert cache.set("b", b"y")
    assert time.perf_counter() - began > 0.25
    ticking.kill()
    assert len(ticks) > 20, f"the loop turned {len(ticks)} times"
    cache.close()
"""


def test_waiting_for_another_writer_lets_other_greenlets_run(tmp_path):
    run_all(WAITING, (tmp_path,))
