"""Python values to and from OMERO's nullable types (RType)."""

from typing import Any

from render.blitz.slices import omero


def rstring(value: str | None) -> Any:
    """Wrap a text; None stays None, as everywhere in this module."""
    return None if value is None else omero.RString(value)


def rint(value: int | None) -> Any:
    """Wrap a whole number of 32 bits."""
    return None if value is None else omero.RInt(int(value))


def rlong(value: int | None) -> Any:
    """Wrap a whole number of 64 bits."""
    return None if value is None else omero.RLong(int(value))


def rtime(seconds: float | None) -> Any:
    """Wrap a time given in seconds since the epoch; milliseconds travel."""
    return None if seconds is None else omero.RTime(round(seconds * 1000))


_WRAPPERS = {
    "RString": omero.RString,
    "RLong": lambda value: omero.RLong(int(value)),
    "RInt": lambda value: omero.RInt(int(value)),
    "RDouble": lambda value: omero.RDouble(float(value)),
    "RFloat": lambda value: omero.RFloat(float(value)),
    "RBool": lambda value: omero.RBool(bool(value)),
    "RTime": rtime,
}


def wrap_as(slice_type: str, value: Any) -> Any:
    """Wrap a value in the named RType; plain Slice types are given as they are."""
    if value is None:
        return None
    wrapper = _WRAPPERS.get(slice_type)
    return value if wrapper is None else wrapper(value)


def wrap(value: Any) -> Any:
    """Wrap a value in the RType that fits its Python type: for results that no member types."""
    if value is None or isinstance(value, omero.RType):
        return value
    if isinstance(value, bool):
        return omero.RBool(value)
    if isinstance(value, int):
        return omero.RLong(value)
    if isinstance(value, float):
        return omero.RDouble(value)
    if isinstance(value, str):
        return omero.RString(value)
    if isinstance(value, dict):
        return omero.RMap({key: wrap(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return omero.RList([wrap(item) for item in value])
    if isinstance(value, omero.model.IObject):
        return omero.RObject(value)
    raise TypeError(f"no RType for {type(value).__name__}")


def unwrap(value: Any) -> Any:
    """Give the Python value inside an RType; a time in seconds, an object as its id."""
    if isinstance(value, omero.RTime):
        return value.val / 1000
    if isinstance(value, omero.RCollection):
        return [unwrap(item) for item in value.val or ()]
    if isinstance(value, omero.RMap):
        return {key: unwrap(item) for key, item in (value.val or {}).items()}
    if isinstance(value, omero.RObject):
        return None if value.val is None else unwrap(value.val.id)
    if isinstance(value, omero.RType):
        return value.val
    return value
