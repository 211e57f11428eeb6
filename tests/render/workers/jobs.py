"""Small picklable jobs, so that every worker can run them, in other processes too."""

import os
import signal
import time
from dataclasses import dataclass

import numpy as np

from render.errors import BadRequest
from render.job import RenderJob
from render.values import ChannelBinding, Color, Encoding, Model, RenderingDefinition, Window


@dataclass(frozen=True)
class Sleep:
    seconds: float

    def run(self) -> str:
        time.sleep(self.seconds)
        return "slept"


@dataclass(frozen=True)
class Refuse:
    def run(self) -> None:
        raise BadRequest("the window is wrong", parameter="c")


@dataclass(frozen=True)
class Stumble:
    def run(self) -> None:
        raise KeyError("a fault of ours")


@dataclass(frozen=True)
class Square:
    number: int

    def run(self) -> int:
        return self.number**2


@dataclass(frozen=True)
class Length:
    content: bytes

    def run(self) -> int:
        return len(self.content)


@dataclass(frozen=True)
class ProcessId:
    def run(self) -> int:
        return os.getpid()


@dataclass(frozen=True)
class EndTheProcess:
    def run(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def picture_job(side: int = 64, encoding: Encoding | None = None) -> RenderJob:
    """Give a job over three channels of uint16."""
    planes = np.random.default_rng(1).integers(0, 4000, (3, side, side)).astype(">u2")
    bindings = tuple(
        ChannelBinding(True, Window(100, 3000), color)
        for color in (Color(255, 0, 0), Color(0, 255, 0), Color(0, 0, 255))
    )
    return RenderJob(
        planes=tuple(planes),
        pixel_type="uint16",
        definition=RenderingDefinition(Model.RGB, bindings),
        encoding=encoding or Encoding("png"),
    )
