"""Units as OMERO names them: their symbols, and lengths and times in units that suit people."""

from render.units import METRIC_POWERS, MICROMETRES, PREFIX_POWERS

#: Symbols of the prefixes of metric units.
_PREFIXES = {
    "YOTTA": "Y", "ZETTA": "Z", "EXA": "E", "PETA": "P", "TERA": "T", "GIGA": "G", "MEGA": "M",
    "KILO": "k", "HECTO": "h", "DECA": "da", "": "", "DECI": "d", "CENTI": "c", "MILLI": "m",
    "MICRO": "µ", "NANO": "n", "PICO": "p", "FEMTO": "f", "ATTO": "a", "ZEPTO": "z",
    "YOCTO": "y",
}  # fmt: skip
_SYMBOLS = {
    **{f"{prefix}METER": f"{symbol}m" for prefix, symbol in _PREFIXES.items()},
    **{f"{prefix}SECOND": f"{symbol}s" for prefix, symbol in _PREFIXES.items()},
    "MINUTE": "min",
    "HOUR": "h",
    "DAY": "d",
    "ANGSTROM": "Å",
    "THOU": "thou",
    "LINE": "li",
    "INCH": "in",
    "FOOT": "ft",
    "YARD": "yd",
    "MILE": "mi",
    "POINT": "pt",
    "ASTRONOMICALUNIT": "ua",
    "LIGHTYEAR": "ly",
    "PARSEC": "pc",
    "PIXEL": "pixel",
    "REFERENCEFRAME": "reference frame",
}
_SECONDS = {
    **{f"{prefix}SECOND": 10.0**power for prefix, power in PREFIX_POWERS.items()},
    "MINUTE": 60.0,
    "HOUR": 3600.0,
    "DAY": 86400.0,
}
#: Length units in µm.
LENGTHS = {
    **{unit: 10.0**power for unit, power in METRIC_POWERS.items()},
    **MICROMETRES,
}
#: Lengths below so many µm are told in the unit; so many of it are one µm.
_STEPS = (
    (0.001, "Å", 1e4),
    (0.01, "nm", 1e3),
    (1e3, "µm", 1.0),
    (1e5, "mm", 1e-3),
    (1e6, "cm", 1e-4),
    (1e8, "m", 1e-6),
)


def symbol_of(unit: str) -> str:
    """Give a unit's symbol; its name where none is known."""
    return _SYMBOLS.get(unit, unit)


def seconds_of(value: float, unit: str) -> float | None:
    """Give a time in seconds; None for a unit that is no time."""
    factor = _SECONDS.get(unit)
    return None if factor is None else value * factor


def converted_length(value: float, unit: str, to_unit: str) -> float | None:
    """Give a length in another unit; None where one of the two is no unit of length."""
    if unit not in LENGTHS or to_unit not in LENGTHS:
        return None
    return value if unit == to_unit else value * LENGTHS[unit] / LENGTHS[to_unit]


def readable_length(micrometres: float) -> tuple[float, str]:
    """Give a length in the unit in which OMERO.web shows it, and that unit's symbol."""
    if micrometres == 0:
        return 0.0, "µm"
    for limit, symbol, factor in _STEPS:
        if micrometres < limit:
            return micrometres * factor, symbol
    return micrometres * 1e-9, "km"
