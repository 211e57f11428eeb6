"""Who may use the image server, and which parts of the folder belong to whom."""

from imageserver.accounts.model import Accounts, Group, Ownership, User, local_accounts
from imageserver.accounts.source import AccountsFile, FixedAccounts
from imageserver.accounts.users_file import UsersFileError, read_users_file
from imageserver.accounts.views import Rights, View

__all__ = [
    "Accounts",
    "AccountsFile",
    "FixedAccounts",
    "Group",
    "Ownership",
    "Rights",
    "User",
    "UsersFileError",
    "View",
    "local_accounts",
    "read_users_file",
]
