"""gunicorn's settings for the bare route: the same workers as Blitzrender's own."""

import os

bind = f"127.0.0.1:{os.environ['BENCHMARK_PORT']}"
workers = int(os.environ["BENCHMARK_WORKERS"])
worker_class = "gevent"
worker_connections = 1000
keepalive = 75
accesslog = None
