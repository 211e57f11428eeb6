"""The settings' reference page, made from their declarations.

.venv/bin/python -m app.settings_reference > docs/reference/settings.md
"""

from itertools import groupby

from app.settings import PREFIX, describe_settings

_INTRODUCTION = f"""# Settings

Made by `.venv/bin/python -m app.settings_reference` from `app/settings/`.

A setting is read from the environment under the name in the second column, else from a file
`.env` in the working directory under that name, else from the TOML file that `{PREFIX}CONFIG`
names, under the name in the first column, without tables. A wrong value stops the start with one
line that names the setting, the value and what would do. A name in the TOML file that is no
setting stops it too. Values marked *secret* are never printed or logged.
"""


def settings_page() -> str:
    """Give the page as Markdown."""
    lines = [_INTRODUCTION]
    for group, rows in groupby(describe_settings(), key=lambda row: row.group):
        lines += [
            f"## {group}\n",
            "| Setting | Environment | Default | Meaning |",
            "|---|---|---|---|",
        ]
        for row in rows:
            secret = " *(secret)*" if row.secret else ""
            lines.append(
                f"| `{row.name}` | `{row.environment}` | {row.default} | {row.help}{secret} |"
            )
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(settings_page(), end="")
