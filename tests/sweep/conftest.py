"""The world of the sweep, and what everybody was answered in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from ..conftest import HOME
from ..world import public_role
from . import questions
from .calls import Answer, Asker, Call
from .routes import LIST, ROUTES, routes_of
from .world import OUTSIDERS, PUBLIC_ROLE, Sweep, make_sweep

FULL = bool(os.environ.get("TEAM_RBAC_FULL_SWEEP"))
"""``make sweep``: every path with every query, not only the own and the widest one; and pairs for everybody."""

HOW = dict.fromkeys(OUTSIDERS, "pairs" if FULL else "ids")
HOW |= {"adam": "product", "nora": "product"} if FULL else {"adam": "pairs", "nora": "each"}


@pytest.fixture(scope="package", autouse=True)
def parameters_are_read_in_place() -> Iterator[None]:
    """FastAPI has a thread read each parameter of a request, which takes longer than all else that it does."""

    async def at_once(function: Any, *args: Any, **kwargs: Any) -> Any:
        return copy_context().run(function, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastapi.dependencies.utils.run_in_threadpool", at_once)
        yield


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
    """The routes that only show something: the audit log before it holds what is asked here, to sign out last."""
    found = [key for key in routes if key.startswith("GET ") or ROUTES[key] == LIST]
    return {key: routes[key] for key in sorted(found, key=lambda key: ("eventLogs" not in key, "logout" in key))}


@pytest.fixture(scope="package")
def asked(sweep, asker, listing) -> dict[str, list[tuple[Call, Answer, Answer]]]:
    """What each outsider was answered: without what is beta's alone, and with it."""
    found = {}
    for name, how in HOW.items():
        calls = [
            call for key, route in listing.items() for call in questions.calls(key, route, *_whose(sweep, name), how)
        ]
        token, answers = asker.token(sweep.people[name]), []
        for rows in (sweep.without_beta, sweep.with_beta):
            rows.put_back()
            with public_role(PUBLIC_ROLE.get(name)):
                answers.append(asker.many(token, calls))
        found[name] = list(zip(calls, *answers, strict=True))
    return found


def _whose(sweep: Sweep, name: str):
    """Whose things a person asks for: first what they may see, then what they may not."""
    if name == "opal" and not FULL:
        return sweep.alpha, []  # what adam is not shown, she is not
    return (sweep.shared if name in ("gabe", "gwen") else sweep.alpha), [sweep.beta]
