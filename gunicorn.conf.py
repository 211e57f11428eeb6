"""How gunicorn runs Blitzrender; every figure comes from `app/settings/`.

The master imports what is heavy, compiles the kernels and, in embedded mode, keeps the image
server running. Each worker makes the application for itself after gevent has patched it, so that
every lock and connection in it belongs to that worker's loop.
"""

import gc
import importlib
import logging
import os
import socket
import sys

from gunicorn.http import message as http_message

from app import check_settings
from app.operations.allocator import share_one_heap
from app.operations.in_force import take_in_force
from app.operations.metrics_folder import MetricsFolder
from app.settings import SettingsError
from cache.shared_memory import SharedMemory
from imageserver.accounts import UsersFileError, read_users_file
from imageserver.supervisor import Supervisor, free_port


def _check(settings):
    """Raise SettingsError for settings with which no worker or image server could start."""
    check_settings(settings)
    try:
        if settings.embedded and settings.image_server_users:
            read_users_file(settings.image_server_users)
    except UsersFileError as error:
        raise SettingsError(f"setting image_server_users: {error}") from None


settings, wrong_settings = take_in_force(_check)
if settings.embedded and not settings.image_server_port:
    # Chosen once, so that an image server that is started again is found where the first one was.
    os.environ["BLITZRENDER_IMAGE_SERVER_PORT"] = str(free_port("127.0.0.1"))
    settings, wrong_settings = take_in_force(_check)
users_file = settings.image_server_users if settings.embedded else None

bind = f"{settings.host}:{settings.port}"
workers = settings.workers
_OWN_CLASSES = {
    "gevent": "app.operations.gevent_worker.DrainingGeventWorker",
    "gthread": "app.operations.thread_worker.PunctualThreadWorker",
}
worker_class = _OWN_CLASSES.get(settings.worker_class, settings.worker_class)
worker_connections = settings.worker_connections
threads = settings.gthread_threads
preload_app = False
proc_name = "blitzrender"
# Many-channel images make long `c=` and `maps=`, and gunicorn cuts every bound to this one.
http_message.MAX_REQUEST_LINE = limit_request_line = 65536
limit_request_field_size = 16384
keepalive = settings.keepalive_s
max_requests = settings.max_requests
# So that workers that were started together do not end together.
max_requests_jitter = settings.max_requests // 5
timeout = 120
graceful_timeout = 15
accesslog = None
errorlog = "-"
control_socket_disable = True
loglevel = settings.log_level

# Headers of others say nothing of scheme, path and client.
forwarded_allow_ips = ",".join(map(str, settings.trusted_proxies))

_supervisors = []
# What the workers share has to be there before they are forked; a worker alone needs none.
_shares_tiles = settings.workers > 1 and settings.raw_tiles_shared_max_bytes > 0
_tiles = SharedMemory(settings.raw_tiles_shared_max_bytes) if _shares_tiles else None
# prometheus_client looks for this name when it is imported; a reload finds its folder by it.
_folder_name = "PROMETHEUS_MULTIPROC_DIR"
_metrics = MetricsFolder(settings.cache_dir / "metrics", os.environ.get(_folder_name))
os.environ[_folder_name] = str(_metrics.path)


def on_starting(server):
    """Import, compile and start the image server before the first worker is forked."""
    # glibc heeds an operator's own choice by itself.
    if "MALLOC_ARENA_MAX" not in os.environ:
        share_one_heap()
    if settings.embedded:
        supervisor = Supervisor(
            [
                str(settings.images),
                *("--host", "127.0.0.1"),
                *("--port", str(settings.image_server_port)),
                *("--cache-dir", str(settings.cache_dir / "images")),
                *("--user", settings.image_server_user),
                *(("--users", str(users_file.resolve())) if users_file else ()),
                *("--log-level", settings.log_level),
            ],
            {"BLITZRENDER_IMAGESERVER_PASSWORD": settings.image_server_password.get_secret_value()},
        )
        _supervisors.append(supervisor)
        supervisor.start()
    for module in ("app", "prometheus_client", "render.blitz.source", "render.job"):
        importlib.import_module(module)
    importlib.import_module("render.engine.warm").warm_up()
    if settings.embedded and not supervisor.wait_ready():
        server.log.warning("the image server is not ready yet; requests answer 503 until it is")
    # What is there now stays for good: left out of garbage collection, its memory stays shared.
    gc.collect()
    gc.freeze()


def when_ready(server):
    """Bound what clients may take to receive, and say where to look."""
    _bound_sending(server.LISTENERS)
    server.log.info("Blitzrender is at http://%s:%s/", settings.host, settings.port)


def on_reload(server):
    """Bound it anew, as the settings now say; tell of those that cannot be used."""
    if wrong_settings is not None:
        server.log.error("the settings stay as they were: %s", wrong_settings)
    _bound_sending(server.LISTENERS)


def _bound_sending(listeners):
    """Have the kernel end connections on which a client takes in nothing for long.

    What a listening socket says of this holds for the connections that come in through it.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        for listener in listeners:
            milliseconds = settings.client_timeout_s * 1000
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def on_exit(server):
    """Stop the image server after the last worker has gone."""
    for supervisor in _supervisors:
        supervisor.stop()
    _metrics.remove()


def post_worker_init(worker):
    """Open what requests need, and give native threads their turn sooner than after 5 ms."""
    sys.setswitchinterval(0.001)
    if _tiles is not None:
        importlib.import_module("app.web").parts_of(worker.wsgi).share_tiles(_tiles)
    connect = getattr(worker, "connect", None)
    importlib.import_module("app.operations.warm").warm_up_beside(worker.wsgi, connect)
    importlib.import_module("app.web").figures_of(worker.wsgi).keep_fresh()


def worker_exit(server, worker):
    """Give the server back the sessions and pixels stores of a worker that ends."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        web = importlib.import_module("app.web")
        importlib.import_module("app.operations.warm").end_warm_up(application)
        web.figures_of(application).end()
        web.parts_of(application).close()
        importlib.import_module("app.operations.traces").end(application)
    # At the end Python takes its handlers apart with locks of gevent's that are gone by then, and
    # complains of each one.
    logging.shutdown()
    logging._handlerList.clear()


def child_exit(server, worker):
    """Take what a worker held, but not what it counted, out of the metrics."""
    _metrics.forget(worker.pid)
