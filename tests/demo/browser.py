"""Drive a real Chromium through the demo as a person would: sign in at the identity provider, look, sign out."""

from __future__ import annotations

import shutil
import time
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request, Response, expect

SIDEBAR = '[data-testid="nav-sidebar"]'
TIMEOUT = 30_000
SECONDS_AT_REST = 0.75


def launch_chromium(playwright: Playwright) -> Browser:
    """Start the Chromium of this machine; each person gets a context of its own: ``browser.new_context()``."""
    expect.set_options(timeout=TIMEOUT)
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
        args=[
            "--no-sandbox",
            "--headless",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    )


def sign_in(page: Page, airflow_url: str, username: str, password: str, *, path: str = "/") -> None:
    """Open a page of Airflow, and sign in on the way, by the identity provider's two pages."""
    page.set_default_timeout(TIMEOUT)
    page.goto(airflow_url + path)
    page.locator("input[name=login]").fill(username)
    page.get_by_role("button", name="Continue").click()
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: urlsplit(url).netloc == urlsplit(airflow_url).netloc)
    expect(page.locator(SIDEBAR)).to_be_visible()


def sign_out(page: Page) -> None:
    """Sign out by Airflow's menu, which is for the identity provider too."""
    page.locator(SIDEBAR).get_by_role("button", name="User").click()
    page.get_by_role("menuitem", name="Logout").click()
    page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/auth/login/**")
    expect(page.locator("#btn-signin-oidc")).to_be_visible()


class Person:
    """Somebody who is signed in, and their window."""

    def __init__(self, context: BrowserContext, airflow_url: str, username: str, password: str) -> None:
        self._airflow_url = airflow_url
        self.page = context.new_page()
        self.answers: dict[str, int] = {}
        """What the page on display has asked Airflow for, without the query, and the last status of each."""
        self._under_way: set[Request] = set()
        self._stirred = time.monotonic()
        sign_in(self.page, airflow_url, username, password)
        self.page.on("response", self._note)
        self.page.on("request", self._begin)
        self.page.on("requestfinished", self._end)
        self.page.on("requestfailed", self._end)

    def _note(self, response: Response) -> None:
        url = urlsplit(response.url)
        if url.path.startswith(("/api/", "/ui/")):
            self.answers[f"{response.request.method} {url.path}"] = response.status

    def _begin(self, request: Request) -> None:
        self._under_way.add(request)
        self._stirred = time.monotonic()

    def _end(self, request: Request) -> None:
        self._under_way.discard(request)
        self._stirred = time.monotonic()

    def open(self, path: str) -> Page:
        """Show a page of Airflow, and wait until it has all that it asked for."""
        # What the page before it was waiting for is not this one's.
        self.page.goto("about:blank")
        self._under_way.clear()
        self.answers.clear()
        self.page.goto(self._airflow_url + path)
        self.settle()
        return self.page

    def rest(self) -> None:
        """Show something of Airflow's that asks for nothing."""
        self.page.goto(self.url("/api/v2/version"))

    def url(self, path: str) -> str:
        """Return the whole URL of a page of Airflow."""
        return self._airflow_url + path

    def is_ours(self, url: str) -> bool:
        """Whether a URL is Airflow's, not the identity provider's."""
        return url.startswith((self._airflow_url, "data:", "blob:"))

    def settle(self) -> None:
        """Wait until the page is at rest: nothing under way, nothing left to be filled in.

        Playwright's ``networkidle`` comes too early where starting the UI takes longer than its half second.
        """
        content = self.page.get_by_test_id("main-content")
        placeholders = self.page.locator(".chakra-skeleton")
        deadline = time.monotonic() + TIMEOUT / 1000
        while time.monotonic() - self._stirred < SECONDS_AT_REST:
            self.page.wait_for_timeout(50)
            if self._under_way or not content.is_visible() or placeholders.count():
                self._stirred = time.monotonic()
                assert self._stirred < deadline, f"{self.page.url} does not come to rest"

    @property
    def content(self) -> str:
        """The text on display, without the navigation."""
        return self.page.get_by_test_id("main-content").inner_text()

    @property
    def complaints(self) -> list[str]:
        """The error messages on display."""
        found = self.page.locator('[role="alert"], [data-scope="toast"][data-part="root"], [data-status="error"]')
        return [text for text in map(str.strip, found.all_inner_texts()) if text]

    def ask(self, path: str, method: str = "GET", body: object = None) -> tuple[int, Any]:
        """Call Airflow's API from the page, with the cookie of its session. Return the status and the answer."""
        script = """async ([path, method, body]) => {
            const json = body === null ? {} : {body: JSON.stringify(body)};
            const response = await fetch(path, {method, headers: {"Content-Type": "application/json"}, ...json});
            const text = await response.text();
            return [response.status, text && JSON.parse(text)];
        }"""
        status, answer = self.page.evaluate(script, [path, method, body])
        return status, answer

    def work_in(self, team: str | None) -> None:
        """Switch to a team, or to all, as the switcher does."""
        script = """async (team) => (await fetch("/team-rbac/api/active-team", {
            method: "POST", body: JSON.stringify({team}),
            headers: {"Content-Type": "application/json", "X-Team-RBAC": "test"},
        })).status"""
        assert self.page.evaluate(script, team) == 200

    def status(self, path: str, method: str = "GET", body: object = None) -> int:
        """Return the status alone."""
        return self.ask(path, method, body)[0]
