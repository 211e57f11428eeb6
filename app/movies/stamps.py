"""What the frames of a movie say of where, or when, they stand."""

from collections.abc import Mapping, Sequence

from app.call import Call
from app.metadata.units import seconds_of
from render.values import ImageInfo

_MINUTE_S = 60.0


def stamps(call: Call, info: ImageInfo, axis: str, indices: Sequence[int]) -> tuple[str, ...]:
    """Give one text for each frame: which one it is, and its time or depth where that is told."""
    if axis == "z":
        return depth_stamps(indices, info.size_z, info.pixel_size_z)
    seconds = {
        time.t: seconds_of(time.delta.value, time.delta.unit)
        for time in call.session.plane_times(info, call.deadline)
        if time.delta is not None
    }
    known = {t: value for t, value in seconds.items() if value is not None}
    return time_stamps(indices, info.size_t, known)


def depth_stamps(indices: Sequence[int], size_z: int, section_um: float | None) -> tuple[str, ...]:
    """Give `z 3/10`, with the depth below the first section where their distance is known."""
    return tuple(
        f"z {z + 1}/{size_z}" + (f"  {z * section_um:.4g} µm" if section_um else "")
        for z in indices
    )


def time_stamps(
    indices: Sequence[int], size_t: int, seconds: Mapping[int, float]
) -> tuple[str, ...]:
    """Give `t 3/10`, with the time in seconds, or as h:mm:ss where a minute is reached."""
    long = any(abs(seconds.get(t, 0.0)) >= _MINUTE_S for t in indices)
    return tuple(
        f"t {t + 1}/{size_t}" + (f"  {_time(seconds[t], long)}" if t in seconds else "")
        for t in indices
    )


def _time(seconds: float, long: bool) -> str:
    if not long:
        return f"{seconds:.2f} s"
    sign, whole = "-" if seconds < 0 else "", round(abs(seconds))
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
