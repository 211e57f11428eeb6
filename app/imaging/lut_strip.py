"""The fixed order in which older viewers expect lookup tables in their strip of colours."""

_STRIP = [
    "ncsa_paledit/16_colors",
    "3-3-2_rgb",
    "ncsa_paledit/5_ramps",
    "ncsa_paledit/6_shades",
    "ncsa_paledit/blue_orange_icb",
    "ncsa_paledit/brgbcmyw",
    "ncsa_paledit/cool",
    "wcif/cyan_hot",
    "ncsa_paledit/edges",
    "fire",
    "ncsa_paledit/gem",
    "glasbey",
    "glasbey_inverted",
    "glow",
    "grays",
    "wcif/green_fire_blue",
    "wcif/hilo",
    "wcif/ica",
    "wcif/ica2",
    "wcif/ica3",
    "ice",
    "wcif/magenta_hot",
    "wcif/orange_hot",
    "ncsa_paledit/phase",
    "physics",
    "janelia/pup_br",
    "janelia/pup_nr",
    "wcif/rainbow_rgb",
    "red-green",
    "wcif/red_hot",
    "ncsa_paledit/royal",
    "ncsa_paledit/sepia",
    "ncsa_paledit/smart",
    "spectrum",
    "ncsa_paledit/thal",
    "ncsa_paledit/thallium",
    "thermal",
    "ncsa_paledit/unionjack",
    "wcif/yellow_hot",
]

_NAMES = [f"/luts/{name}.lut" for name in _STRIP]
_INDICES = {name: index for index, name in enumerate(_NAMES)}


def strip_names() -> list[str]:
    """Give the server paths of the strip's tables, then the gradient below them."""
    return [*_NAMES, "gradient.png"]


def strip_index(path: str) -> int:
    """Give the row of the table at a server path in the strip, or -1."""
    return _INDICES.get(path, -1)
