"""The switcher, in Chromium on the demo."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from .browser import SIDEBAR, TIMEOUT, Person
from .conftest import Demo, People, changed_policy, eventually, free_port
from .test_demo import ANALYTICS, DATA_SCIENCE, listed, shown

pytestmark = [pytest.mark.browser, pytest.mark.process]

SWITCHER = f'{SIDEBAR} [data-testid="team-switcher"]'
SCRIPT = Path(__file__).parents[2] / "ui_templates" / "switcher.js"


def button(page: Page) -> Locator:
    return page.locator(SWITCHER).get_by_role("button")


def switch(person: Person, team: str) -> None:
    """By the mouse."""
    button(person.page).click()
    person.page.get_by_role("menuitemradio", name=team, exact=True).click()
    expect(button(person.page)).to_have_accessible_name(f"Team: {team}. Switch team")
    person.settle()


@pytest.fixture
def noor(people: People) -> Iterator[Person]:
    """She is in two teams."""
    person = people["noor"]
    person.work_in(None)
    person.open("/")
    yield person
    person.work_in(None)


# Where it is --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/dags", "/dags/analytics__dashboard", "/assets", "/pools", "/no/such/page"])
def test_it_is_on_every_page(noor: Person, path: str) -> None:
    page = noor.open(path)
    expect(button(page), "Airflow's sidebar has no place for the switcher any more").to_have_count(1)
    expect(page.get_by_test_id("team-switcher-bar")).to_have_count(0)


def test_whoever_sees_one_team_sees_its_name(people: People) -> None:
    page = people["ana"].open("/")
    expect(page.locator(SWITCHER)).to_have_text("analytics")
    expect(button(page)).to_have_count(0)
    look = """element => {
        const {fontSize, color, textAlign} = getComputedStyle(element);
        const {left, right} = element.getBoundingClientRect();
        return {fontSize, color, textAlign, middle: Math.round((left + right) / 2)};
    }"""
    ours = page.locator(SWITCHER).get_by_text("analytics").evaluate(look)
    assert ours == page.locator(SIDEBAR).get_by_text("User", exact=True).evaluate(look)


def test_whoever_is_in_no_team_is_told_so(people: People) -> None:
    page = people["vera"].open("/dags")
    expect(page.locator(SWITCHER)).to_be_empty()
    notice = page.get_by_role("status").filter(has_text="You are in no team yet")
    expect(notice).to_contain_text("Your groups: marketing.")
    expect(notice).to_contain_text("ask")
    assert people["vera"].complaints == []


def test_without_its_place_a_bar_stands_above_the_content(people: People) -> None:
    noor = people.anew("noor")
    noor.page.add_init_script(
        """new MutationObserver(() => {
            document.querySelector('[data-testid="nav-sidebar"]')?.removeAttribute("data-testid");
        }).observe(document, {childList: true, subtree: true})"""
    )
    noor.page.goto(noor.url("/dags"))
    bar = noor.page.get_by_test_id("team-switcher-bar")
    expect(bar).to_be_visible()
    bar.get_by_role("button").click()
    noor.page.get_by_role("menuitemradio", name="data_science").click()
    expect(bar.get_by_role("button")).to_have_accessible_name("Team: data_science. Switch team")
    noor.work_in(None)


@pytest.mark.parametrize("fails", ["it answers 500", "it does not answer", "it answers something else"])
def test_without_an_answer_the_rest_of_airflow_is_untouched(people: People, fails: str) -> None:
    noor = people.anew("noor")
    answers = {
        "it answers 500": lambda route: route.fulfill(status=500, body="{}"),
        "it does not answer": lambda route: route.abort(),
        "it answers something else": lambda route: route.fulfill(status=200, json={"teams": "?"}),
    }
    noor.page.route("**/team-rbac/api/me*", answers[fails])
    page = noor.open("/dags")
    expect(page.get_by_test_id("main-content")).to_contain_text("analytics__dashboard")
    expect(button(page)).to_have_count(0)


# What it does ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dags", "connections", "variables", "pools"])
def test_switching_changes_the_lists(noor: Person, kind: str) -> None:
    everything = listed(noor, kind)
    noor.open(f"/{kind}")
    idp: list[str] = []
    noor.page.on("request", lambda request: idp.append(request.url) if not noor.is_ours(request.url) else None)
    switch(noor, "data_science")
    of_science = DATA_SCIENCE[kind] | ({"default_pool"} if kind == "pools" else set())
    assert listed(noor, kind) == of_science == shown(noor, kind)
    switch(noor, "analytics")
    assert (listed(noor, kind) or set()) - {"default_pool"} == (everything & ANALYTICS[kind])
    switch(noor, "All teams")
    assert listed(noor, kind) == everything
    assert idp == []


def test_switching_changes_the_assets_and_the_numbers_at_home(noor: Person) -> None:
    noor.open("/")
    active = {}
    for team in ("All teams", "analytics", "data_science"):
        if team != "All teams":
            switch(noor, team)
        active[team] = noor.ask("/ui/dashboard/dag_stats")[1]["active_dag_count"]
        assert str(active[team]) in noor.content
    assert active["All teams"] == active["analytics"] + active["data_science"]
    assets = {name: noor.ask("/api/v2/assets")[1] for name in ("data_science",)}["data_science"]["assets"]
    assert assets
    assert all(asset["name"].startswith("data_science__") for asset in assets)


def test_one_reload_and_no_more(noor: Person) -> None:
    noor.open("/dags")
    loads: list[str] = []
    noor.page.on("framenavigated", lambda frame: loads.append(frame.url))
    switch(noor, "analytics")
    assert len(loads) == 1


def test_a_link_to_a_dag_of_my_other_team_opens_with_a_notice(noor: Person) -> None:
    noor.work_in("analytics")
    page = noor.open("/dags/data_science__prepare")
    expect(page.get_by_text("This Dag belongs to data_science; you are working in analytics.")).to_be_visible()
    assert "GET /ui/grid/structure/data_science__prepare" in noor.answers
    assert {name for name, status in noor.answers.items() if status >= 400} <= {
        "GET /api/v2/importErrors",
        "GET /api/v2/plugins/importErrors",
    }
    page.get_by_role("button", name="Switch to data_science").click()
    expect(button(page)).to_have_accessible_name("Team: data_science. Switch team")
    assert urlsplit(page.url).path == "/dags/data_science__prepare"
    expect(page.get_by_text("This Dag belongs to")).to_have_count(0)


def test_a_dag_of_no_team_of_mine_is_refused(noor: Person) -> None:
    assert noor.status("/api/v2/dags/data_eng__ingest") == 403
    page = noor.open("/dags/data_eng__ingest")
    expect(page.get_by_text("This Dag belongs to")).to_have_count(0)
    assert noor.answers["GET /api/v2/dags/data_eng__ingest/details"] == 403


def test_from_a_dag_one_comes_to_the_list_of_dags(noor: Person) -> None:
    noor.open("/dags/data_science__prepare")
    switch(noor, "analytics")
    assert urlsplit(noor.page.url).path == "/dags"


def test_other_tabs_are_told(noor: Person) -> None:
    other = noor.page.context.new_page()
    other.goto(noor.url("/dags"))
    expect(button(other)).to_be_visible()
    switch(noor, "data_science")
    expect(other.get_by_text("Switched to data_science in another tab.")).to_be_visible()
    other.get_by_role("button", name="Reload").click()
    expect(button(other)).to_have_accessible_name("Team: data_science. Switch team")
    other.close()


def test_a_switch_that_fails_says_why(noor: Person) -> None:
    noor.page.route("**/api/active-team", lambda route: route.fulfill(status=503, json={"detail": "Try later."}))
    button(noor.page).click()
    noor.page.get_by_role("menuitemradio", name="analytics").click()
    expect(noor.page.get_by_text("The team was not switched. Try later.")).to_be_visible()
    expect(button(noor.page)).to_have_accessible_name("Team: All teams. Switch team")
    noor.page.unroute("**/api/active-team")


SWITCH_AND_LOOK = """([teams, rounds]) => { window.wrong = (async () => {
    const wrong = [];
    for (let round = 0; round < rounds; round++) {
        const team = teams[Math.floor(Math.random() * teams.length)];
        const switched = await fetch("/team-rbac/api/active-team", {
            method: "POST", body: JSON.stringify({team}),
            headers: {"Content-Type": "application/json", "X-Team-RBAC": "test"},
        });
        const {dags} = await (await fetch("/api/v2/dags")).json();
        const seen = [...new Set(dags.map((dag) => dag.dag_id.split("__")[0]))].sort().join();
        if (!switched.ok || seen !== (team ?? teams.filter(Boolean).join())) wrong.push([round, team, seen]);
    }
    return wrong;
})() }"""
"""Starts, and does not wait."""


def test_two_browsers_switch_side_by_side_and_each_sees_its_own(noor: Person, people: People) -> None:
    """A thousand calls; two thousand more are in tests/app/test_active_team.py."""
    emil = people["emil"]
    teams = {noor: ["analytics", "data_science", None], emil: ["analytics", "data_eng", "data_science", None]}
    for person, mine in teams.items():
        person.page.evaluate(SWITCH_AND_LOOK, [mine, 250])
    for person in teams:
        assert person.page.evaluate("() => window.wrong") == []
    emil.work_in(None)


# How long it lasts ------------------------------------------------------------------------------------------------


def test_the_choice_survives_the_token_and_the_next_sign_in(people: People) -> None:
    noor = people.anew("noor")
    noor.work_in("data_science")
    noor.page.context.clear_cookies(name="_token")  # as when it expires: the session makes a new one
    noor.open("/dags")
    expect(button(noor.page)).to_have_accessible_name("Team: data_science. Switch team")
    again = people.anew("noor")
    again.open("/dags")
    expect(button(again.page)).to_have_accessible_name("Team: data_science. Switch team")
    again.work_in(None)


@pytest.fixture(scope="module")
def second(demo: Demo) -> Iterator[str]:
    """Another API server on the same database, which has just started, under a path."""
    port = free_port()
    url = f"http://localhost:{port}/team/airflow"
    env = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW_")}
    env |= {"AIRFLOW_HOME": demo.airflow_home, "AIRFLOW__API__BASE_URL": url}
    command = [demo.python, "-m", "airflow", "api-server", "--host", "localhost", "--port", str(port), "--workers", "1"]
    with (Path(demo.airflow_home) / "second.log").open("w") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        try:
            eventually(lambda: _answers(f"{url}/api/v2/version"), True, seconds=120)
            yield url
        finally:
            process.terminate()
            process.wait(60)


def _answers(url: str) -> bool:
    import httpx

    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def test_another_server_knows_it_and_one_may_switch_there_under_a_path(people: People, second: str) -> None:
    noor = people.anew("noor")
    noor.work_in("analytics")
    page = noor.page
    page.goto(f"{second}/dags")  # cookies do not tell ports apart
    expect(button(page)).to_have_accessible_name("Team: analytics. Switch team", timeout=TIMEOUT)
    button(page).click()
    page.get_by_role("menuitemradio", name="data_science").click()
    expect(button(page)).to_have_accessible_name("Team: data_science. Switch team")
    expect(page.get_by_test_id("main-content")).to_contain_text("data_science__prepare")
    again = people.anew("noor")
    expect(button(again.page)).to_have_accessible_name("Team: data_science. Switch team")
    again.work_in(None)


# By keyboard, and by whoever does not see it -------------------------------------------------------------------------


def test_by_keyboard(noor: Person) -> None:
    page = noor.open("/dags")
    page.locator(f'{SIDEBAR} a[title="Home"]').focus()
    page.keyboard.press("Tab")
    expect(button(page)).to_be_focused()
    outline = button(page).evaluate(
        "e => { const s = getComputedStyle(e); return s.outlineStyle + s.outlineWidth + s.boxShadow }"
    )
    assert outline != "none0pxnone", "the focus is not to be seen"
    page.keyboard.press("Enter")
    items = page.get_by_role("menuitemradio")
    expect(items).to_have_text(["All teams", "analytics", "data_science"])
    expect(items.first).to_have_attribute("aria-checked", "true")
    page.keyboard.press("Escape")
    expect(items.first).to_be_hidden()
    expect(button(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu", name="Teams")).to_be_focused()
    for key, item in (("Home", "All teams"), ("ArrowDown", "analytics")):
        page.keyboard.press(key)
        expect(page.get_by_role("menuitemradio", name=item)).to_have_attribute("data-highlighted", "")
    page.keyboard.press("Enter")
    expect(button(page)).to_have_accessible_name("Team: analytics. Switch team")


CONTRAST = """(selector) => {
    const e = document.querySelector(selector);
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const opaque = (one) => rgba(getComputedStyle(one).backgroundColor)[3] === 255;
    let ground = e;
    while (!opaque(ground) && ground.parentElement) ground = ground.parentElement;
    const linear = (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = (color) => {
        const [r, g, b] = rgba(color).map((c) => linear(c / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const both = [light(getComputedStyle(e).color), light(getComputedStyle(ground).backgroundColor)];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""
"""WCAG 2.1, 1.4.3: the contrast of an element's text with the ground it stands on."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_its_contrast_is_enough(people: People, theme: str) -> None:
    noor = people.anew("noor", color_scheme=theme)
    noor.page.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    noor.work_in("analytics")
    page = noor.open("/dags/data_science__prepare")
    assert page.evaluate("document.documentElement.className").split()[-1] == theme
    measured = {"the button": page.evaluate(CONTRAST, f"{SWITCHER} button div")}
    measured["the notice"] = page.evaluate(CONTRAST, '[role="status"] [data-part="content"], [role="status"] div')
    button(page).click()
    expect(page.get_by_role("menuitemradio").first).to_be_visible()
    measured["an item"] = page.evaluate(CONTRAST, "[role=menuitemradio]")
    noor.work_in(None)
    print(theme, measured)
    assert min(measured.values()) >= 4.5, measured


# Many teams ---------------------------------------------------------------------------------------------------------

LONG = "a-team-whose-name-is-as-long-as-a-team-name-can-be"


def test_forty_teams_and_a_long_name(people: People, demo: Demo, tmp_path: Path) -> None:
    def add(policy: dict) -> None:
        policy["teams"] |= {f"squad_{number:02}": {} for number in range(36)} | {LONG: {}}

    assert len(LONG) == 50
    with changed_policy(demo, tmp_path / "policy.toml", add):
        emil = people.anew("emil")
        page = emil.open("/dags")
        button(page).click()
        expect(page.get_by_role("menuitemradio")).to_have_count(41)
        search = page.get_by_role("textbox", name="Search teams")
        search.fill("LONG")
        expect(page.get_by_role("menuitemradio")).to_have_text([LONG])
        search.fill("nothing like it")
        expect(page.get_by_text("No team of yours is called that.")).to_be_visible()
        search.fill("long")
        search.press("ArrowDown")
        search.press("Enter")
        expect(button(page)).to_have_accessible_name(f"Team: {LONG}. Switch team")
        sidebar, label = page.locator(SIDEBAR).bounding_box(), button(page).bounding_box()
        assert label["x"] >= sidebar["x"]
        assert label["x"] + label["width"] <= sidebar["x"] + sidebar["width"]
        emil.work_in(None)


# What it weighs -----------------------------------------------------------------------------------------------------


def test_its_weight(people: People) -> None:
    assert SCRIPT.stat().st_size < 20_000
    noor = people.anew("noor")
    noor.open("/")
    asked: list[str] = []
    noor.page.on("request", lambda request: asked.append(urlsplit(request.url).path))

    def ours() -> list[str]:
        return [path.rpartition("/")[2] for path in asked if path.startswith("/team-rbac/")]

    noor.open("/dags")
    assert ours() == ["switcher.js", "me"]  # the script from the browser's own cache
    asked.clear()
    noor.page.get_by_test_id("nav-assets-link").click()
    noor.page.wait_for_url("**/assets*")
    noor.settle()
    assert ours() == []
