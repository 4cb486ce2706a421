"""An existing FAB deployment that changes one line of ``airflow.cfg`` answers as before, also when it goes back."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from sqlalchemy import inspect

from tests.store.deployments import FAB, Deployment, Deployments

from .score import INTENDED, PEOPLE, READS, WRITES, Intended

PLAY = "tests.coexist.play"
OF_FAB = ("ab_user", "ab_role", "ab_user_role", "ab_permission", "ab_view_menu", "ab_permission_view")

STRANGERS = ("anonymous", "a stranger")

Answers = dict[str, list]


@dataclass
class Played:
    """What came of the score under FAB and under teams."""

    people: list[str]
    stock: Deployment
    ours: Deployment
    stock_answers: Answers
    our_answers: Answers


@pytest.fixture(scope="module")
def played(deployments: Deployments, existing: Deployment, changed: Deployment) -> Played:
    # What the engine has to do with it, some people show as well as all.
    people = list(PEOPLE) if existing.engine.name == "sqlite" else ["admin", "viewer", "analyst", "watcher", "nobody"]
    stock, ours = deployments.copy(existing), deployments.copy(changed)
    return Played(people, stock, ours, *play(stock, ours, people, "--write"))


def play(one: Deployment, other: Deployment, people: list[str], *arguments: str) -> list[Answers]:
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda deployment: deployment.script(PLAY, ",".join(people), *arguments), (one, other)))


def differences(one: Answers, other: Answers) -> dict[str, tuple]:
    assert one.keys() == other.keys()
    return {call: (one[call], other[call]) for call in one if one[call] != other[call]}


def is_expected(call: str, stock: list, ours: list) -> bool:
    return any(is_intended(call, stock, ours, intended) for intended in INTENDED)


def is_intended(call: str, stock: list, ours: list, intended: Intended) -> bool:
    who, what = call.split(": ", 1)
    return (
        who not in STRANGERS
        and re.fullmatch(intended.calls, re.sub(r" \(write \d+\)$", "", what)) is not None
        and (stock[0], ours[0]) == (intended.stock, intended.ours)
        and re.fullmatch(intended.says, ours[1]) is not None
    )


def test_the_score_is_played(played: Played):
    assert len(played.stock_answers) > (len(played.people) + 1) * (len(READS) + len(WRITES))
    assert {status for status, _ in played.stock_answers.values()} == {200, 201, 204, 302, 401, 403, 404, 422}


def test_the_answers_are_the_same(played: Played):
    unintended = {
        call: answers
        for call, answers in differences(played.stock_answers, played.our_answers).items()
        if not is_expected(call, *answers)
    }
    assert unintended == {}


@pytest.mark.parametrize("intended", INTENDED, ids=lambda intended: intended.calls)
def test_what_is_intended_happens(played: Played, intended: Intended):
    """A difference that is not there any more must not be allowed any longer."""
    found = differences(played.stock_answers, played.our_answers)
    assert any(is_intended(call, *answers, intended) for call, answers in found.items())


def test_fab_has_the_same_rows(played: Played):
    """The same writes leave the same users, roles and permissions."""
    for table in OF_FAB:
        columns = [column["name"] for column in inspect(played.stock.engine).get_columns(table)]
        kept = [name for name in columns if name not in ("id", "last_login", "created_on", "changed_on", "password")]
        question = f"SELECT {', '.join(kept)} FROM {table}"
        stock, ours = (sorted(map(str, deployment.rows(question))) for deployment in (played.stock, played.ours))
        assert stock == ours, table
        assert stock, table


def test_going_back_is_as_if_never_left(played: Played):
    never_left, went_back = play(played.stock, played.ours.using(FAB), ["viewer", "analyst"])
    assert differences(never_left, went_back) == {}
