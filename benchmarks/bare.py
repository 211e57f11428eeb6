"""The smallest Flask application that returns a tile from memory: the measure for cached tiles."""

import os
from pathlib import Path

from flask import Flask, Response

app = Flask(__name__)
_TILE = Path(os.environ["BENCHMARK_TILE"]).read_bytes()


@app.get("/tile")
def tile() -> Response:
    """Answer with the same bytes each time."""
    return Response(_TILE, mimetype="image/jpeg")
