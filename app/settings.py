"""Every setting, declared once: name, type, default, help, group, and whether it is secret.

Values come from the environment (prefix `BLITZRENDER_`), from a `.env` file, and from a TOML file
named by `BLITZRENDER_CONFIG`, in that order of precedence. They are read once into a frozen object
and handed down; nothing else reads the environment.
"""

import difflib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "BLITZRENDER_"

#: The groups in the order in which the reference prints them.
GROUPS = ("server", "images", "omero", "cache", "limits", "pictures", "logs")

Port = Annotated[int, Field(ge=1, le=65535)]
PortOrAny = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SettingsError(SystemExit):
    """A wrong value; `str(error)` names the setting, the value and what would do.

    Not caught by anybody, it ends the process with that one line.
    """


_CORES = os.cpu_count() or 1
_SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def _setting(default: Any, group: str, text: str, default_text: str | None = None) -> Any:
    """Declare a setting; `default_text` describes a default that depends on the machine."""
    shown = default_text or ("not set" if default is None else str(default))
    return Field(
        default=default, description=text, json_schema_extra={"group": group, "default": shown}
    )


class Settings(BaseSettings):
    """What an operator may change. Frozen; sizes, times and counts say their unit in the name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        validate_default=False,
    )

    host: str = _setting("127.0.0.1", "server", "Address on which HTTP is answered.")
    port: Port = _setting(4080, "server", "TCP port on which HTTP is answered.")
    workers: Count = _setting(
        _CORES, "server", "Worker processes of the HTTP server.", "one for each processor core"
    )
    worker_class: Literal["gevent", "gthread", "sync"] = _setting(
        "gevent", "server", "How a worker process serves many connections at a time."
    )
    worker_connections: Count = _setting(
        1000, "server", "Connections that one worker process keeps open at a time."
    )
    gthread_threads: Count = _setting(
        16, "server", "Threads of a worker process of the class gthread."
    )
    keepalive_s: CountOrNone = _setting(
        15, "server", "How long an idle HTTP connection is kept open."
    )
    render_worker: str = _setting(
        "threads",
        "server",
        "Where rendering runs: in `threads` of the worker process, in `processes` of their own, "
        "`inline` in the request, on OMERO.server (`server`, see docs/rendering.md), or in a "
        "worker that another package installs, by its name.",
    )
    render_threads: Count = _setting(
        _CORES, "server", "Rendering threads per worker process.", "one for each processor core"
    )
    queue_limit: Count = _setting(
        256,
        "server",
        "Pictures that may wait for a rendering thread, per process; one more is answered 503.",
    )
    request_deadline_s: Seconds = _setting(
        30.0, "server", "How long a request may take before it is answered 504."
    )

    images: Path = _setting(
        _SAMPLES,
        "images",
        "Folder whose image files are served when omero_host is not set (embedded mode).",
        "the sample images that come with Blitzrender",
    )
    image_server_host: str = _setting(
        "127.0.0.1", "images", "Address of the embedded image server."
    )
    image_server_port: PortOrAny = _setting(
        0,
        "images",
        "TCP port of the embedded image server; 0 = a free one, chosen when it is started.",
    )
    image_server_user: str = _setting(
        "local", "images", "User with whose name Blitzrender logs in to the embedded image server."
    )
    image_server_password: SecretStr = _setting(
        SecretStr("local"), "images", "Password of image_server_user."
    )

    omero_host: str | None = _setting(
        None, "omero", "Host name of OMERO.server; not set = embedded mode."
    )
    omero_port: Port = _setting(4064, "omero", "Port of OMERO.server's router.")
    omero_transport: Literal["ssl", "tcp", "ws", "wss"] = _setting(
        "ssl", "omero", "How to connect to OMERO.server."
    )
    omero_user: str | None = _setting(
        None, "omero", "OMERO user in whose name pictures are made for everybody."
    )
    omero_password: SecretStr | None = _setting(None, "omero", "Password of omero_user.")

    cache_dir: Path = _setting(
        Path("~/.cache/blitzrender"),
        "cache",
        "Folder for rendered pictures and for what the embedded image server derives.",
    )
    cache_max_bytes: CountOrNone = _setting(
        4 * 1024**3, "cache", "Bytes of rendered pictures kept on disk; 0 = keep none."
    )
    cache_max_entries: Count = _setting(
        500_000, "cache", "Number of rendered pictures kept on disk."
    )
    cache_timeout_s: Seconds = _setting(
        30 * 86400.0, "cache", "How long a rendered picture is kept on disk at most."
    )
    settings_max_entries: Count = _setting(
        100_000, "cache", "Number of rendering settings that are kept under a handle."
    )
    settings_timeout_s: Seconds = _setting(
        30 * 86400.0,
        "cache",
        "How long rendering settings are kept under a handle; sending them again begins anew.",
    )
    hot_pictures_max_bytes: CountOrNone = _setting(
        32 * 1024**2,
        "cache",
        "Bytes of rendered pictures that each process keeps in memory as well; 0 = none.",
    )
    raw_tiles_max_bytes: CountOrNone = _setting(
        128 * 1024**2, "cache", "Bytes of raw tiles that each process keeps in memory; 0 = none."
    )
    image_info_max_age_s: SecondsOrNone = _setting(
        5.0,
        "cache",
        "How long a process remembers, per viewer, what the server said of an image: its sizes, "
        "its stored rendering settings and that the viewer may see it; 0 = ask each time.",
    )
    image_info_max_entries: Count = _setting(
        2000, "cache", "Number of images that a process remembers in this way."
    )

    max_output_pixels: Count = _setting(
        50_000_000, "limits", "Pixels of the largest picture that is made."
    )
    max_raw_bytes: Count = _setting(
        512 * 1024**2, "limits", "Bytes of raw pixels that one picture may need at a time."
    )
    max_projection_bytes: Count = _setting(
        256 * 1024**2,
        "limits",
        "Bytes of raw pixels that one projection may read: sections x region x channels.",
    )
    max_settings_bytes: Count = _setting(
        65536, "limits", "Bytes of the rendering settings that are sent to be kept under a handle."
    )
    max_histogram_bins: Count = _setting(65536, "limits", "Bins of the finest histogram.")
    thumbnail_batch_limit: Count = _setting(
        50, "limits", "Thumbnails that one get_thumbnails request may ask for."
    )

    thumbnail_default_side: Annotated[int, Field(ge=1, le=4096)] | None = _setting(
        None,
        "pictures",
        "Pixels of a thumbnail's longest side where a request names none.",
        "what the server says, else 96",
    )
    jpeg_quality: Annotated[float, Field(ge=0, le=1)] = _setting(
        0.85, "pictures", "JPEG quality, 0 to 1, where a request names none."
    )
    browser_max_age_s: CountOrNone = _setting(
        300,
        "pictures",
        "How long a browser may show a picture again without asking, when its URL says all "
        "rendering settings.",
    )

    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "logs", "Least level of log lines that are written."
    )

    @property
    def embedded(self) -> bool:
        """Tell whether pictures come from the embedded image server."""
        return self.omero_host is None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give the sources in order of precedence; the TOML file, where there is one, is last."""
        sources = (init_settings, env_settings, dotenv_settings)
        config = os.environ.get(PREFIX + "CONFIG")
        if not config:
            return sources
        return (*sources, TomlConfigSettingsSource(settings_cls, Path(config)))


@dataclass(frozen=True)
class SettingInfo:
    """One row of the settings' reference."""

    name: str
    environment: str
    group: str
    help: str
    default: str
    secret: bool


def describe_settings() -> list[SettingInfo]:
    """List all settings in the order of their groups, defaults as text, secrets hidden."""
    rows = [_described(name, field) for name, field in Settings.model_fields.items()]
    return sorted(rows, key=lambda row: GROUPS.index(row.group))


def load_settings(*, env_file: str | Path | None = ".env", **values: Any) -> Settings:
    """Read the settings from their sources; `values` win over all. Raises SettingsError."""
    _check_file()
    try:
        settings = Settings(_env_file=env_file, **values)  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error
    settings = settings.model_copy(
        update={
            "images": settings.images.expanduser(),
            "cache_dir": settings.cache_dir.expanduser(),
        }
    )
    _check_together(settings)
    return settings


def _described(name: str, field: FieldInfo) -> SettingInfo:
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    secret = "SecretStr" in str(field.annotation)
    return SettingInfo(
        name=name,
        environment=PREFIX + name.upper(),
        group=str(extra["group"]),
        help=field.description or "",
        default="(hidden)" if secret and field.default is not None else str(extra["default"]),
        secret=secret,
    )


def _check_file() -> None:
    config = os.environ.get(PREFIX + "CONFIG")
    if not config:
        return
    try:
        keys = tomllib.loads(Path(config).read_text("utf-8")).keys()
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}CONFIG = {config!r} cannot be read ({error.strerror}); "
            "it should name a TOML file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{PREFIX}CONFIG = {config!r} is not TOML: {error}") from error
    for key in keys:
        if key not in Settings.model_fields:
            near = difflib.get_close_matches(key, Settings.model_fields, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"{config} sets {key}, which is no setting{hint}")


def _sentence(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    name = str(fault["loc"][0]) if fault["loc"] else "settings"
    field = Settings.model_fields.get(name)
    hidden = field is not None and "SecretStr" in str(field.annotation)
    value = "(hidden)" if hidden else repr(fault.get("input"))
    text = fault["msg"]
    return f"setting {name} ({PREFIX}{name.upper()}) = {value}: {text[:1].lower()}{text[1:]}"


def _check_together(settings: Settings) -> None:
    if settings.embedded and not settings.images.is_dir():
        raise SettingsError(
            f"setting images ({PREFIX}IMAGES) = {str(settings.images)!r}: "
            "should be a folder that exists"
        )
    if not settings.embedded and (settings.omero_user is None or settings.omero_password is None):
        raise SettingsError(
            f"setting omero_host ({PREFIX}OMERO_HOST) = {settings.omero_host!r}: "
            "needs omero_user and omero_password too"
        )
