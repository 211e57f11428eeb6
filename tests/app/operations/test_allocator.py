import subprocess
import sys

import pytest

from app.operations import allocator

# By its file: all that importing the application brings along would start threads first.
PROGRAM = """
import ctypes, runpy, sys, threading

if sys.argv[1] == "share":
    assert runpy.run_path(sys.argv[2])["share_one_heap"]()
malloc = ctypes.CDLL(None).malloc
malloc.restype = ctypes.c_void_p
found = []

def look():
    address = malloc(1000)
    with open("/proc/self/maps") as maps:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if start <= address < end:
                found.append(line.rstrip().endswith("[heap]"))

thread = threading.Thread(target=look)
thread.start()
thread.join()
print(*found)
"""


def in_the_heap(way):
    command = [sys.executable, "-c", PROGRAM, way, allocator.__file__]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env={})
    return done.stdout.split() == ["True"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at glibc's heap")
def test_threads_take_memory_from_one_heap():
    assert not in_the_heap("leave")
    assert in_the_heap("share")
