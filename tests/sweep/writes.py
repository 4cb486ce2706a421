"""What is asked of each route that changes something: foreign ids in its path, body and query, alone and mixed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

from .calls import Call
from .canaries import Plants
from .questions import ANY, disguises, ids, parameters, path, quote

Body = Any
Bodies = Callable[[Plants, Plants], Iterator[Body]]
"""Given whose thing the path names and whose the body shall name, yields bodies."""

_RUN = "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}"
_TASK = f"{_RUN}/taskInstances/{{task_id}}"


def _same(body: Body) -> Bodies:
    return lambda own, other: iter([body])


def _bulk(make: Callable[[Plants, str], dict[str, Any]], name: Callable[[Plants, str], Any]) -> Bodies:
    """Bulk bodies that create, update and delete what the other owns, alone and after something of one's own."""

    def bodies(own: Plants, other: Plants) -> Iterator[Body]:
        yield {"actions": []}
        for entities in ([(other, "")], [(own, ""), (other, "")], [(other, "new")], [(own, "new"), (other, "new")]):
            made = [make(plants, suffix) for plants, suffix in entities]
            for existing in ("fail", "skip", "overwrite"):
                yield {"actions": [{"action": "create", "entities": made, "action_on_existence": existing}]}
            for missing in ("fail", "skip"):
                yield {"actions": [{"action": "update", "entities": made, "action_on_non_existence": missing}]}
                named = [name(plants, suffix) for plants, suffix in entities]
                yield {"actions": [{"action": "delete", "entities": named, "action_on_non_existence": missing}]}
            yield {
                "actions": [
                    {"action": "create", "entities": [make(own, "more")], "action_on_existence": "skip"},
                    {"action": "delete", "entities": [name(other, "")]},
                ]
            }

    return bodies


def _connection(p: Plants, suffix: str = "") -> dict[str, Any]:
    return {"connection_id": p.name("conn") + suffix, "conn_type": "http", "host": "changed.example.com"}


def _variable(p: Plants, suffix: str = "") -> dict[str, Any]:
    return {"key": p.name("var") + suffix, "value": "changed"}


def _pool(p: Plants, suffix: str = "") -> dict[str, Any]:
    return {"name": p.name("pool") + suffix, "slots": 7, "include_deferred": False}


def _each_name(make: Callable[[Plants, str], dict[str, Any]], field: str) -> Bodies:
    """A body that names what exists and what does not, in every guise."""

    def bodies(own: Plants, other: Plants) -> Iterator[Body]:
        for suffix in ("", "new"):
            body = make(other, suffix)
            yield body
            yield {**body, field: body[field].upper()}
            yield {**body, field: body[field].capitalize()}
        yield {**make(own, "new"), "dag_id": other.ids["dag_id"]}

    return bodies


def _run_entity(p: Plants, suffix: str = "") -> dict[str, Any]:
    return {"dag_id": p.ids["dag_id"], "dag_run_id": p.ids["dag_run_id"], "state": "failed", "note": "changed"}


def _task_entity(p: Plants, suffix: str = "") -> dict[str, Any]:
    return {
        "dag_id": p.ids["dag_id"],
        "dag_run_id": p.ids["dag_run_id"],
        "task_id": p.ids["task_id"],
        "new_state": "failed",
        "note": "changed",
    }


def _dag_run_bulk(own: Plants, other: Plants) -> Iterator[Body]:
    yield from _bulk(_run_entity, _run_entity)(own, other)
    without_dag = {key: value for key, value in _run_entity(other).items() if key != "dag_id"}
    yield {"actions": [{"action": "update", "entities": [without_dag]}]}
    yield {"actions": [{"action": "delete", "entities": [without_dag["dag_run_id"]]}]}
    yield {"actions": [{"action": "update", "entities": [{**_run_entity(other), "dag_id": "~"}]}]}


def _task_bulk(own: Plants, other: Plants) -> Iterator[Body]:
    yield from _bulk(_task_entity, _task_entity)(own, other)
    for left_out in ("dag_id", "dag_run_id"):
        entity = {key: value for key, value in _task_entity(other).items() if key != left_out}
        yield {"actions": [{"action": "update", "entities": [entity]}]}
        yield {"actions": [{"action": "delete", "entities": [entity]}]}
    yield {"actions": [{"action": "update", "entities": [{**_task_entity(other), "dag_id": "~"}]}]}
    yield {"actions": [{"action": "delete", "entities": [{**_task_entity(other), "dag_id": "~", "dag_run_id": "~"}]}]}


def _backfills(own: Plants, other: Plants) -> Iterator[Body]:
    for plants in (other, own):
        yield {
            "dag_id": plants.name("cron"),
            "from_date": "2020-01-01T00:00:00Z",
            "to_date": "2020-01-02T00:00:00Z",
            "max_active_runs": 1,
        }
    yield {"dag_id": [other.name("cron")], "from_date": "2020-01-01T00:00:00Z", "to_date": "2020-01-02T00:00:00Z"}


def _asset_events(own: Plants, other: Plants) -> Iterator[Body]:
    number = other.ids["asset_id"]
    for asset_id in (number, float(number), str(number), f" {number}", f"{number}.0", f"0{number}"):
        yield {"asset_id": asset_id, "extra": {}}
    yield {"asset_id": own.ids["asset_id"], "extra": {}, "dag_id": other.ids["dag_id"]}
    yield {"asset_id": own.ids["asset_id"], "extra": {"from_rest_api": False}, "partition_key": "x"}


def _clear_tasks(own: Plants, other: Plants) -> Iterator[Body]:
    for dry_run in (False, True):
        for run in (other.ids["dag_run_id"], own.ids["dag_run_id"], None):
            for tasks in ([other.ids["task_id"]], None):
                yield {
                    "dry_run": dry_run,
                    "dag_run_id": run,
                    "task_ids": tasks,
                    "only_failed": False,
                    "reset_dag_runs": True,
                    "include_downstream": True,
                    "include_past": True,
                    "include_future": True,
                }


def _clear_runs(own: Plants, other: Plants) -> Iterator[Body]:
    for dry_run in (False, True):
        for dag_id in (other.ids["dag_id"], "~"):
            yield {"dry_run": dry_run, "dag_runs": [{"dag_id": dag_id, "dag_run_id": other.ids["dag_run_id"]}]}
        yield {"dry_run": dry_run, "dag_runs": [{"dag_run_id": other.ids["dag_run_id"]}]}
        yield {
            "dry_run": dry_run,
            "dag_runs": [
                {"dag_id": own.ids["dag_id"], "dag_run_id": own.ids["dag_run_id"]},
                {"dag_id": other.ids["dag_id"], "dag_run_id": other.ids["dag_run_id"]},
            ],
        }
        yield {"dry_run": dry_run, "partition_key": other.canary("dag_run", "partition_key")}


def _clear_partitions(own: Plants, other: Plants) -> Iterator[Body]:
    for dry_run in (False, True):
        yield {"dry_run": dry_run, "run_id": other.ids["run_id"], "clear_task_instances": True}
        yield {"dry_run": dry_run, "partition_key": other.canary("dag_run", "partition_key")}


def _patch_task(own: Plants, other: Plants) -> Iterator[Body]:
    yield {
        "new_state": "failed",
        "note": "changed",
        "include_upstream": True,
        "include_downstream": True,
        "include_past": True,
        "include_future": True,
    }
    yield {"new_state": "success", "dag_id": other.ids["dag_id"]}


BODIES: dict[str, Bodies] = {
    "POST /ui/auth/token": _same(None),
    "POST /team-rbac/api/active-team": _same({"team": "beta"}),
    "POST /api/v2/assets/events": _asset_events,
    "POST /api/v2/assets/{asset_id}/materialize": _same({}),
    "DELETE /api/v2/assets/{asset_id}/queuedEvents": _same(None),
    "DELETE /api/v2/dags/{dag_id}/assets/queuedEvents": _same(None),
    "DELETE /api/v2/dags/{dag_id}/assets/{asset_id}/queuedEvents": _same(None),
    "PUT /api/v2/assets/{asset_id}/state-store/{key}": _same({"value": "changed"}),
    "DELETE /api/v2/assets/{asset_id}/state-store/{key}": _same(None),
    "DELETE /api/v2/assets/{asset_id}/state-store": _same(None),
    "PUT /api/v2/backfills/{backfill_id}/pause": lambda own, other: iter([None, {"dag_id": own.ids["dag_id"]}]),
    "PUT /api/v2/backfills/{backfill_id}/unpause": lambda own, other: iter([None, {"dag_id": own.ids["dag_id"]}]),
    "PUT /api/v2/backfills/{backfill_id}/cancel": lambda own, other: iter([None, {"dag_id": own.ids["dag_id"]}]),
    "POST /api/v2/backfills": _backfills,
    "POST /api/v2/backfills/dry_run": _backfills,
    "DELETE /api/v2/connections/{connection_id}": _same(None),
    "POST /api/v2/connections": _each_name(_connection, "connection_id"),
    "PATCH /api/v2/connections": _bulk(_connection, lambda p, suffix: p.name("conn") + suffix),
    "PATCH /api/v2/connections/{connection_id}": _each_name(_connection, "connection_id"),
    "POST /api/v2/connections/test": _each_name(_connection, "connection_id"),
    "POST /api/v2/connections/enqueue-test": lambda own, other: (
        {**body, **extra}
        for body in _each_name(_connection, "connection_id")(own, other)
        for extra in ({}, {"commit_on_success": True}, {"queue": "beta"}, {"executor": "beta"})
    ),
    "POST /api/v2/connections/defaults": _same(None),
    "DELETE /api/v2/pools/{pool_name}": _same(None),
    "PATCH /api/v2/pools/{pool_name}": lambda own, other: iter(
        [
            {"slots": 7, "include_deferred": True, "pool": pool}
            for pool in (other.name("pool"), other.name("poolnew"), "", own.name("pool"))
        ]
        + [{"slots": 7, "pool": own.name("pool"), "dag_id": other.ids["dag_id"]}]
    ),
    "POST /api/v2/pools": _each_name(_pool, "name"),
    "PATCH /api/v2/pools": _bulk(_pool, lambda p, suffix: p.name("pool") + suffix),
    "DELETE /api/v2/variables/{variable_key}": _same(None),
    "PATCH /api/v2/variables/{variable_key}": _each_name(_variable, "key"),
    "POST /api/v2/variables": _each_name(_variable, "key"),
    "PATCH /api/v2/variables": _bulk(_variable, lambda p, suffix: p.name("var") + suffix),
    "PATCH /api/v2/dags/{dag_id}": lambda own, other: iter(
        [{"is_paused": False}, {"is_paused": False, "dag_id": other.ids["dag_id"]}]
    ),
    "PATCH /api/v2/dags": _same({"is_paused": False}),
    "POST /api/v2/dags/{dag_id}/favorite": lambda own, other: iter([None, {"dag_id": other.ids["dag_id"]}]),
    "POST /api/v2/dags/{dag_id}/unfavorite": _same(None),
    "DELETE /api/v2/dags/{dag_id}": _same(None),
    "PUT /api/v2/parseDagFile/{file_token}": _same(None),
    f"DELETE {_RUN}": _same(None),
    f"PATCH {_RUN}": lambda own, other: iter(
        [{"state": "failed", "note": "changed"}, {"note": "changed", "dag_id": other.ids["dag_id"]}]
    ),
    "PATCH /api/v2/dags/{dag_id}/dagRuns": _dag_run_bulk,
    f"POST {_RUN}/clear": lambda own, other: iter([{"dry_run": False}, {"dry_run": True}]),
    "POST /api/v2/dags/{dag_id}/dagRuns": lambda own, other: iter(
        [
            {"logical_date": None, "dag_run_id": "planted"},
            {"logical_date": None, "dag_run_id": other.ids["dag_run_id"]},
            {"logical_date": None, "dag_id": other.ids["dag_id"], "task_id": other.ids["task_id"]},
        ]
    ),
    "POST /api/v2/dags/{dag_id}/clearDagRuns": _clear_runs,
    "POST /api/v2/dags/{dag_id}/clearPartitions": _clear_partitions,
    "POST /api/v2/dags/{dag_id}/clearTaskInstances": _clear_tasks,
    f"PATCH {_RUN}/taskGroupInstances/{{group_id}}": _patch_task,
    f"PATCH {_RUN}/taskGroupInstances/{{group_id}}/dry_run": _patch_task,
    f"PATCH {_TASK}/{{map_index}}/dry_run": _patch_task,
    f"PATCH {_TASK}/dry_run": _patch_task,
    f"PATCH {_RUN}/taskInstances": _task_bulk,
    f"PATCH {_TASK}/{{map_index}}": _patch_task,
    f"PATCH {_TASK}": _patch_task,
    f"DELETE {_TASK}": _same(None),
    f"PUT {_TASK}/state-store/{{key}}": _same({"value": "changed"}),
    f"PATCH {_TASK}/state-store/{{key}}": _same({"value": "changed"}),
    f"DELETE {_TASK}/state-store/{{key}}": _same(None),
    f"DELETE {_TASK}/state-store": _same(None),
    f"POST {_TASK}/xcomEntries": lambda own, other: iter(
        [{"key": "planted", "value": 1}, {"key": other.ids["xcom_key"], "value": 1, "dag_id": other.ids["dag_id"]}]
    ),
    f"PATCH {_TASK}/xcomEntries/{{xcom_key}}": _same({"value": "changed"}),
    f"DELETE {_TASK}/xcomEntries/{{xcom_key}}": _same(None),
    f"PATCH {_TASK}/{{map_index}}/hitlDetails": lambda own, other: iter(
        [{"chosen_options": [other.canary("hitl", "options")]}, {"chosen_options": [own.canary("hitl", "options")]}]
    ),
    "POST /auth/token": _same({"username": "zqb_bess", "password": "guessed"}),
    "POST /auth/token/cli": _same({"username": "zqb_bess", "password": "guessed"}),
    "POST /auth/fab/v1/roles": _same({"name": "planted", "actions": []}),
    "DELETE /auth/fab/v1/roles/{name}": _same(None),
    "PATCH /auth/fab/v1/roles/{name}": _same({"name": "planted", "actions": []}),
    "POST /auth/fab/v1/users": _same(
        {
            "username": "planted",
            "email": "p@example.com",
            "first_name": "p",
            "last_name": "p",
            "password": "p",
            "roles": [{"name": "Admin"}],
        }
    ),
    "PATCH /auth/fab/v1/users/{username}": _same({"roles": [{"name": "Admin"}]}),
    "DELETE /auth/fab/v1/users/{username}": _same(None),
}


def calls(key: str, own: Plants, other: Plants) -> list[Call]:
    """Return what is asked of a route that changes something, with nothing of it being the caller's to do to beta."""
    method, template = key.split(" ", 1)
    names = parameters(template)
    found: dict[Call, None] = {}

    def add(where: str, body: Body, query: tuple[tuple[str, str], ...] = ()) -> None:
        found[Call(method, where, key, query, None if body is None else json.dumps(body))] = None

    mine, theirs = ids(own, key), ids(other, key)
    if not names:
        wheres = [template]
    else:
        wheres = [path(template, theirs), path(template, mine)]
        wheres += [path(template, {**mine, name: theirs[name]}) for name in names]
        wheres += [path(template, {**theirs, name: mine[name]}) for name in names]
        if ANY.keys() & set(names):
            wheres += [path(template, {**theirs, "dag_id": "~"}), path(template, {**theirs, **ANY})]
    bodies = list(BODIES[key](own, other))
    first = bodies[0]
    for where, body in itertools.product(dict.fromkeys(wheres), bodies):
        add(where, body)
    quoted = {name: quote(str(value), safe="") for name, value in theirs.items()}
    for guise, body in itertools.product(disguises(names, theirs), bodies[:2]):
        add(path(template, {**quoted, **guise}, raw=True), body)
    for where in wheres[:2]:
        # core's authorization reads dag_id from the query; its audit log reads it from there and from the body
        for dag_id in (own.ids["dag_id"], other.ids["dag_id"], "~"):
            add(where, first, (("dag_id", dag_id),))
        add(where, first, (("dag_id", own.ids["dag_id"]), ("dag_id", other.ids["dag_id"])))
        if isinstance(first, dict):
            for forged in (other.ids["dag_id"], own.ids["dag_id"], other.ids["dag_id"].upper()):
                add(where, {**first, "dag_id": forged, "task_id": other.ids["task_id"], "run_id": other.ids["run_id"]})
        else:
            add(where, {"dag_id": other.ids["dag_id"]})
    if key == "PATCH /api/v2/dags":
        for query in (
            {"dag_id_pattern": "%zqb%"},
            {"tags": other.canary("dag_tag", "name")},
            {"limit": "1000"},
            {"dag_id_pattern": "~"},
            {"owners": other.canary("dag", "owners")},
        ):
            add(template, {"is_paused": False}, tuple(query.items()))
    return list(found)
