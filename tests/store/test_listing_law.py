"""The law of lists, for random policies, people and ids: the database's answer is what single questions allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from airflow.models.asset import AssetAliasModel, AssetModel
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.settings import get_engine
from airflow_team_rbac.auth_manager.policy import evaluate
from airflow_team_rbac.auth_manager.policy.evaluate import Evaluator, Principal, Resource
from airflow_team_rbac.auth_manager.policy.model import Action, Kind, Policy
from airflow_team_rbac.auth_manager.store.listing import ALIASES, ASSETS, DAGS, Listed, Reach
from hypothesis import HealthCheck, given, settings
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ..policy.reference import permitted
from ..policy.roles import asks, find_role
from ..policy.worlds import HOWS, World, words, worlds

LISTS = (
    (DAGS, Action.READ),
    (DAGS, Action.EDIT),
    (DAGS, None),
    (ASSETS, Action.READ),
    (ASSETS, Action.TRIGGER),
    (ALIASES, Action.READ),
)
NUMBERS = dict.fromkeys(("max_active_tasks", "max_active_runs", "max_consecutive_failed_dag_runs"), 1)
A_DAG = NUMBERS | {"bundle_name": "tests", "has_task_concurrency_limits": False}
NAMES = ("zzz", "Straße__a", "ﬁn-a", "ﬁnance__a", "tab\tsales__", " sales__a", "a'b", "100%", "", "Ünowned", "gone__a")


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    evaluate.log.disabled = True
    yield
    evaluate.log.disabled = False


@contextmanager
def stored(policy: Policy, chance: Random) -> Iterator[Session]:
    """Write Dags, assets and aliases with names that the teams own, or nearly own; nothing of it stays."""
    known = [name for name in words(policy.teams) if "*" not in name]
    names = sorted({*NAMES, *known, *(how(name) for name in chance.sample(known, min(9, len(known))) for how in HOWS)})
    starts = [uri for team in policy.teams for uri in team.asset_uris]
    uris = ["x://nobody", "file:///ſkis/a", *(how(f"{uri}a") for uri in starts for how in (str, *HOWS))]
    with get_engine().connect() as connection, Session(connection) as session:
        session.add(DagBundleModel(name="tests"))
        session.flush()
        session.execute(insert(DagModel), [{"dag_id": name} | A_DAG for name in names])
        session.execute(
            insert(AssetModel), [{"name": name, "uri": chance.choice(uris), "group": "", "extra": {}} for name in names]
        )
        session.execute(insert(AssetAliasModel), [{"name": name, "group": ""} for name in names])
        yield session
        session.rollback()


def listed_ids(reach: Reach, listed: Listed, session: Session) -> set[Any]:
    if listed is DAGS:
        ids: Any = reach.dag_ids(native=False)
        return set(session.scalars(ids.__clause_element__()))
    return set(session.scalars(select(listed.key).where(reach.rows(listed))))


def single_ids(
    evaluator: Evaluator, principal: Principal, listed: Listed, action: Action | None, session: Session
) -> set[Any]:
    columns = [listed.key, listed.name] if listed.uri is None else [listed.key, listed.name, listed.uri]
    found = set()
    for key, name, *uri in session.execute(select(*columns)):
        resource = Resource(listed.kind, name, evaluator.ownership.owner(listed.kind, name, None, *uri))
        if evaluator.decide(principal, resource, action, asks(resource, action)):
            found.add(key)
    return found


def test_a_list_is_what_single_questions_allow(world):
    seen: Counter[tuple[Kind, str]] = Counter()

    @settings(
        max_examples=60,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(worlds)
    def law(drawn: World) -> None:
        evaluator = Evaluator(drawn.policy)
        with stored(drawn.policy, Random(drawn.seed)) as session:
            for person in drawn.people:
                principal = evaluator.principal(person, find_role, drawn.now)
                for listed, action in LISTS:

                    def permits(standing: Any, name: str, kind: Kind = listed.kind, action: Any = action) -> bool:
                        return permitted(standing.perms, kind, action, name)

                    expected = single_ids(evaluator, principal, listed, action, session)
                    for _ in range(2):  # the second time it is remembered
                        reach = Reach(evaluator, principal, action, permits, str(action), session)
                        assert listed_ids(reach, listed, session) == expected, (person, listed.kind, action)
                    total = len(session.scalars(select(listed.key)).all())
                    size = "none" if not expected else "all" if len(expected) == total else "some"
                    seen[listed.kind, size] += 1

    law()
    assert all(seen[kind, size] > 20 for kind in (Kind.DAG, Kind.ASSET, Kind.ALIAS) for size in ("none", "some", "all"))
