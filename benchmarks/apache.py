"""ApacheBench, run and read."""

import re
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Bench:
    """What a run came to; none of its requests failed."""

    per_second: float
    median_s: float
    p99_s: float


def bench(url: str, requests: int, clients: int, *, keep: bool = True) -> Bench:
    """Have `clients` ask for one URL, on kept connections or on a new one for each request.

    Raises RuntimeError when ab is not to be had, when a request fails, or is answered by anything
    but 2xx.
    """
    command = ["ab", "-q", "-n", str(requests), "-c", str(clients), *(["-k"] if keep else []), url]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return read(done.stdout)


def read(text: str) -> Bench:
    """Read what ab prints; raise RuntimeError when it saw failures."""
    failed = re.search(r"(Non-2xx responses|Failed requests|Write errors): +([1-9]\d*)", text)
    if failed:
        raise RuntimeError(f"ab saw failures: {failed.group(0)}")
    rate = re.search(r"Requests per second: +([\d.]+)", text)
    if rate is None:
        raise RuntimeError(f"ab said no rate: {text}")
    # Whole milliseconds, which ab leaves out for a single request.
    shares = dict(re.findall(r"^ +(\d+)% +(\d+)", text, re.M))
    return Bench(
        per_second=float(rate.group(1)),
        median_s=int(shares.get("50", 0)) / 1000,
        p99_s=int(shares.get("99", 0)) / 1000,
    )
