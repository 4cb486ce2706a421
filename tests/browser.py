"""Drive a real Chromium through the demo as a person would: sign in at the identity provider, and out."""

from __future__ import annotations

import re
import shutil
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Playwright, expect

SIDEBAR = '[data-testid="nav-sidebar"]'
TIMEOUT = 30_000


def launch_chromium(playwright: Playwright) -> Browser:
    """Start the Chromium of this machine; each person gets a context of its own: ``browser.new_context()``."""
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
    """Open a page of Airflow, and sign in on the way, by the button and the identity provider's two pages."""
    page.set_default_timeout(TIMEOUT)
    page.goto(airflow_url + path)
    # The UI notices only after its first requests that nobody is signed in.
    page.wait_for_url("**/auth/login/**")
    page.locator("#btn-signin-oidc").click()
    page.locator("input[name=login]").fill(username)
    page.get_by_role("button", name="Continue").click()
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: urlsplit(url).netloc == urlsplit(airflow_url).netloc)
    expect(page.locator(SIDEBAR)).to_be_visible(timeout=TIMEOUT)


def sign_out(page: Page) -> None:
    """Sign out by Airflow's menu, and forget the session at the identity provider."""
    page.locator(SIDEBAR).get_by_role("button", name="User").click()
    page.get_by_role("menuitem", name="Logout").click()
    page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/auth/login/**")
    page.context.clear_cookies(name=re.compile("^canaille"))
