"""How the C library shares out memory among the threads of a process."""

import ctypes

#: `M_ARENA_MAX` of glibc's <malloc.h>.
_ARENA_MAX = -8


def share_one_heap() -> bool:
    """Have all threads that start from now on share one heap, also in processes forked later.

    glibc gives each native thread one of its own. Those grow page by page, each time with a
    system call that holds up all threads; and Python's lock lets few threads ask at a time anyway.
    False where the C library is another one.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_ARENA_MAX, 1))
