"""A folder with several owners, and the users' file of docs/users.md that says so."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.image_server import PROJECT

#: The users of the file, by name.
PASSWORDS = {"root": "of-the-server", "alice": "of-alice", "bob": "of-bob", "carol": "of-carol"}
SCREEN, DEEP = "alice-screens/screen.png", "alice-screens/deep/cell.png"
IMAGE, DRAFT = "bob-images/image.png", "bob-drafts/draft.png"
SLIDE, LEFT_OVER = "carol-slides/slide.png", "left-over.png"
NAMES = (SCREEN, DEEP, IMAGE, DRAFT, SLIDE, LEFT_OVER)
#: What each user sees, groups taken together.
VISIBLE = {
    "root": set(NAMES),
    "alice": {SCREEN, DEEP, IMAGE, DRAFT},
    "bob": {SCREEN, DEEP, IMAGE, DRAFT, SLIDE},
    "carol": {SLIDE},
}


@dataclass(frozen=True)
class Lab:
    """The folder that is served, and its users' file."""

    folder: Path
    users: Path

    @property
    def arguments(self) -> tuple[str, ...]:
        """What the image server is to be started with."""
        return ("--users", str(self.users), "--refusal-delay", "0.2")

    def change(self, *changes: tuple[str, str]) -> None:
        """Write the file anew, with each first text replaced by the second."""
        text = self.users.read_text("utf-8")
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the users' file"
            text = text.replace(old, new)
        self.replace(text)

    def replace(self, text: str) -> None:
        """Put another text in the place of the file's."""
        written = self.users.with_suffix(".new")
        written.write_text(text, "utf-8")
        written.replace(self.users)


def example() -> str:
    """Give the example of the documentation."""
    text = (PROJECT / "docs" / "users.md").read_text("utf-8")
    [found] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    return str(found)


def make_lab(path: Path) -> Lab:
    """Write the folder and the file below `path`."""
    folder = path / "images"
    random = np.random.default_rng(7)
    for name in NAMES:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (24, 32), dtype=np.uint8)).save(file)
    lab = Lab(folder, path / "users.toml")
    lab.replace(example())
    return lab
