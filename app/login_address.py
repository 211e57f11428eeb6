"""Where browsers are sent to log in, and where they come back to."""

from urllib.parse import parse_qsl, quote, urlencode

from flask import Request

from app.settings import Settings

#: Parameters that must not travel on in an address.
_SECRET_PARAMETERS = frozenset({"bsession", "username", "password"})
_WHOLE_PAGES = (None, "document", "iframe", "frame")


def offers_login(settings: Settings) -> bool:
    """Tell whether people can log in to Blitzrender itself."""
    if settings.own_login is None:
        return not settings.one_viewer and settings.session_engine is None
    return settings.own_login and not settings.one_viewer


def shows_pages(asked: Request) -> bool:
    """Tell whether a browser asks for a page to show, and not for a picture or data in one."""
    return (
        asked.method in ("GET", "HEAD")
        and "text/html" in asked.headers.get("Accept", "")
        and asked.headers.get("Sec-Fetch-Dest") in _WHOLE_PAGES
        and asked.headers.get("X-Requested-With") != "XMLHttpRequest"
    )


def login_address(settings: Settings, asked: Request) -> str | None:
    """Give where a browser logs in and comes back from; None where there is no such page."""
    page = settings.login_url
    if page is None and offers_login(settings):
        page = f"{asked.script_root}/login/"
    if page is None and settings.session_engine is not None:
        page = f"{asked.script_root}/webclient/login/"
    if page is None:
        return None
    wanted = asked.args.get("url") or asked.script_root + asked.path + _harmless_query(asked)
    return f"{page}{'&' if '?' in page else '?'}url={quote(wanted, safe='')}"


def local_address(given: str, otherwise: str) -> str:
    """Give an address of this host, to go to after the login; anything else leads astray."""
    is_local = given.startswith("/") and not given.startswith(("//", "/\\"))
    return given if is_local and given.isprintable() else otherwise


def _harmless_query(asked: Request) -> str:
    given = asked.query_string.decode("latin-1")
    if not given:
        return ""
    if not _SECRET_PARAMETERS & asked.args.keys():
        return f"?{given}"
    pairs = parse_qsl(given, keep_blank_values=True)
    left = urlencode([pair for pair in pairs if pair[0] not in _SECRET_PARAMETERS])
    return f"?{left}" if left else ""
