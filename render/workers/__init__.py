"""Where rendering runs: exchangeable workers behind one small interface, chosen by name."""

from render.engine.warm import warm_up
from render.workers.base import Worker, WorkerOptions
from render.workers.registry import create_worker, worker_names

__all__ = ["Worker", "WorkerOptions", "create_worker", "warm_up", "worker_names"]
