"""The users' file: what it says, what is wrong with it, and how changes are noticed."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imageserver.accounts import AccountsFile, Ownership, UsersFileError, read_users_file
from imageserver.accounts.model import permission_bits
from imageserver.accounts.passwords import Secret, hash_password, parse_hash
from imageserver.accounts.users_file import parse_users, plain_passwords
from tests.support.image_server import PROJECT
from tests.support.lab import PASSWORDS, example

ALICE, BOB, CAROL = 10, 11, 12
LAB, DRAFTS, CLINIC = 3, 4, 5


def test_the_documented_example_says_what_it_seems_to_say() -> None:
    accounts = parse_users(example().encode())
    names = {user.name: user for user in accounts.users.values()}
    assert sorted(names) == ["alice", "bob", "carol", "guest", "root"]
    for name, password in PASSWORDS.items():
        assert names[name].secret.fits(password), name
        assert not names[name].secret.fits(password + "x"), name
    assert names["guest"].secret.fits("guest")
    closed = parse_users(example().replace("guest_login = true", "guest_login = false").encode())
    assert closed.users[1].secret is None
    assert [user.name for user in names.values() if user.is_admin] == ["root"]
    groups = {name: [g.name for g in accounts.groups_of(user)] for name, user in names.items()}
    assert groups == {
        "root": ["system", "user"],
        "alice": ["lab", "drafts", "user"],
        "bob": ["lab", "drafts", "clinic", "user"],
        "carol": ["clinic", "user"],
        "guest": ["guest"],
    }
    assert [group.name for group in accounts.groups_led_by(names["alice"])] == ["drafts"]
    assert accounts.ownership_of("bob-drafts/a/b.png") == Ownership(BOB, DRAFTS)
    assert accounts.ownership_of("carol-slides") == Ownership(CAROL, CLINIC)
    for rest in (".", "left-over.png", "bob-drafts-2/x.png", "other/bob-drafts/x.png"):
        assert accounts.ownership_of(rest) == Ownership(0, 0)
    assert plain_passwords(accounts) == ["bob", "carol"]


@pytest.mark.parametrize(
    ("letters", "bits"),
    [("rw----", 0x700), ("rwr---", 0x740), ("rwra--", 0x750), ("rwrw--", 0x770), ("rwr-r-", 0x744)],
)
def test_permissions_are_omeros_bits(letters: str, bits: int) -> None:
    assert permission_bits(letters) == bits


USER = '[[users]]\nid = 2\nname = "a"\n'
GROUP = '[[groups]]\nid = 3\nname = "g"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "users: field required"),
        ("users = []", "users: list should have at least 1 item"),
        ("[[users]", "it is no TOML"),
        ("[[users]]\nid = 2", r"users[1].name: field required"),
        ('[[users]]\nid = "2"\nname = "a"', "users[1].id: input should be a valid integer"),
        (USER + "pasword = 'x'", "users[1].pasword: extra inputs"),
        (USER + USER, "the user 'a' is there twice"),
        (USER + USER.replace('"a"', '"b"'), "the user id 2 is there twice"),
        (USER + "password = 'x'\npassword_hash = 'y'", "has both"),
        (USER + "password_hash = 'sha1:abc'", "password_hash that is none"),
        (USER + "password_hash = 'scrypt:16777216:8:1:QUFBQUFBQUE=:QUFB'", "is none"),
        (USER.replace("2", "0"), "the id 0 is root's"),
        (USER.replace('"a"', '"root"'), "the id 0 is root's"),
        (USER.replace("2", "1"), "the id 1 is of the built-in guest"),
        (USER.replace('"a"', r'"a\n"'), "no line breaks"),
        (USER + "default_group = 'g'\n" + GROUP, "is no member of its default_group 'g'"),
        (USER + "default_group = 'h'\n" + GROUP, "names the group 'h', which is not there"),
        (USER + GROUP + "members = ['b']", "group 'g' names the user 'b', which is not there"),
        (USER + GROUP.replace("3", "1"), "groups[1].id: input should be greater than"),
        (USER + GROUP.replace('"g"', '"system"'), "the group 'system' is there twice"),
        (
            USER + GROUP + "permissions = 'rwrwrw'",
            "groups[1].permissions: input should be 'rw----'",
        ),
        (USER + "[[folders]]\nname = 'f'\nowner = 'x'\ngroup = 'g'\n" + GROUP, "the user 'x'"),
        (USER + "[[folders]]\nname = 'f/g'\nowner = 'a'\ngroup = 'g'\n", "folders[1].name: should"),
        ("binary_access = '+all'\n" + USER, "binary_access: should be of +read"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "users.toml"
    path.write_text(text)
    with pytest.raises(UsersFileError) as caught:
        read_users_file(path)
    told = str(caught.value)
    assert told.startswith(f"{path}: ") and sentence in told and "\n" not in told


def test_a_name_is_the_same_in_every_spelling() -> None:
    folder = '[[folders]]\nname = "Z\u00fcrich"\nowner = "a"\ngroup = "g"\n'
    for text in (folder, folder.replace("\u00fc", "u\u0308")):
        accounts = parse_users((USER + GROUP + text).encode())
        for name in ("Z\u00fcrich", "Zu\u0308rich/a.png"):
            assert accounts.ownership_of(name) == Ownership(2, 3)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsersFileError, match="cannot be read"):
        AccountsFile(tmp_path / "users.toml")


def test_changes_count_at_once_and_mistakes_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "users.toml"
    path.write_text(USER)
    source = AccountsFile(path)
    first = source.current()
    assert source.current() is first
    # In place, of the same length and within the clock's grain: only the content tells.
    os_stat = path.stat()
    path.write_text(USER.replace('"a"', '"b"'))
    os.utime(path, ns=(os_stat.st_atime_ns, os_stat.st_mtime_ns))
    assert source.current().user_named("b") is not None
    with caplog.at_level(logging.ERROR):
        path.write_text(USER + "x = 1")
        assert source.current().user_named("b") is not None
        path.unlink()
        assert source.current().user_named("b") is not None
    assert ["users[1].x" in r.message or "cannot be read" in r.message for r in caplog.records] == [
        True,
        True,
    ]
    path.write_text(USER)
    assert source.current().user_named("a") is not None


def test_a_hash_fits_its_password_only() -> None:
    made = hash_password("pässword")
    assert made != hash_password("pässword")
    secret = parse_hash(made)
    assert secret.fits("pässword") and not secret.fits("password") and not secret.fits("")
    assert "pässword" not in repr(Secret("pässword", hashed=False))
    with pytest.raises(ValueError, match="memory"):
        parse_hash(made.replace(":16384:", ":1048576:"))


def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "imageserver.users", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, input=text, capture_output=True, text=True, check=False
    )


def test_the_command_makes_hashes_and_checks_files(tmp_path: Path) -> None:
    made = run("hash", text="secret\n")
    assert parse_hash(made.stdout.strip()).fits("secret")
    path = tmp_path / "users.toml"
    path.write_text(USER + f'password_hash = "{made.stdout.strip()}"\n')
    checked = run("check", str(path))
    assert checked.returncode == 0 and "3 users" in checked.stdout
    served = tmp_path / "served"
    for name in ("Zu\u0308rich", "other"):
        (served / name).mkdir(parents=True)
    folders = "".join(
        f'[[folders]]\nname = "{name}"\nowner = "a"\ngroup = "g"\n' for name in ("Zürich", "mine")
    )
    path.write_text(USER + GROUP + folders)
    lines = run("check", str(path), str(served)).stdout.splitlines()
    assert [line.removeprefix(f"{path}: ") for line in lines[1:]] == [
        f"the folder mine is not in {served}",
        f"other in {served} has no owner of its own",
    ]
    path.write_text(USER + "id = 3")
    checked = run("check", str(path))
    assert checked.returncode == 1
    assert checked.stderr.startswith(str(path)) and len(checked.stderr.splitlines()) == 1
