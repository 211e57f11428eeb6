"""How long the units are by which OMERO tells lengths, by its own names for them."""

#: Powers of ten of the prefixes of metric units.
PREFIX_POWERS = {
    "YOTTA": 24, "ZETTA": 21, "EXA": 18, "PETA": 15, "TERA": 12, "GIGA": 9, "MEGA": 6, "KILO": 3,
    "HECTO": 2, "DECA": 1, "": 0, "DECI": -1, "CENTI": -2, "MILLI": -3, "MICRO": -6, "NANO": -9,
    "PICO": -12, "FEMTO": -15, "ATTO": -18, "ZEPTO": -21, "YOCTO": -24,
}  # fmt: skip
#: Powers of ten of the units that are multiples of the metre, the micrometre being 0.
METRIC_POWERS = {f"{prefix}METER": power + 6 for prefix, power in PREFIX_POWERS.items()}

#: Micrometres in one of each other unit. A pixel and a reference frame have no size.
MICROMETRES = {
    "ANGSTROM": 1e-4,
    "THOU": 25.4,
    "LINE": 25400 / 12,
    "INCH": 25400.0,
    "FOOT": 304800.0,
    "YARD": 914400.0,
    "MILE": 1609344e3,
    "POINT": 25400 / 72,
    "ASTRONOMICALUNIT": 149597870700e6,
    "LIGHTYEAR": 9460730472580800e6,
    "PARSEC": 3.0856775814913673e22,
}
