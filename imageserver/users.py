"""`python -m imageserver.users`: check a users' file, or make a password_hash for it."""

import argparse
import getpass
import sys
from pathlib import Path

from imageserver.accounts import UsersFileError, read_users_file
from imageserver.accounts.model import REST, composed
from imageserver.accounts.passwords import hash_password
from imageserver.accounts.users_file import plain_passwords


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked for; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m imageserver.users", description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    check = tasks.add_parser("check", help="say whether a file can be used, and if not, why")
    check.add_argument("file", type=Path)
    check.add_argument("folder", type=Path, nargs="?", help="the served folder, to look into too")
    tasks.add_parser("hash", help="read a password, from a pipe or without showing it")
    options = parser.parse_args(arguments)
    return _hash() if options.task == "hash" else _check(options.file, options.folder)


def _check(path: Path, folder: Path | None) -> int:
    if folder is not None and not folder.is_dir():
        print(f"{folder} is not a folder", file=sys.stderr)
        return 1
    try:
        accounts = read_users_file(path)
    except UsersFileError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{path}: {len(accounts.users)} users, {len(accounts.groups)} groups (with OMERO's own), "
        f"{len(accounts.places)} folders with owners"
    )
    for name in plain_passwords(accounts):
        print(f"{path}: the password of {name} can be read by whoever can read the file")
    if folder is not None:
        there = {composed(entry.name) for entry in folder.iterdir()}
        for name in sorted(set(accounts.places) - there):
            print(f"{path}: the folder {name} is not in {folder}")
        for name in sorted(entry.name for entry in folder.iterdir() if entry.is_dir()):
            if accounts.place_of(name) == REST and not name.startswith("."):
                print(f"{path}: {name} in {folder} has no owner of its own")
    return 0


def _hash() -> int:
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            print("the two are not the same", file=sys.stderr)
            return 1
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        print("an empty password is none", file=sys.stderr)
        return 1
    print(hash_password(password))
    return 0


if __name__ == "__main__":
    sys.exit(main())
