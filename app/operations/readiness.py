"""Whether requests can be served: source, cache and workers are really touched."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from app.parts import Parts
from render.deadline import Deadline
from render.errors import ServiceError
from render.job import RenderJob
from render.values import ChannelBinding, Color, Model, RenderingDefinition, Window

_FLIGHT = "readiness"


def check_parts(servers: Sequence[Parts]) -> dict[str, Any]:
    """Touch each part; give `{"status": "ok" | "failing", "parts": {name: {"ok", "ms", …}}}`.

    Of several servers one that answers is enough; what they share is tried once. Requests that
    come together share one check.
    """
    first = servers[0]
    timeout_s = first.settings.ready_timeout_s
    most_s = (len(_CHECKS) + len(servers)) * timeout_s + 1
    return first.flight.do(_FLIGHT, lambda: _check(servers, timeout_s), most_s)


def _check(servers: Sequence[Parts], timeout_s: float) -> dict[str, Any]:
    first = servers[0]
    told = {name: _try(check, first, timeout_s) for name, check in _CHECKS.items()}
    sources = {}
    for number, parts in enumerate(servers, start=1):
        name = "source" if number == 1 else f"source-{number}"
        sources[name] = _try(Parts.check_source, parts, timeout_s)
        sources[name]["circuit"] = parts.source.circuit
    ok = all(part["ok"] for part in told.values()) and any(part["ok"] for part in sources.values())
    return {"status": "ok" if ok else "failing", "parts": sources | told}


def _try(check: Callable[[Parts, Deadline], None], parts: Parts, timeout_s: float) -> dict:
    begun_s = time.perf_counter()
    told: dict[str, Any] = {"ok": True}
    try:
        check(parts, Deadline.after(timeout_s))
    except ServiceError as error:
        told = {"ok": False, "detail": error.detail}
    told["ms"] = round((time.perf_counter() - begun_s) * 1000, 1)
    return told


def _check_cache(parts: Parts, deadline: Deadline) -> None:
    if not parts.pictures.works():
        raise ServiceError("what is written to the cache folder cannot be read back")


def _check_workers(parts: Parts, deadline: Deadline) -> None:
    """Have a pixel drawn."""
    binding = ChannelBinding(active=True, window=Window(0, 255), color=Color(255, 255, 255))
    definition = RenderingDefinition(model=Model.RGB, bindings=(binding,))
    plane = np.zeros((1, 1), np.uint8)
    parts.worker.submit(RenderJob((plane,), "uint8", definition), deadline)


_CHECKS = {"cache": _check_cache, "workers": _check_workers}
