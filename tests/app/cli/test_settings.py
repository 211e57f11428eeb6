"""`flask settings`."""

import re
import tomllib

from app.settings import Settings


def test_the_settings_file_names_every_setting_and_is_toml_without_the_comment_signs(gateway):
    printed = gateway.app.test_cli_runner().invoke(args=["settings"]).output
    assert tomllib.loads(printed) == {}
    values = tomllib.loads(re.sub(r"(?m)^#(?=\w+ = )", "", printed))
    assert values.keys() == Settings.model_fields.keys()
    assert values["port"] == Settings.model_fields["port"].default


def test_the_settings_file_holds_no_secret(gateway):
    printed = gateway.app.test_cli_runner().invoke(args=["settings"]).output
    assert '#image_server_password = ""' in printed
