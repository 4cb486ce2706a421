"""The demo, used as people would: in Chromium, through the identity provider's own pages, on real processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from .browser import SIDEBAR, Person, sign_in, sign_out
from .conftest import Demo, People, changed_policy, eventually

pytestmark = [pytest.mark.browser, pytest.mark.process]

Things = dict[str, set[str] | None]
"""Ids of each kind. None: a list that one may not ask for."""

KINDS = {"dags": "dag_id", "connections": "connection_id", "variables": "key", "pools": "name"}
"""As they are called in paths, and what they call their ids."""

DATA_ENG: Things = {
    "dags": {"data_eng__ingest", "data_eng__quality"},
    "connections": {"data_eng__dwh", "data_eng__shops"},
    "variables": {"data_eng__batch_size", "data_eng__error_budget"},
    "pools": {"data_eng__etl"},
}
DATA_SCIENCE: Things = {
    "dags": {"data_science__forecast", "data_science__prepare", "data_science__train"},
    "connections": {"data_science__feature_store", "data_science__registry"},
    "variables": {"data_science__experiment", "data_science__learning_rate"},
    "pools": {"data_science__gpu"},
}
ANALYTICS: Things = {
    "dags": {"analytics__dashboard", "analytics__newsletter", "analytics__overreach"},
    "connections": {"analytics__board", "analytics__export"},
    "variables": {"analytics__readers", "analytics__title"},
    "pools": {"analytics__reports"},
}
DEFAULT_POOL: Things = {"pools": {"default_pool"}}
PLATFORM: Things = {
    "dags": {"platform_housekeeping"},
    "connections": {"company_mail"},
    "variables": {"company_name"},
    "pools": {"default_pool"},
}


def together(*places: Things) -> Things:
    return {kind: set().union(*(place.get(kind) or set() for place in places)) for kind in KINDS}


EVERYTHING = together(DATA_ENG, DATA_SCIENCE, ANALYTICS, PLATFORM)
SEES: dict[str, Things] = {
    # A Viewer, who in FAB sees Dags and pools.
    "ana": together(ANALYTICS, DEFAULT_POOL) | {"connections": None, "variables": None},
    # An Op in one team, a Viewer in another.
    "noor": together(DATA_SCIENCE, {kind: ANALYTICS[kind] for kind in ("dags", "pools")}, DEFAULT_POOL),
    # An Op, whose team is granted another's warehouse.
    "otto": together(ANALYTICS, {"connections": {"data_eng__dwh"}}, DEFAULT_POOL),
    # An Op in every team. What nobody owns takes a role in the deployment.
    "emil": together(DATA_ENG, DATA_SCIENCE, ANALYTICS, DEFAULT_POOL),
    "ada": EVERYTHING,
}

RAN = {"analytics__dashboard", "data_eng__ingest", "data_science__prepare"}
"""Dags that run by themselves when the demo starts, one of each team."""

REFUSED_TO_MOST = {
    "GET /api/v2/importErrors": "a team's are for its members, all others the deployment's",
    "GET /api/v2/plugins/importErrors": "the deployment's",
}
"""What the home page asks for on behalf of everybody, and does without."""


@pytest.fixture(scope="module")
def runs(everybody: People) -> dict[str, str]:
    """Wait for the first runs to succeed, and return the id of one of each Dag."""

    def succeeded() -> dict[str, str]:
        _, answer = everybody["ada"].ask("/api/v2/dags/~/dagRuns?state=success&limit=100")
        return {run["dag_id"]: run["dag_run_id"] for run in answer["dag_runs"] if run["dag_id"] in RAN}

    eventually(lambda: set(succeeded()), RAN, seconds=180)
    return succeeded()


def listed(person: Person, kind: str) -> set[str] | None:
    status, answer = person.ask(f"/api/v2/{kind}?limit=100")
    if status == 403:
        return None
    assert status == 200, answer
    found = {row[KINDS[kind]] for row in answer[kind]}
    assert answer["total_entries"] == len(found)
    return found


def shown(person: Person, kind: str) -> set[str]:
    everything = EVERYTHING[kind] or set()
    return {name for name in everything if name in person.content.split()}


def beneath(dag_id: str, run_id: str, task_id: str) -> list[str]:
    """What the API says of a Dag, all of it the team's."""
    dag, run = f"/api/v2/dags/{dag_id}", f"/api/v2/dags/{dag_id}/dagRuns/{run_id.replace('+', '%2B')}"
    return [
        dag,
        f"{dag}/details",
        f"{dag}/tasks",
        f"{dag}/dagRuns",
        f"{dag}/dagVersions",
        run,
        f"{run}/taskInstances",
        f"{run}/taskInstances/{task_id}",
        f"{run}/taskInstances/{task_id}/logs/1",
        f"{run}/taskInstances/{task_id}/xcomEntries",
        f"/api/v2/dagSources/{dag_id}",
        f"/api/v2/dagWarnings?dag_id={dag_id}",
        f"/ui/dags/{dag_id}/latest_run",
        f"/ui/grid/runs/{dag_id}",
        f"/ui/grid/structure/{dag_id}",
        f"/ui/structure/structure_data?dag_id={dag_id}",
    ]


def attempts(person: Person, dag_id: str, variable: str, pool: str) -> dict[str, int]:
    """Do what an Op of the team may do and a Viewer may not, and return the statuses."""
    return {
        "run": person.status(f"/api/v2/dags/{dag_id}/dagRuns", "POST", {"logical_date": None}),
        "edit a Dag": person.status(f"/api/v2/dags/{dag_id}?update_mask=is_paused", "PATCH", {"is_paused": False}),
        "edit a variable": person.status(
            f"/api/v2/variables/{variable}?update_mask=description",
            "PATCH",
            {"key": variable, "value": "", "description": "changed"},
        ),
        "edit a pool": person.status(
            f"/api/v2/pools/{pool}?update_mask=description",
            "PATCH",
            {"pool": pool, "slots": 1, "include_deferred": False, "description": "changed"},
        ),
    }


def test_sign_in_leads_to_the_page_that_was_asked_for(demo: Demo, chromium: Browser) -> None:
    page = chromium.new_page()
    sign_in(page, demo.airflow_url, "ana", demo.accounts["ana"], path="/dags/analytics__dashboard")
    expect(page).to_have_url(f"{demo.airflow_url}/dags/analytics__dashboard")
    expect(page.get_by_test_id("main-content")).to_contain_text("analytics__dashboard")
    page.context.close()


def test_sign_out_ends_the_session_and_the_next_person_is_somebody_else(demo: Demo, chromium: Browser) -> None:
    person = Person(chromium.new_context(), demo.airflow_url, "ana", demo.accounts["ana"])
    assert person.ask("/ui/auth/me")[1]["username"] == "ana"
    sign_out(person.page)
    assert person.status("/ui/auth/me") == 401
    assert person.status("/api/v2/dags") == 401
    sign_in(person.page, demo.airflow_url, "vera", demo.accounts["vera"])
    assert person.ask("/ui/auth/me")[1]["username"] == "vera"
    assert listed(person, "dags") == set()
    person.page.context.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("username", SEES)
def test_lists_hold_what_is_theirs(people: People, username: str, kind: str) -> None:
    assert listed(people[username], kind) == SEES[username][kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("username", SEES)
def test_pages_show_what_is_theirs(people: People, username: str, kind: str) -> None:
    person, theirs = people[username], SEES[username][kind]
    page = person.open(f"/{kind}")
    if theirs is None:
        expect(page.get_by_text("403 Forbidden").first).to_be_visible()
    eventually(lambda: shown(person, kind), theirs or set())
    if theirs is not None:
        assert person.complaints == []


@pytest.mark.parametrize("username", [*SEES, "vera"])
def test_single_things_are_answered_or_refused(people: People, username: str) -> None:
    person = people[username]
    sees = SEES.get(username, DEFAULT_POOL)
    for kind in KINDS:
        everything, theirs = EVERYTHING[kind] or set(), sees.get(kind) or set()
        answers = {name: person.status(f"/api/v2/{kind}/{name}") for name in everything}
        assert answers == {name: 200 if name in theirs else 403 for name in everything}


@pytest.mark.parametrize("username", SEES)
@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("/api/v2/dags/~/dagRuns", "dag_runs"),
        ("/api/v2/dags/~/dagRuns/~/taskInstances", "task_instances"),
        ("/api/v2/dags/~/dagRuns/~/taskInstances/~/xcomEntries", "xcom_entries"),
        ("/ui/dags", "dags"),
    ],
)
def test_lists_beneath_dags_are_filtered(
    people: People, runs: dict[str, str], username: str, path: str, rows: str
) -> None:
    def dag_ids(person: Person) -> set[str]:
        status, answer = person.ask(f"{path}?limit=100")
        assert status == 200, answer
        return {row["dag_id"] for row in answer[rows]}

    there = dag_ids(people["ada"])
    assert dag_ids(people[username]) == there & (SEES[username]["dags"] or set())


def test_tags_are_those_of_ones_own_dags(people: People) -> None:
    assert people["ana"].ask("/api/v2/dagTags")[1]["tags"] == ["analytics"]


def test_a_foreign_dag_has_no_data(people: People, runs: dict[str, str]) -> None:
    ana = people["ana"]
    own = beneath("analytics__dashboard", runs["analytics__dashboard"], "query")
    foreign = beneath("data_eng__ingest", runs["data_eng__ingest"], "extract")
    assert {path: ana.status(path) for path in own} == dict.fromkeys(own, 200)
    assert {path: ana.status(path) for path in foreign} == dict.fromkeys(foreign, 403)


def test_a_link_to_a_foreign_dag_shows_nothing(people: People, runs: dict[str, str]) -> None:
    for username, may in {"emil": True, "ana": False}.items():
        person = people[username]
        person.open("/dags/data_eng__ingest")
        about = {name: status for name, status in person.answers.items() if "data_eng__ingest" in name}
        assert about
        assert set(about.values()) == ({200} if may else {403})
        for secret in ("extract", "load", "0 0 * * *"):
            assert (secret in person.content) is may, secret


def test_single_assets_are_their_teams_or_granted(people: People, runs: dict[str, str]) -> None:
    assets = people["ada"].ask("/api/v2/assets")[1]["assets"]
    numbers = {asset["name"]: asset["id"] for asset in assets}
    sees = {
        "ana": {"analytics__numbers", "data_eng__orders"},
        "noor": {"analytics__numbers", "data_eng__orders", "data_science__features"},
        "emil": set(numbers),
        "vera": set(),
        "ada": set(numbers),
    }
    for username, theirs in sees.items():
        answers = {name: people[username].status(f"/api/v2/assets/{number}") for name, number in numbers.items()}
        assert answers == {name: 200 if name in theirs else 403 for name in numbers}, username


def test_roles_are_held_in_a_team(people: People) -> None:
    as_op = attempts(people["noor"], "data_science__prepare", "data_science__experiment", "data_science__gpu")
    assert set(as_op.values()) == {200}, as_op
    as_viewer = attempts(people["noor"], "analytics__newsletter", "analytics__title", "analytics__reports")
    assert set(as_viewer.values()) == {403}, as_viewer


def test_the_trigger_button_runs_as_op_and_is_refused_as_viewer(people: People, runs: dict[str, str]) -> None:
    noor = people["noor"]

    page = noor.open("/dags/data_science__prepare")
    page.get_by_test_id("trigger-dag-button").click()
    page.get_by_role("dialog").get_by_role("button", name="Trigger", exact=True).click()
    page.wait_for_url("**/dags/data_science__prepare/runs/manual__*")
    run_id = page.url.rpartition("/")[2]
    _, run = noor.ask(f"/api/v2/dags/data_science__prepare/dagRuns/{run_id}")
    assert (run["run_type"], run["triggering_user_name"]) == ("manual", "noor")

    page = noor.open("/dags/analytics__newsletter")
    page.get_by_test_id("trigger-dag-button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Trigger", exact=True).click()
    expect(dialog.get_by_text("403 Forbidden")).to_be_visible()
    assert noor.ask("/api/v2/dags/analytics__newsletter/dagRuns?run_type=manual")[1]["total_entries"] == 0


def test_a_grant_gives_its_actions_and_no_more(people: People) -> None:
    otto, path = people["otto"], "/api/v2/connections/data_eng__dwh"
    assert otto.status(path) == 200
    changed = {"connection_id": "data_eng__dwh", "conn_type": "postgres", "host": "evil.example.com"}
    assert otto.status(path, "PATCH", changed) == 403
    assert otto.status(path, "DELETE") == 403
    assert people["ada"].ask(path)[1]["host"] == "warehouse.example.com"


def test_who_is_in_no_team_finds_an_empty_airflow(people: People) -> None:
    vera = people["vera"]
    for path in ("/", "/dags", "/dag_runs", "/task_instances"):
        vera.open(path)
        assert vera.complaints == []
        assert "403" not in vera.content
        refused = {name for name, status in vera.answers.items() if status >= 400}
        assert refused <= set(REFUSED_TO_MOST), path
    vera.open("/dags")
    expect(vera.page.get_by_text("No Dags found")).to_be_visible()
    entries = vera.page.locator(SIDEBAR).get_by_role("button")
    assert not {"Admin", "Browse", "Security"} & set(entries.all_inner_texts())


def test_the_home_page_needs_nothing_that_is_refused(people: People) -> None:
    for username in SEES:
        person = people[username]
        person.open("/")
        assert person.complaints == []
        refused = {name for name, status in person.answers.items() if status >= 400}
        assert refused <= (set() if username == "ada" else set(REFUSED_TO_MOST)), username


@pytest.mark.parametrize(("entry", "title"), [("Users", "List Users"), ("Roles", "List Roles")])
def test_administrators_have_fabs_security_pages(people: People, demo: Demo, entry: str, title: str) -> None:
    assert people["ana"].status("/ui/auth/me") == 200  # she has signed in, and is a user
    page = people["ada"].open("/")
    page.locator(SIDEBAR).get_by_role("button", name="Security").click()
    page.get_by_role("menuitem", name=entry, exact=True).click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name=title)).to_be_visible()
    expected = ["ada@example.com", "ana@example.com"] if entry == "Users" else ["Admin", "Op", "Viewer"]
    for text in expected:
        expect(frame.get_by_role("cell", name=text, exact=True)).to_be_visible()

    emil = people["emil"]
    assert "Security" not in emil.open("/").locator(SIDEBAR).inner_text()
    emil.page.goto(f"{demo.airflow_url}/auth/{entry.lower()}/list/")
    expect(emil.page.get_by_role("heading", name=title)).to_have_count(0)


def test_an_administrator_closes_an_account_that_sign_in_made(demo: Demo, people: People) -> None:
    """FAB alone would not save it: it has no role in FAB."""
    otto, page = people.anew("otto"), people["ada"].page
    for closed in (True, False):
        page.goto(f"{demo.airflow_url}/auth/users/list/?_flt_0_username=otto")
        page.locator('a[title="Edit record"]').click()
        page.get_by_label("Is Active?").set_checked(not closed)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Changed Row")).to_be_visible()
        if closed:
            assert otto.status("/ui/auth/me") in (401, 403)  # which ends the session
        else:
            assert people.anew("otto").status("/ui/auth/me") == 200


def test_a_change_holds_on_the_next_request_of_who_is_signed_in(demo: Demo, people: People, tmp_path: Path) -> None:
    ana, otto, vera = people["ana"], people["otto"], people["vera"]
    dashboard, warehouse = "/api/v2/dags/analytics__dashboard", "/api/v2/connections/data_eng__dwh"

    def access() -> list[tuple[set[str] | None, int]]:
        return [(listed(person, "dags"), person.status(dashboard)) for person in (ana, vera)]

    def change(policy: dict[str, Any]) -> None:
        policy["bindings"] = [binding for binding in policy["bindings"] if binding.get("group") != "analysts"]
        policy["bindings"].append({"group": "marketing", "team": "analytics", "role": "Viewer"})
        del policy["grants"]

    before = [(ANALYTICS["dags"], 200), (set(), 403)]
    assert access() == before
    assert otto.status(warehouse) == 200
    with changed_policy(demo, tmp_path / "changed.toml", change):
        assert access() == [(set(), 403), (ANALYTICS["dags"], 200)]
        assert otto.status(warehouse) == 403
        expect(ana.open("/dags").get_by_text("No Dags found")).to_be_visible()
        vera.open("/dags")
        eventually(lambda: shown(vera, "dags"), ANALYTICS["dags"])
    assert access() == before
    assert otto.status(warehouse) == 200
