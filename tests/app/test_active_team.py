"""The team that somebody works in: what lists show, and how it is chosen, kept and lost."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from airflow.api_fastapi.app import get_auth_manager
from airflow.providers.fab.auth_manager.models import User
from airflow.utils.session import create_session
from sqlalchemy import delete, update
from werkzeug.security import generate_password_hash

from ..world import Api
from .windows import LISTS, OURS, Window


@pytest.fixture
def window(company, client):
    return lambda name, team=None: Window(client, company.people[name], team)


@pytest.fixture(autouse=True)
def _nobody_chose_before(company):
    from airflow_team_rbac.auth_manager.store.models import ActiveTeamRow

    with create_session() as session:
        session.execute(delete(ActiveTeamRow))


# What lists show -----------------------------------------------------------------------------------------------

OF_SALES = {
    "dag": {"sales__etl", "sales__shared_close", "legacy_etl"},
    "connection": {"sales__dwh", "crm"},
    "variable": {"sales__rate"},
    "pool": {"sales__pool", "default_pool"},
    "asset": {"sales__orders", "raw_orders"},
    "alias": {"sales__alias"},
}
OF_FINANCE = {
    "dag": {"finance__etl", "sales__shared_close"},
    "connection": {"finance__dwh", "sales__dwh"},
    "variable": {"finance__rate"},
    "pool": {"finance__pool", "default_pool"},
    "asset": {"finance__ledger"},
    "alias": {"finance__alias"},
}
"""What a team owns and what is granted to it."""


@pytest.mark.parametrize("kind", LISTS)
def test_lists_follow_the_active_team(window, kind):
    noor = window("noor")
    everything = noor.listed(kind)
    assert noor.switch("sales").status_code == 200
    assert noor.listed(kind) == OF_SALES[kind]
    noor.switch("finance")
    # She is a Viewer there, who reads neither connections nor variables.
    assert noor.listed(kind) == (set() if kind in ("connection", "variable") else OF_FINANCE[kind])
    noor.switch(None)
    assert noor.listed(kind) == everything >= OF_SALES[kind]


@pytest.mark.parametrize("name", ["ada", "root", "emil"])
@pytest.mark.parametrize("kind", LISTS)
def test_who_sees_everything_sees_one_teams(window, name, kind):
    assert window(name, "finance").listed(kind) == OF_FINANCE[kind]


@pytest.mark.parametrize(
    ("path", "of_sales", "of_all"),
    [
        ("/ui/dags", 3, 4),
        ("/api/v2/dags/~/dagVersions", 3, 4),
    ],
)
def test_so_does_what_is_beneath_them(window, path, of_sales, of_all):
    assert window("noor")("GET", path).json()["total_entries"] == of_all
    assert window("noor", "sales")("GET", path).json()["total_entries"] == of_sales


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/dags/finance__etl",
        "/api/v2/dags/finance__etl/details",
        "/ui/grid/structure/finance__etl",
        "/api/v2/pools/finance__pool",
        "/ui/structure/structure_data?dag_id=finance__etl",
    ],
)
def test_what_is_named_is_never_narrowed(window, path):
    answer = window("noor", "sales")("GET", path)
    assert (answer.status_code, "finance__" in answer.text or "task" in answer.text) == (200, True)


def test_lists_beneath_one_dag_are_never_narrowed(window):
    path = "/api/v2/dags/finance__etl/dagVersions"
    assert window("noor", "sales")("GET", path).json()["total_entries"] == 1
    assert window("noor", "sales")("GET", "/ui/dags?dag_ids=finance__etl").json()["total_entries"] == 1


def test_another_teams_dag_is_refused_as_ever(window):
    assert window("olga", "sales")("GET", "/api/v2/dags/finance__etl").status_code == 403


# Who they are ---------------------------------------------------------------------------------------------------

ME = {
    "noor": (["finance", "sales"], True),
    "olga": (["sales"], True),
    "fred": (["finance"], True),
    "vera": ([], True),
    "ursula": (["ops"], True),
    "gina": (["finance"], True),
    "gus": ([], True),
    "ada": (["finance", "ops", "sales"], True),
}


@pytest.mark.parametrize("name", ME)
def test_me(window, name):
    me = window(name).me()
    assert (me["username"], me["teams"], me["active_team"]) == (name, ME[name][0], None)
    assert me["sees_more"] is ME[name][1]  # of sales' pool, everybody sees something


def test_the_team_of_a_dag(window):
    assert window("noor").me("finance__etl")["dag_team"] == "finance"
    assert window("noor").me("housekeeping")["dag_team"] is None
    assert window("olga").me("finance__etl")["dag_team"] is None  # whose it is, is not theirs to know
    assert window("olga").me("no_such")["dag_team"] is None


def test_nobody_has_no_team(client):
    assert client.get("/team-rbac/api/me").status_code == 401
    assert client.post("/team-rbac/api/active-team", json={"team": None}, headers=OURS).status_code == 401


# Switching -------------------------------------------------------------------------------------------------------


def test_the_token_is_the_same_but_for_the_team(window):
    noor = window("noor")
    before = noor.claims
    answer = noor.switch("sales")
    assert noor.claims == before | {"team": "sales"}
    attributes = answer.headers["set-cookie"].lower()
    assert all(text in attributes for text in ("httponly", "samesite=lax", "path=/"))
    noor.switch(None)
    assert noor.claims == before


@pytest.mark.parametrize("team", ["finance", "no_such", "", "*", "SALES", " sales", "sales'--"])
def test_a_team_that_is_not_theirs(window, team):
    olga = window("olga")
    before = olga.cookie
    answer = olga.switch(team)
    assert (answer.status_code, olga.cookie) == (400, before)
    assert answer.json() == {"detail": f"You are in no team {team!r}."}


FORGED = {
    "a form of another site": ({"data": "team=sales", "headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
    "a cookie alone": ({"json": {"team": "sales"}}, 403),
    "another site that has our header": (
        {"json": {"team": "sales"}, "headers": OURS | {"Sec-Fetch-Site": "cross-site"}},
        403,
    ),
    "another host of our site": ({"json": {"team": "sales"}, "headers": OURS | {"Sec-Fetch-Site": "same-site"}}, 403),
    "a form": ({"data": {"team": "sales"}, "headers": OURS}, 415),
    "JSON that says it is text": (
        {"content": b'{"team": "sales"}', "headers": OURS | {"Content-Type": "text/plain"}},
        415,
    ),
    "no JSON": ({"content": b"{team", "headers": OURS | {"Content-Type": "application/json"}}, 422),
    "a list": ({"json": ["sales"], "headers": OURS}, 422),
    "a number": ({"json": {"team": 7}, "headers": OURS}, 422),
    "more than we asked for": ({"json": {"team": "sales", "role": "Admin"}, "headers": OURS}, 422),
    "very much": ({"json": {"team": "s" * 100_000}, "headers": OURS}, 413),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_request_that_is_not_ours_changes_nothing(window, how):
    options, status = FORGED[how]
    noor = window("noor")
    before = noor.cookie
    answer = noor("POST", "/team-rbac/api/active-team", **options)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert noor.cookie == before
    assert noor.starts_in() == "finance"


def test_the_choice_is_where_the_next_sign_in_starts(window):
    noor = window("noor")
    for team in ("sales", "finance", None, "sales"):
        noor.switch(team)
        assert noor.starts_in() == team


def test_where_somebody_starts_who_never_chose(window):
    """In the first team where several name them; else in all."""
    expected = {"noor": "finance", "olga": None, "emil": None, "ada": None, "vera": None}
    assert {name: window(name).starts_in() for name in expected} == expected


def test_api_tokens_have_no_team_unless_asked_for(company, window, client):
    with create_session() as session:
        hashed = generate_password_hash("secret", method="pbkdf2:sha256:1000")
        session.execute(update(User).where(User.username == "noor").values(password=hashed))
    window("noor").switch("sales")

    def token(**body):
        return client.post("/auth/token", json={"username": "noor", "password": "secret", **body})

    def dags(answer) -> int:
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return client.get("/api/v2/dags", headers=headers).json()["total_entries"]

    assert dags(token()) == 4
    assert dags(token(team="finance")) == 2
    for team in ("ops", "no_such", "", 7):
        answer = token(team=team)
        assert (answer.status_code, "in no team" in answer.text) == (400, True)
    assert token(team="finance", password="wrong").status_code == 401
    assert client.post("/auth/token/cli", json={"username": "noor", "password": "secret"}).status_code == 201


def test_a_token_made_in_the_ui_is_one_of_these(window, client):
    answer = window("noor", "sales")("POST", "/ui/auth/token", json={})
    assert "team" not in jwt.decode(answer.json()["access_token"], options={"verify_signature": False})


def test_a_bearer_token_is_what_it_is(company, client):
    api = Api(client, company.people["noor"])
    answer = api("POST", "/team-rbac/api/active-team", {"team": "sales"})
    assert answer.status_code in (404, 405)  # beneath /api/v2 there is none
    answer = client.post("/team-rbac/api/active-team", json={"team": "sales"}, headers=api._headers)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


def test_signing_out_ends_what_was_there_before_the_switch(window, client):
    noor = window("noor")
    before = noor.cookie
    noor.switch("sales")
    get_auth_manager().revoke_token(noor.cookie)
    for cookie in (before, noor.cookie):
        noor.cookie = cookie
        assert noor("GET", "/team-rbac/api/me").status_code in (401, 403)  # Airflow's answer to a revoked token


# Many at once ------------------------------------------------------------------------------------------------------


def test_two_people_switch_and_neither_sees_the_others_choice(company, client):
    """Two thousand calls of twenty threads, every other one a switch, in windows of their own."""
    expected = {
        ("noor", "sales"): 3,
        ("noor", "finance"): 2,
        ("noor", None): 4,
        ("emil", "sales"): 3,
        ("emil", "ops"): 1,
        ("emil", None): 5,
    }

    def work(seed: int) -> list:
        chance, wrong = random.Random(seed), []
        name = ("noor", "emil")[seed % 2]
        window, teams = Window(client, company.people[name]), [team for who, team in expected if who == name]
        for _ in range(50):
            team = chance.choice(teams)
            switched = window.switch(team)
            answer = window("GET", "/api/v2/dags")
            if switched.status_code != 200 or answer.json().get("total_entries") != expected[name, team]:
                wrong.append((name, team, switched.text[:200], answer.text[:200]))
        return wrong

    with ThreadPoolExecutor(20) as pool:
        assert [wrong for some in pool.map(work, range(20)) for wrong in some] == []


# The UI ------------------------------------------------------------------------------------------------------------


def test_everybody_gets_the_switcher_and_only_who_may_the_other_plugins(window, monkeypatch):
    for name in ("vera", "olga", "gina", "gus", "ada"):
        plugins = window(name)("GET", "/api/v2/plugins").json()["plugins"]
        (ours,) = [plugin for plugin in plugins if plugin["name"] == "team_rbac"]
        (app,) = ours["react_apps"]
        assert app["destination"] == "base"
        assert name in ("gus", "ada") or len(plugins) == 1


def test_the_script_is_small_and_kept(window, client):
    plugins = window("vera")("GET", "/api/v2/plugins").json()["plugins"]
    answer = client.get("/" + plugins[0]["react_apps"][0]["bundle_url"])
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.content) < 20_000
    assert "globalThis.TeamSwitcher" in answer.text
