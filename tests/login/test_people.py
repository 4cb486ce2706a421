"""Who signs in, what they then have, and how long."""

from __future__ import annotations

import contextlib
import io
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.cli.cli_parser import get_parser
from airflow.providers.fab.auth_manager.models import User
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.store import identities
from airflow_team_rbac.auth_manager.store.models import IdentityRow, IdpGroupRow, SignInLinkRow
from airflow_team_rbac.auth_manager.store.snapshot import PolicyUnavailable
from joserfc import jwk
from sqlalchemy import func, select, update
from werkzeug.security import generate_password_hash

from .conftest import client_of, nothing_came_of_it, rows, told

PAGE = "http://testserver/dags/sales__etl"


def user(username: str) -> User | None:
    with create_session() as session:
        found = session.scalar(select(User).where(User.username == username))
        session.expunge_all()
        return found


def groups(username: str) -> set[str]:
    with create_session() as session:
        rows = select(IdpGroupRow.name).join(User, User.id == IdpGroupRow.user_id).where(User.username == username)
        return set(session.scalars(rows))


def command(*words: str) -> tuple[int, str]:
    """Run ``airflow team-rbac …``; return its exit status and what it says."""
    args, said = get_parser().parse_args(["team-rbac", *words]), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            args.func(args)
        except SystemExit as ended:
            return ended.code, said.getvalue()
    return 0, said.getvalue()


# What is right ------------------------------------------------------------------------------------------------------


def test_the_first_sign_in(window, provider, sales):
    answer = window.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (302, PAGE)
    ana = user("ana")
    assert (ana.first_name, ana.last_name, ana.email, ana.roles) == ("Ana", "Alba", "ana@example.com", [])
    assert window.dags() == {"sales__etl"}
    assert "_token" in window.cookies
    cookie = [header for header in answer.headers.get_list("set-cookie") if header.startswith("_token=")]
    assert len(cookie) == 1
    assert "HttpOnly" in cookie[0]
    assert "SameSite=Lax" in cookie[0]


def test_what_the_provider_is_asked(window, provider, world):
    asked = parse_qs(urlsplit(window.begin().headers["location"]).query)
    assert asked["redirect_uri"] == ["http://testserver/auth/oauth-authorized/oidc"]
    assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
    assert asked["scope"] == ["openid profile email"]
    assert all(len(asked[name][0]) >= 20 for name in ("state", "nonce", "code_challenge"))
    assert asked.keys() <= {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
        *("code_challenge", "code_challenge_method"),
    }


def test_the_second_is_the_same_person(window, another, provider, sales):
    window.sign_in()
    provider.person["groups"] = ["finance-dev"]
    another.sign_in()
    assert window.dags() == another.dags() == {"finance__etl"}  # the old session as well
    with create_session() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_two_people_in_one_browser(window, provider, sales):
    window.sign_in()
    window.client.get("/auth/logout/")
    assert window.dags() is None
    provider.person |= {"sub": "s-bob", "preferred_username": "bob", "email": "bob@example.com"}
    provider.person["groups"] = ["finance-dev"]
    window.sign_in()
    assert window.dags() == {"finance__etl"}
    assert user("bob").id != user("ana").id


def test_a_key_is_rotated(window, another, provider, sales):
    window.sign_in()
    provider.key = jwk.RSAKey.generate_key(2048, {"kid": "2"})
    provider.keys = [provider.key]
    assert another.sign_in().status_code == 302


def test_a_key_is_replaced_under_its_name(window, another, provider, sales):
    window.sign_in()
    provider.key = jwk.RSAKey.generate_key(2048, {"kid": "1"})
    provider.keys = [provider.key]
    assert another.sign_in().status_code == 302


def test_a_key_that_was_withdrawn_signs_nobody_in(window, another, provider, sales):
    window.sign_in()
    provider.keys = [jwk.RSAKey.generate_key(2048, {"kid": "2"})]
    assert another.sign_in().status_code == 502
    assert another.dags() is None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("sales-dev", {"sales-dev"}),
        (["/eng/team-a", "/eng/team-b"], {"/eng/team-a", "/eng/team-b"}),
        (["6f1a3c1e-0000-4000-8000-000000000001"], {"6f1a3c1e-0000-4000-8000-000000000001"}),
        ([], set()),
        ([f"group-{number}" for number in range(1000)], {f"group-{number}" for number in range(1000)}),
        (["sales-dev", "sales-dev", ""], {"sales-dev"}),
        (["Sales-Dev", "sales-dev"], {"Sales-Dev", "sales-dev"}),
    ],
    ids=["a string", "paths", "object ids", "none", "a thousand", "twice", "letter case"],
)
def test_groups_as_they_come(window, provider, sales, sent, kept):
    provider.person["groups"] = sent
    assert window.sign_in().status_code == 302
    assert groups("ana") == kept
    assert window.dags() == ({"sales__etl"} if "sales-dev" in kept else set())


def test_groups_that_only_userinfo_tells(window, provider, sales):
    del provider.person["groups"]
    provider.userinfo = {"sub": "s-ana", "groups": ["sales-dev"]}
    assert window.sign_in().status_code == 302
    assert groups("ana") == {"sales-dev"}


def test_the_id_token_goes_before_userinfo(window, provider, sales):
    provider.userinfo = {"sub": "s-ana", "groups": ["finance-dev"], "iss": "x", "preferred_username": "root"}
    window.sign_in()
    assert groups("ana") == {"sales-dev"}


# The way there and back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page", ["https://evil.example.com/", "//evil.example.com", "javascript:alert(1)", "http://testserver@evil.example"]
)
def test_nobody_is_sent_elsewhere(window, provider, sales, page):
    where = window.sign_in(page).headers["location"]
    assert urlsplit(where).netloc in ("", "testserver")
    assert "evil" not in where


def test_without_a_base_url_people_come_back_to_where_they_are(window, provider, world, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    asked = parse_qs(urlsplit(window.begin().headers["location"]).query)
    assert asked["redirect_uri"] == ["http://testserver/auth/oauth-authorized/oidc"]


def test_without_a_page_to_go_to_the_way_is_shown(window, provider, world):
    answer = window.client.get("/auth/login/")
    assert answer.status_code == 200
    assert 'href="/auth/login/oidc"' in answer.text
    assert provider.asked == []


def test_a_page_of_fabs_that_one_may_not_see_leads_home(window, provider, sales):
    window.sign_in()
    denied = window.client.get("/auth/users/list/")
    assert "/auth/login/" in denied.headers["location"]
    home = window.client.get(denied.headers["location"])
    assert (home.status_code, urlsplit(home.headers["location"]).path) == (302, "/auth/")
    assert window.client.get("/auth/").headers["location"].rstrip("/") == "http://testserver"


def test_who_is_signed_in_gets_a_new_token_and_their_page(window, provider, sales):
    window.sign_in()
    window.client.cookies.delete("_token")
    assert window.dags() is None
    assert window.begin(PAGE).headers["location"] == PAGE
    assert window.dags() == {"sales__etl"}


@pytest.mark.parametrize("sent", [{}, {"iss": "right"}, {"iss": "https://elsewhere.example.com"}])
def test_an_answer_may_say_whose_it_is(window, provider, sales, sent):
    """RFC 9207."""
    sent = {"iss": provider.issuer} if sent == {"iss": "right"} else sent
    answer = window.sign_in(**sent)
    assert answer.status_code == (400 if "elsewhere" in str(sent) else 302)


@pytest.mark.parametrize("changed", [{"state": "another"}, {"state": ""}])
def test_an_answer_to_nothing_that_was_asked(window, provider, world, said, changed):
    before = rows()
    answer = window.sign_in(**changed)
    assert answer.status_code == 400
    assert "not begun in this browser" in told(answer)
    nothing_came_of_it(answer, before, window, said)


def test_another_browsers_answer(window, another, provider, world):
    """Login CSRF: somebody else's way back is none here."""
    begun = another.begin()
    window.begin()
    answer = window.come_back(begun)
    assert answer.status_code == 400
    assert window.dags() is None


def test_an_answer_comes_once(window, provider, sales):
    begun = window.begin()
    where = provider.authorize(begun.headers["location"])
    assert window.client.get("/auth/oauth-authorized/oidc", params=where).status_code == 302
    assert window.client.get("/auth/oauth-authorized/oidc", params=where).status_code == 400
    assert window.dags() == {"sales__etl"}  # and who is signed in stays so


@pytest.mark.parametrize(
    ("error", "shown"), [("access_denied", "access_denied"), ("<b>x</b>", "an error"), ("x" * 200, "x" * 200)]
)
def test_the_provider_says_no(window, provider, world, error, shown):
    begun = window.begin()
    state = provider.authorize(begun.headers["location"])["state"]
    asked = {"error": error, "error_description": "<script>alert(1)</script>", "state": state}
    answer = window.client.get("/auth/oauth-authorized/oidc", params=asked)
    assert answer.status_code == 403
    assert shown in told(answer)
    assert "alert(1)" not in answer.text
    assert window.cookies == set()


def test_it_is_not_the_providers_fault(window, provider, world, said, monkeypatch):
    before, begun = rows(), window.begin()
    broken = PolicyUnavailable("The policy cannot be read")
    monkeypatch.setattr(identities, "policy_now", raising(broken))
    answer = window.come_back(begun)
    assert answer.status_code == 500
    assert "Airflow could not sign you in (PolicyUnavailable)" in told(answer)
    monkeypatch.undo()
    assert {**rows(), "session": []} == {**before, "session": []}
    assert window.cookies == set()
    assert window.dags() is None


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


def test_another_provider_is_none(window, world):
    assert window.client.get("/auth/oauth-authorized/github?code=x&state=y").status_code == 404


# Signing out --------------------------------------------------------------------------------------------------------


def test_signing_out_is_for_the_provider_too(window, provider, sales):
    window.sign_in()
    answer = window.client.get("/api/v2/auth/logout")
    assert answer.headers["location"] == "http://testserver/auth/logout/"
    answer = window.client.get("/auth/logout/")
    where = urlsplit(answer.headers["location"])
    asked = parse_qs(where.query)
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{provider.issuer}/end"
    assert asked["post_logout_redirect_uri"] == ["http://testserver/auth/login/"]
    assert asked["client_id"] == ["airflow"]
    assert asked["id_token_hint"][0].count(".") == 2
    assert "_token" not in window.cookies
    assert window.dags() is None
    assert window.begin().status_code == 302  # not signed in by a session that was left


@pytest.mark.parametrize("how", ["not offered", "down", "a long token"])
def test_signing_out_where_the_provider_cannot(window, provider, sales, oidc_app, how):
    if how == "a long token":
        provider.person["groups"] = [f"group-{number}" for number in range(1000)]
    window.sign_in()
    metadata = client_of(oidc_app).server_metadata
    if how == "not offered":
        metadata.pop("end_session_endpoint")
    if how == "down":
        metadata.clear()
        provider.instead["/.well-known/openid-configuration"] = (500, b"")
    where = window.client.get("/auth/logout/").headers["location"]
    metadata.clear()
    assert len(where) < 2000
    assert where.startswith(f"{provider.issuer}/end?" if how == "a long token" else "http://testserver/auth/login/")
    assert window.dags() is None


# Whose account it is ------------------------------------------------------------------------------------------------


def test_a_renamed_person_stays_themselves(window, another, provider, sales):
    window.sign_in()
    provider.person |= {"preferred_username": "ana.berg", "family_name": "Berg", "email": "berg@example.com"}
    assert another.sign_in().status_code == 302
    assert user("ana.berg") is None
    assert (user("ana").last_name, user("ana").email) == ("Berg", "berg@example.com")


def test_a_reused_username_is_refused_and_then_linked(window, another, provider, sales, said):
    window.sign_in()
    before = rows()
    provider.person |= {"sub": "s-other", "email": "other@example.com", "groups": ["finance-dev"]}
    answer = another.sign_in()
    assert answer.status_code == 403
    assert "somebody else's" in told(answer)
    assert "airflow team-rbac identities link ana --subject s-other" in told(answer)
    nothing_came_of_it(answer, before, another, said)

    assert command("identities", "link", "ana", "--subject", "s-other")[0] == 0
    assert window.dags() is None  # whoever it was
    assert another.sign_in().status_code == 302
    assert another.dags() == {"finance__etl"}
    (made,) = sales.audit("team_rbac.identity.link")
    assert '"subject": "s-other"' in made.extra


def test_an_account_with_a_password_is_linked_by_an_administrator(window, provider, sales, said):
    old = sales.person("ana", roles=["Viewer"])
    with create_session() as session:
        password = generate_password_hash("her own", method="pbkdf2:sha256:1000")
        session.execute(update(User).where(User.id == old).values(password=password))
    before, answer = rows(), window.sign_in()
    assert answer.status_code == 403
    assert "password of its own" in told(answer)
    nothing_came_of_it(answer, before, window, said)
    assert command("identities", "link", "ana", "--subject", "s-ana")[0] == 0
    assert window.sign_in().status_code == 302
    assert user("ana").id == old
    assert "s-ana" in command("identities", "list", "-o", "json")[1]
    assert command("identities", "unlink", "ana")[0] == 0
    assert groups("ana") == set()


@pytest.mark.parametrize("how", ["by a FAB role", "by a binding"])
def test_an_administrators_account_is_linked_by_an_administrator(window, provider, sales, said, how):
    sales.person("ana", roles=["Admin"] if how == "by a FAB role" else [])
    if how == "by a binding":
        sales.apply('[[bindings]]\nuser = "ana"\nscope = "deployment"\nrole = "Admin"', prune=True)
    before, answer = rows(), window.sign_in()
    assert answer.status_code == 403
    assert "administrator's" in told(answer)
    nothing_came_of_it(answer, before, window, said)
    assert command("identities", "link", "ana", "--subject", "s-ana")[0] == 0
    assert window.sign_in().status_code == 302


def test_a_name_makes_nobody_an_administrator(window, provider, sales, said):
    """Whoever may choose their username at the provider could choose one that a binding names."""
    sales.apply('[[bindings]]\nuser = "ana"\nscope = "deployment"\nrole = "Admin"', prune=True)
    before, answer = rows(), window.sign_in()
    assert answer.status_code == 403
    assert "a name is not enough" in told(answer)
    nothing_came_of_it(answer, before, window, said)


def test_a_group_does(window, provider, sales):
    sales.apply('[[bindings]]\ngroup = "sales-dev"\nscope = "deployment"\nrole = "Admin"', prune=True)
    assert window.sign_in().status_code == 302
    assert window.dags() == {"sales__etl", "finance__etl"}


def test_an_issuer_may_end_in_a_slash(window, another, provider, sales):
    provider.metadata = {"issuer": f"{provider.issuer}/"}
    provider.claims = {"iss": f"{provider.issuer}/"}
    sales.person("ana", roles=["Admin"])
    assert command("identities", "link", "ana", "--subject", "s-ana")[0] == 0
    assert window.sign_in().status_code == another.sign_in().status_code == 302


def test_an_account_that_is_gone_leaves_its_identity_to_others(window, provider, sales):
    window.sign_in()
    with create_session() as session:  # as where a database gives a deleted user's id to somebody else
        session.execute(update(IdentityRow).values(user_created_on=None))
    sales.person("bob")
    assert command("identities", "link", "bob", "--subject", "s-ana")[0] == 0


def test_links_that_are_refused(window, provider, sales):
    window.sign_in()
    sales.person("bob")
    status, said = command("identities", "link", "bob", "--subject", "s-ana")
    assert (status, "is 'ana' here" in said) == (2, True)
    assert command("identities", "link", "nobody", "--subject", "s")[0] == 2
    assert command("identities", "unlink", "bob")[0] == 2
    assert window.dags() == {"sales__etl"}


def test_a_duplicate_address_is_refused(window, provider, sales, said):
    sales.person("ana_old")
    provider.person["email"] = "ana_old@example.com"
    before, answer = rows(), window.sign_in()
    assert answer.status_code == 403
    assert "Another account has the e-mail address" in told(answer)
    nothing_came_of_it(answer, before, window, said)


def test_a_disabled_account_is_out_at_once_and_does_not_come_back(window, another, provider, sales, said):
    window.sign_in()
    with create_session() as session:
        session.execute(update(User).where(User.username == "ana").values(active=False))
    assert window.dags() is None
    before, answer = rows(), another.sign_in()
    assert answer.status_code == 403
    assert "is disabled" in told(answer)
    nothing_came_of_it(answer, before, another, said)


# How long -----------------------------------------------------------------------------------------------------------


def test_a_sign_in_lapses_at_its_time_and_leads_back(window, provider, sales, clock):
    window.sign_in()
    clock.now += timedelta(hours=24, microseconds=-1)
    assert window.dags() == {"sales__etl"}
    assert window.client.get("/auth/users/userinfo/").status_code != 302
    clock.now += timedelta(microseconds=1)
    assert window.client.get("/api/v2/dags").status_code == 401  # at which the UI goes to the login page
    assert window.client.get("/auth/users/userinfo/").status_code == 302  # FAB's own pages too
    begun = window.begin()
    assert urlsplit(begun.headers["location"]).path == "/authorize"  # not straight back, in a circle
    assert window.come_back(begun).headers["location"] == PAGE
    assert window.dags() == {"sales__etl"}


def test_who_is_signed_in_goes_on_while_the_provider_is_down(window, another, provider, sales):
    window.sign_in()
    for path in ("/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"):
        provider.instead[path] = (503, b"")
    assert window.dags() == {"sales__etl"}
    assert another.begin().status_code == 502


# The link for an emergency ------------------------------------------------------------------------------------------


def link_for(username: str, *words: str) -> str:
    status, said = command("sign-in", username, *words)
    assert status == 0, said
    address, _, code = said.splitlines()[0].partition("#")
    assert address == "http://testserver/auth/sign-in/"
    return code


@pytest.fixture
def down(provider):
    provider.instead["/.well-known/openid-configuration"] = (503, b"")


def follow(window, code: str):
    page = window.client.get("/auth/sign-in/").text  # looking does not use it up
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    return window.client.post("/auth/sign-in/", data={"code": code, "csrf_token": token})


def test_a_link_works_once(window, another, provider, sales, clock, down):
    sales.person("ana", groups=["sales-dev"])
    clock.now += timedelta(days=3)  # her groups have lapsed
    code = link_for("ana")
    assert follow(window, code).status_code == 302
    assert window.dags() == {"sales__etl"}
    answer = follow(another, code)
    assert answer.status_code == 403
    assert "does not sign anybody in" in told(answer)
    assert another.dags() is None
    (made,), (used,) = sales.audit("team_rbac.sign_in_link.make"), sales.audit("team_rbac.sign_in_link.use")
    assert ('"username": "ana"' in made.extra, used.owner) == (True, "ana")
    assert code not in made.extra + used.extra
    with create_session() as session:
        assert session.scalars(select(SignInLinkRow)).all() == []


def test_a_link_is_not_kept_as_it_is(sales, provider, oidc_app):
    sales.person("ana")
    code = link_for("ana")
    with create_session() as session:
        assert code not in str([row.code_hash for row in session.scalars(select(SignInLinkRow))])


def test_a_link_ends(window, provider, sales, clock, down):
    sales.person("ana", groups=["sales-dev"])
    code = link_for("ana", "--minutes", "5")
    clock.now += timedelta(minutes=5)
    assert follow(window, code).status_code == 403
    assert window.dags() is None
    assert window.cookies == set()
    clock.now -= timedelta(minutes=1)
    assert follow(window, code).status_code == 403  # tried late, it is gone


def test_a_link_is_not_for_a_disabled_account(window, provider, sales, down):
    number = sales.person("ana", groups=["sales-dev"])
    code = link_for("ana")
    with create_session() as session:
        session.execute(update(User).where(User.id == number).values(active=False))
    assert follow(window, code).status_code == 403
    assert window.dags() is None
    status, said = command("sign-in", "ana")
    assert (status, "is disabled" in said) == (2, True)


@pytest.mark.parametrize("code", ["", "wrong", "x" * 10_000, "\x00"])
def test_no_such_link(window, provider, sales, code):
    assert follow(window, code).status_code in (400, 403)
    assert window.dags() is None


@pytest.mark.parametrize("words", [("nobody",), ("ana", "--minutes", "0"), ("ana", "--minutes", "61")])
def test_links_that_are_not_made(sales, provider, oidc_app, words):
    sales.person("ana")
    assert command("sign-in", *words)[0] == 2
    with create_session() as session:
        assert session.scalars(select(SignInLinkRow)).all() == []
        assert session.scalars(select(IdentityRow)).all() == []
