"""The world of the sweep, and what everybody was answered in it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ..conftest import HOME
from . import questions
from .calls import Answer, Asker, Call
from .routes import LIST, ROUTES, routes_of
from .world import OUTSIDERS, Sweep, make_sweep

FULL = bool(os.environ.get("TEAM_RBAC_FULL_SWEEP"))
"""``make sweep``: everybody is asked for everything, not only whoever has most to see."""

HOW = {name: "pairs" if FULL or name == "adam" else "paths" for name in OUTSIDERS}


@pytest.fixture(scope="package")
def sweep(client) -> Iterator[Sweep]:
    sweep = make_sweep(HOME)
    yield sweep
    sweep.world.clear()


@pytest.fixture(scope="package")
def asker(client) -> Asker:
    return Asker(client)


@pytest.fixture(scope="package")
def routes(app):
    """The app's routes that the table knows; a test of its own fails for the others."""
    return {key: route for key, route in routes_of(app).items() if key in ROUTES}


@pytest.fixture(scope="package")
def listing(routes):
    """The routes that only show something."""
    return {key: route for key, route in routes.items() if key.startswith("GET ") or ROUTES[key] == LIST}


@pytest.fixture(scope="package")
def asked(sweep, asker, listing) -> dict[str, list[tuple[Call, Answer, Answer]]]:
    """What each outsider was answered: without what is beta's alone, and with it."""
    calls = {
        name: [
            call for key, route in listing.items() for call in questions.calls(key, route, *_whose(sweep, name), how)
        ]
        for name, how in HOW.items()
    }
    answers = {}
    for rows in (sweep.without_beta, sweep.with_beta):
        rows.put_back()
        answers[id(rows)] = {name: asker.many(asker.token(sweep.people[name]), some) for name, some in calls.items()}
    return {
        name: list(zip(some, answers[id(sweep.without_beta)][name], answers[id(sweep.with_beta)][name], strict=True))
        for name, some in calls.items()
    }


def _whose(sweep: Sweep, name: str):
    """Whose things a person asks for: first what they may see, then what they may not."""
    return (sweep.shared, [sweep.beta, sweep.shared]) if name in ("gabe", "gwen") else (sweep.alpha, [sweep.beta])
