"""Settings: where they come from, and what is said of wrong ones."""

import pytest

from app import create_app
from app.settings import Settings, SettingsError, describe_settings, load_settings

NAMES = [row.name for row in describe_settings()]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for row in describe_settings():
        monkeypatch.delenv(row.environment, raising=False)
    monkeypatch.delenv("BLITZRENDER_CONFIG", raising=False)


def test_defaults_start_without_any_file():
    settings = load_settings(env_file=None)
    assert settings.port == 4080 and settings.embedded
    assert settings.images.is_dir()


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load_settings(env_file=None).port = 1  # type: ignore[misc]


def test_the_environment_wins_over_dotenv_and_that_over_the_toml_file(monkeypatch, tmp_path):
    toml = tmp_path / "blitzrender.toml"
    toml.write_text('port = 1001\nworkers = 7\nlog_level = "error"\n')
    dotenv = tmp_path / ".env"
    dotenv.write_text("BLITZRENDER_PORT=1002\nBLITZRENDER_WORKERS=8\nOTHER=x\n")
    monkeypatch.setenv("BLITZRENDER_CONFIG", str(toml))
    monkeypatch.setenv("BLITZRENDER_PORT", "1003")
    settings = load_settings(env_file=dotenv)
    assert (settings.port, settings.workers, settings.log_level) == (1003, 8, "error")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "x1", "setting port (BLITZRENDER_PORT) = 'x1': "),
        ("PORT", "0", "greater than or equal to 1"),
        ("WORKER_CLASS", "eventlet", "'gevent', 'gthread' or 'sync'"),
        ("JPEG_QUALITY", "2", "less than or equal to 1"),
        ("REQUEST_DEADLINE_S", "inf", "finite number"),
        ("IMAGES", "/no/such/folder", "should be a folder that exists"),
        ("IMAGE_SERVER_USERS", "/no/such.toml", "should be a file that exists"),
        ("OMERO_PORT", "70000", "less than or equal to 65535"),
        ("OMERO_USER", "public", "needs omero_password too"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(monkeypatch, name, value, sentence):
    monkeypatch.setenv(f"BLITZRENDER_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings(env_file=None)
    text = str(caught.value)
    assert sentence in text and "\n" not in text
    assert f"BLITZRENDER_{name}" in text


def test_a_misspelt_name_in_the_file_is_told(monkeypatch, tmp_path):
    toml = tmp_path / "blitzrender.toml"
    monkeypatch.setenv("BLITZRENDER_CONFIG", str(toml))
    for text, sentence in (
        ("prot = 1\n", "sets prot, which is no setting; did you mean port?"),
        ("port = \n", "is not TOML"),
    ):
        toml.write_text(text)
        with pytest.raises(SettingsError, match="(?s)" + sentence.replace("?", r"\?")):
            load_settings(env_file=None)
    toml.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(env_file=None)


def test_an_unknown_worker_stops_the_start():
    with pytest.raises(SettingsError, match=r"render_worker .* = 'magic': should be one of"):
        create_app(load_settings(env_file=None, render_worker="magic"))


def test_secrets_are_never_printed(monkeypatch):
    monkeypatch.setenv("BLITZRENDER_OMERO_PASSWORD", "hunter2")
    monkeypatch.setenv("BLITZRENDER_IMAGE_SERVER_PASSWORD", "hunter3")
    settings = load_settings(env_file=None)
    assert "hunter" not in f"{settings!r} {settings} {settings.model_dump()}"
    secrets = {row.name for row in describe_settings() if row.secret}
    assert secrets == {row.name for row in describe_settings() if _sounds_secret(row.name)}


def test_every_setting_is_described_and_belongs_to_a_group():
    assert set(NAMES) == set(Settings.model_fields)
    assert all(row.help.endswith(".") for row in describe_settings())


def _sounds_secret(name):
    return "password" in name or name in (
        "public_users",
        "metrics_token",
        "session_secret_key",
        "cache_redis_url",
        "session_cache_url",
        "session_database",
    )


def test_a_list_that_is_no_json_is_told_in_one_line(monkeypatch):
    monkeypatch.setenv("BLITZRENDER_OMERO_SERVERS", "[[")
    with pytest.raises(SettingsError, match=r"omero_servers.*should be JSON"):
        load_settings(env_file=None)
