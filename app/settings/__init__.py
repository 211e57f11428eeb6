"""Every setting, declared once: name, type, default, help, group, and whether it is secret.

Values come from the environment (prefix `BLITZRENDER_`), from a `.env` file, and from a TOML file
named by `BLITZRENDER_CONFIG`, in that order of precedence. They are read once into a frozen object
and handed down; nothing else reads the environment. Each group is declared in a module of its own.
"""

import difflib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableSetting

from app.operations.omero_web_config import ConfigError, read_omero_web_config
from app.settings.cache import CacheSettings
from app.settings.downloads import DownloadsSettings
from app.settings.http import HttpSettings
from app.settings.identity import IdentitySettings
from app.settings.images import ImagesSettings
from app.settings.jobs import JobsSettings
from app.settings.kinds import PREFIX
from app.settings.limits import LimitsSettings
from app.settings.logs import LogsSettings
from app.settings.metadata import MetadataSettings
from app.settings.metrics import MetricsSettings
from app.settings.omero import OmeroSettings
from app.settings.pages import PagesSettings
from app.settings.pictures import PicturesSettings
from app.settings.server import ServerSettings
from app.settings.traces import TracesSettings

#: The groups in the order in which the reference prints them.
GROUPS = (
    "server",
    "http",
    "images",
    "omero",
    "identity",
    "cache",
    "downloads",
    "jobs",
    "limits",
    "pictures",
    "metadata",
    "pages",
    "logs",
    "metrics",
    "traces",
)


class SettingsError(SystemExit):
    """A wrong value; `str(error)` names the setting, the value and what would do.

    Not caught by anybody, it ends the process with that one line.
    """


class Settings(
    ServerSettings,
    HttpSettings,
    ImagesSettings,
    OmeroSettings,
    IdentitySettings,
    CacheSettings,
    DownloadsSettings,
    JobsSettings,
    LimitsSettings,
    PicturesSettings,
    MetadataSettings,
    PagesSettings,
    LogsSettings,
    MetricsSettings,
    TracesSettings,
    BaseSettings,
):
    """What an operator may change. Frozen; sizes, times and counts say their unit in the name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        validate_default=False,
    )

    @property
    def embedded(self) -> bool:
        """Tell whether pictures come from the embedded image server."""
        return self.omero_host is None and not self.omero_servers

    @property
    def one_viewer(self) -> bool:
        """Tell whether nobody logs in: all requests are answered for one and the same viewer."""
        if self.embedded:
            return self.image_server_users is None
        return self.omero_user is not None

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
    settings = _read(env_file, values)
    if settings.omero_web_config is not None:
        # What is set anywhere else wins.
        settings = _read(env_file, _of_omero_web(settings) | values)
    settings = settings.model_copy(
        update={
            "images": settings.images.expanduser(),
            "cache_dir": settings.cache_dir.expanduser(),
            "image_server_users": settings.image_server_users
            and settings.image_server_users.expanduser(),
        }
    )
    _check_together(settings)
    return settings


def child_environment(**values: str) -> dict[str, str]:
    """Give the environment of a program that is started from here, with `values` added."""
    return {**os.environ, **values}


def _of_omero_web(settings: Settings) -> dict[str, Any]:
    try:
        return read_omero_web_config(settings)
    except ConfigError as error:
        path = str(settings.omero_web_config)
        raise SettingsError(
            f"setting omero_web_config ({PREFIX}OMERO_WEB_CONFIG) = {path!r}: {error}"
        ) from None


def _read(env_file: str | Path | None, values: dict[str, Any]) -> Settings:
    try:
        return Settings(_env_file=env_file, **values)  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error
    except UnreadableSetting as error:
        # Whose text names setting and source, and not the value.
        raise SettingsError(f"{error}: should be JSON") from None


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
    users = settings.image_server_users
    if settings.embedded and users is not None and not users.is_file():
        raise SettingsError(
            f"setting image_server_users ({PREFIX}IMAGE_SERVER_USERS) = {str(users)!r}: "
            "should be a file that exists"
        )
    if settings.omero_user is not None and settings.omero_password is None:
        raise SettingsError(
            f"setting omero_user ({PREFIX}OMERO_USER) = {settings.omero_user!r}: "
            "needs omero_password too"
        )
