"""Has real Django write sessions, as OMERO.web does. Run by `.venv-django/bin/python`.

Reads one JSON object from stdin: `secret`, `folder`, `database` (Django's settings of one),
`redis` (URL of a database) and `sessions`, a list of `name`, `engine`, `serializer` (json or
pickle), `content`, and where needed `cache` (django-redis or django), `options` and `prefix` of
the cache, `old` (a login as OMERO.web kept it before 5.18) and `age_s`. Prints the cookies by name.
"""

import json
import pickle
import sys
import types


class PickleSerializer:
    """What Django 4 and OMERO.web have under this name."""

    protocol = pickle.HIGHEST_PROTOCOL

    def dumps(self, value):
        return pickle.dumps(value, self.protocol)

    def loads(self, data):
        return pickle.loads(data)


BACKENDS = {
    "django-redis": "django_redis.cache.RedisCache",
    "django": "django.core.cache.backends.redis.RedisCache",
}


def old_connector(held):
    """Make a login of the class that OMERO.web once had."""
    module = types.ModuleType("omeroweb.connector")
    connector = type("Connector", (), {"__module__": module.__name__})
    connector.__qualname__ = "Connector"
    module.Connector = connector
    sys.modules["omeroweb"] = types.ModuleType("omeroweb")
    sys.modules["omeroweb.connector"] = module
    made = connector()
    made.__dict__.update(held)
    return made


def write(one, given):
    from importlib import import_module

    from django.test.utils import override_settings

    serializers = {
        "json": "django.contrib.sessions.serializers.JSONSerializer",
        "pickle": "__main__.PickleSerializer",
    }
    cache = {
        "BACKEND": BACKENDS[one.get("cache", "django-redis")],
        "LOCATION": given["redis"],
        "OPTIONS": one.get("options", {}),
        "KEY_PREFIX": one.get("prefix", ""),
        "VERSION": one.get("version", 1),
    }
    with override_settings(
        SESSION_SERIALIZER=serializers[one["serializer"]],
        SESSION_COOKIE_NAME="sessionid",
        CACHES={"default": cache},
    ):
        engine = import_module(one["engine"])
        session = engine.SessionStore()
        content = dict(one["content"])
        if one.get("old"):
            content["connector"] = old_connector(content["connector"])
        session.update(content)
        if "age_s" in one:
            session.set_expiry(one["age_s"])
        # Django makes the key of a signed cookie out of its content, when it is saved.
        session.save() if "signed_cookies" in one["engine"] else session.create()
        if "signed_cookies" not in one["engine"]:
            session.save()
        return session.session_key


def main():
    given = json.load(sys.stdin)
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY=given["secret"],
        SESSION_FILE_PATH=given["folder"],
        SESSION_COOKIE_NAME="sessionid",
        SESSION_COOKIE_AGE=86400,
        USE_TZ=True,
        TIME_ZONE="Europe/London",
        INSTALLED_APPS=["django.contrib.sessions"],
        DATABASES={"default": given["database"]},
        CACHES={"default": {"BACKEND": BACKENDS["django-redis"], "LOCATION": given["redis"]}},
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", "sessions", verbosity=0)
    json.dump({one["name"]: write(one, given) for one in given["sessions"]}, sys.stdout)


if __name__ == "__main__":
    main()
