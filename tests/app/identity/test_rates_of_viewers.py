"""How often one login may ask, where that is bounded."""

from tests.app.identity.conftest import PASSWORD, USER, soon


def test_each_login_has_a_rate_of_its_own(make_members, omero, session_key):
    gateway = make_members(viewer_requests_per_s=0.01, requests_burst=5)
    other_key = omero.log_in(USER, PASSWORD, soon()).key
    path = f"imgData/{gateway.ids['flat.png']}/"

    def ask(key):
        # From here and there: a login is one wherever it comes from.
        ask.count += 1
        headers = {"X-OMERO-Session-Key": key, "X-Forwarded-For": f"203.0.113.{ask.count}"}
        return gateway.get(path, headers=headers)

    ask.count = 0
    assert [ask(session_key).status_code for _ in range(6)] == [200] * 5 + [429]
    refused = ask(session_key)
    assert "viewer_requests_per_s" in refused.get_json()["detail"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 100
    assert ask(other_key).status_code == 200
    omero.log_out(other_key, soon())


def test_those_who_share_the_public_user_are_not_counted_as_one(make_members):
    gateway = make_members(
        public_enabled=True, public_user=USER, public_password=PASSWORD,
        public_url_filter=".*", viewer_requests_per_s=0.01, requests_burst=2,
    )  # fmt: skip
    assert {gateway.get("luts/").status_code for _ in range(10)} == {200}
