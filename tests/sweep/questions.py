"""What is asked of each GET route: every id in every guise, every filter, every order and page."""

from __future__ import annotations

import enum
import itertools
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args
from urllib.parse import quote

from fastapi.dependencies.utils import get_flat_dependant
from fastapi.routing import APIRoute

from .calls import Call
from .canaries import Plants
from .routes import LIST, ROUTES

NUMBERS = {
    "asset_id",
    "asset_alias_id",
    "backfill_id",
    "event_log_id",
    "import_error_id",
    "map_index",
    "version_number",
    "try_number",
    "task_try_number",
}
MISSING: dict[str, Any] = dict.fromkeys(NUMBERS, 987654) | {
    "dag_id": "beta__missing",
    "dag_run_id": "missing",
    "run_id": "missing",
    "task_id": "missing",
    "group_id": "missing",
    "connection_id": "beta__missing",
    "pool_name": "beta__missing",
    "variable_key": "beta__missing",
    "xcom_key": "missing",
    "key": "missing",
}
ANY = {"dag_id": "~", "dag_run_id": "~", "run_id": "~", "task_id": "~"}
ELSEWHERE = {
    "section": "core",
    "option": "executor",
    "username": "zqb_bess",
    "name": "Admin",
    "_": "x",
    "rest_of_path": "x",
}


def ids(plants: Plants, route: str) -> dict[str, Any]:
    """What the path parameters of a route are called in what a team owns."""
    values = {**ELSEWHERE, **plants.ids}
    if "/assets/{asset_id}/state-store" in route:
        values["key"] = plants.canary("asset_state_store", "key")
    if "pending_partitioned_dag_run" in route:
        values["dag_id"] = plants.name("part")
    if "hitlDetails" in route:
        values["task_id"] = f"{plants.mark}_ask"
        values["try_number"] = 0
    if "listMapped" in route or ("{map_index}" in route and "hitlDetails" not in route):
        values |= {"task_id": f"{plants.mark}_group.{plants.mark}_mapped", "map_index": 0}
    return values


def path(template: str, values: dict[str, Any], *, raw: bool = False) -> str:
    return re.sub(
        r"\{(\w+)\}", lambda match: str(values[match[1]]) if raw else quote(str(values[match[1]]), safe=""), template
    )


def parameters(template: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", template)


def paths(route: str, template: str, own: Plants, others: Iterable[Plants], *, disguised: bool = True) -> Iterator[str]:
    """Yield the paths of a route: own, foreign, mixed, missing, wildcard and in disguise."""
    names = parameters(template)
    if not names:
        yield template
        return
    mine = ids(own, route)
    gone = {**mine, **{name: value for name, value in MISSING.items() if name in names}}
    yield path(template, mine)
    yield path(template, gone)
    if ANY.keys() & set(names):
        yield path(template, {**mine, **ANY})
        yield path(template, {**mine, "dag_id": "~"})
    for other in others:
        theirs = ids(other, route)
        yield path(template, theirs)
        yield path(template, {**theirs, "dag_id": "~"})
        for name in names:
            yield path(template, {**mine, name: theirs[name]})
            yield path(template, {**theirs, name: mine[name]})
        twin = {
            **theirs,
            "dag_id": other.name("twin"),
            "dag_run_id": "same_run",
            "run_id": "same_run",
            "task_id": "same_task",
            "xcom_key": "same_key",
            "key": "same_key",
            "map_index": -1,
        }
        if "{dag_id}" in template:
            yield path(template, twin)
            yield path(template, {**twin, "dag_id": own.name("twin")})
            yield path(template, {**twin, "dag_id": "~"})
        for disguise in disguises(names, theirs) if disguised else ():
            yield path(template, {**{n: quote(str(v), safe="") for n, v in theirs.items()}, **disguise}, raw=True)


def disguises(names: list[str], values: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield other ways to write ids; they stand in the path as they are."""
    for name in names:
        value = str(values[name])
        if name in NUMBERS:
            for text in (f"{value}.0", f"%20{value}", f"%2B{value}", f"0{value}", f"{value}%20", f"{value}e0"):
                yield {name: text}
        elif name in ("dag_id", "connection_id", "pool_name", "variable_key"):
            yield {name: f"%{ord(value[0]):02x}{quote(value[1:], safe='')}"}
            yield {name: quote(value.upper(), safe="")}
            yield {name: quote(f" {value}", safe="")}
            yield {name: quote(f"{value} ", safe="")}
            yield {name: quote(f"{value}/", safe="")}


# Queries ---------------------------------------------------------------------------------------------------


def dimensions(route: APIRoute, plants: Plants) -> dict[str, list[str]]:
    """Return the query parameters of a route, each with the values that could show what the team owns."""
    found = {
        field.alias: _values(field.alias, field.field_info.annotation, field.field_info.description or "", plants)
        for field in get_flat_dependant(route.dependant).query_params
    }
    # Read by core's authorization on every route beneath Dags, whether the route knows it or not.
    found.setdefault("dag_id", [plants.ids["dag_id"], "~"])
    return found


def required(route: APIRoute, plants: Plants) -> dict[str, str]:
    """Return the query parameters without which a route answers 422."""
    return {
        field.alias: _values(field.alias, field.field_info.annotation, "", plants)[0]
        for field in get_flat_dependant(route.dependant).query_params
        if field.field_info.is_required()
    }


def _values(name: str, annotation: Any, description: str, plants: Plants) -> list[str]:
    if name == "order_by":
        supported = re.search(r"Supported attributes: `(.*)`", description)
        attributes = supported[1].split(", ") if supported else ["task_id"]
        return [f"{sign}{attribute}" for attribute in attributes for sign in ("", "-")]
    known = _known(plants)
    if name in known:
        return known[name]
    if name.endswith("prefix_pattern") or name.endswith("_prefix"):
        return [plants.prefix + plants.mark, plants.mark]
    if name.endswith(("_pattern", "_search", "_contains")) or name == "triggering_user":
        return [f"%{plants.mark}%", plants.mark]
    kinds = _kinds(annotation)
    if bool in kinds or "bool" in str(annotation) or "_optional_boolean" in str(annotation):
        return ["true", "false"]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return [str(member.value) for member in kind]
    choices = [
        choice for kind in _all(annotation) if getattr(kind, "__origin__", None) is Literal for choice in get_args(kind)
    ]
    if choices:
        return choices
    if name.endswith(("_gte", "_gt")) or name in ("after", "start_date"):
        return [f"{plants.year}-01-01T00:00:00Z"]
    if name.endswith(("_lte", "_lt")) or name in ("before", "end_date"):
        return [f"{plants.year + 1}-01-01T00:00:00Z"]
    raise LookupError(f"The sweep does not know what to ask of the query parameter {name!r}: {annotation}")


def _of_airflow_3_4(p: Plants) -> dict[str, list[str]]:
    nothing = str(uuid.UUID(int=0))
    values = {
        ("region_id", "loop_region_id", "loop_id"): [nothing],
        ("task_instance_id", "source_task_instance_id"): [nothing],
        ("region_index", "iteration"): ["-1", "0"],
        ("base_version_number", "target_version_number", "max_changes"): ["1"],
        ("dag_run_ids", "partitioned_dag_run_id", "dag_run_state_within_hours"): ["1", "2", "3"],
        ("teams",): ["beta"],
        ("uri",): [f"x://{p.name('in')}"],
        ("extra",): [f"canary={p.mark}"],
    }
    return {name: some for names, some in values.items() for name in names}


def _known(p: Plants) -> dict[str, list[str]]:
    return {
        "limit": ["1", "0"],
        "offset": ["1"],
        "cursor": [""],
        "dag_id": [p.name("dag"), p.name("part"), "~"],
        "dag_ids": [p.name("dag")],
        "source_dag_id": [p.name("dag"), "~"],
        "task_id": [p.ids["task_id"]],
        "source_task_id": [p.ids["task_id"]],
        "run_id": [p.ids["run_id"]],
        "run_ids": [p.ids["run_id"]],
        "source_run_id": [p.ids["run_id"]],
        "asset_id": [str(p.ids["asset_id"])],
        "map_index": ["0", "-1"],
        "map_index_filter": ["0", "-1"],
        "source_map_index": ["-1"],
        "try_number": ["1", "0"],
        "version_number": ["1"],
        "dag_version": ["1"],
        "depth": ["1"],
        "interval": ["1"],
        "dag_runs_limit": ["1"],
        "duration_gte": ["1"],
        "duration_gt": ["1"],
        "duration_lte": ["9999999"],
        "duration_lt": ["9999999"],
        "partition_date_gte": [f"{p.year}-01-01"],
        "partition_date_lte": [f"{p.year + 1}-01-01"],
        "partition_key": [p.canary("asset_partition_dag_run", "partition_key")],
        "tags": [p.canary("dag_tag", "name")],
        "owners": [p.canary("dag", "owners")],
        "bundle_name": [p.name("bundle")],
        "bundle_version": [p.canary("dag", "bundle_version"), p.canary("dag_run", "bundle_version")],
        "asset_dependency": [p.name("in"), p.mark],
        "timetable_type": ["airflow.timetables.assets.PartitionedAssetTimetable"],
        "state": ["success", "awaiting_input", "failed"],
        "dag_run_state": ["success", "failed"],
        "run_type": ["manual", "backfill"],
        "pool": [p.name("pool")],
        "queue": [p.canary("task", "queue"), p.canary("task_instance", "queue")],
        "executor": [p.canary("task_instance", "executor")],
        "operator": ["BashOperator"],
        "task_group_id": [f"{p.mark}_group"],
        "xcom_key": [p.canary("xcom", "key"), "return_value"],
        "result": [p.ids["task_id"], f"{p.mark}_ask"],
        "root": [p.ids["task_id"]],
        "node_id": [f"dag:{p.name('dag')}", f"asset:{p.ids['asset_id']}", f"asset:{p.name('in')}", p.name("dag")],
        "section": ["core"],
        "job_state": ["running"],
        "job_type": ["BackfillJob"],
        "hostname": [p.canary("job", "hostname")],
        "executor_class": [p.canary("job", "executor_class")],
        "filename": [f"{p.mark}_dags.py", f"{p.mark}_broken.py"],
        "owner": [p.canary("log", "owner")],
        "event": [p.canary("log", "event"), "post_connection"],
        "excluded_events": ["team_rbac.request.refuse"],
        "included_events": [p.canary("log", "event"), "post_connection"],
        "responded_by_user_id": [p.canary("hitl", "responded")],
        "responded_by_user_name": [p.canary("hitl", "responded_name")],
        "token": ["zq"],
        "next": ["/"],
        "update_mask": ["note"],
        **_of_airflow_3_4(p),
    }


def _all(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _all(inner)


def _kinds(annotation: Any) -> set[Any]:
    return {kind for kind in _all(annotation) if isinstance(kind, type)}


def one_by_one(dims: dict[str, list[str]]) -> Iterator[dict[str, str]]:
    """Every value of every dimension once."""
    for name, values in dims.items():
        for value in values:
            yield {name: value}


def pairwise(dims: dict[str, list[str]]) -> Iterator[dict[str, str]]:
    """Few combinations in which every pair of values occurs. Greedy, and always the same."""
    options = {name: [None, *values] for name, values in dims.items()}
    pairs = {
        ((a, x), (b, y))
        for a, b in itertools.combinations(options, 2)
        for x in options[a]
        for y in options[b]
        if x is not None and y is not None
    }
    todo = sorted(pairs)
    left = set(todo)
    for pair in todo:
        if pair not in left:
            continue
        chosen: dict[str, Any] = dict(pair)
        for name in options:
            if name in chosen:
                continue
            gains = {
                value: sum(tuple(sorted(((name, value), item), key=_place(options))) in left for item in chosen.items())
                for value in options[name]
                if value is not None
            }
            chosen[name] = max(gains, key=lambda value: gains[value])
        for one, two in itertools.combinations(sorted(chosen.items(), key=_place(options)), 2):
            left.discard((one, two))
        yield chosen


def _place(options: dict[str, Any]) -> Any:
    order = {name: number for number, name in enumerate(options)}
    return lambda item: order[item[0]]


def calls(key: str, route: APIRoute, own: Plants, others: list[Plants], how: str) -> list[Call]:
    """
    Return what is asked of a GET route, or of one that lists by POST.

    :param how: ``ids`` as they are; ``paths``: in disguise too; ``each`` dimension of the query once too; ``pairs`` of
        them too, for lists; or the ``product`` of every path with every value of the query, and the pairs
    """
    method, template = key.split(" ", 1)
    found: dict[Call, None] = {}

    def add(
        where: str, query: dict[str, str], body: str | None = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        found[Call(method, where, key, tuple(query.items()), body, headers)] = None

    need = [required(route, plants) for plants in (own, *others)]
    for where in paths(key, template, own, others, disguised=how != "ids"):
        for query in need if need[0] else [{}]:
            add(where, query, "{}" if method == "POST" else None)
    if key == "GET /api/v2/connections/enqueue-test":
        for plants in (own, *others):
            add(template, {}, headers=(("Airflow-Connection-Test-Token", plants.ids["connection_test_token"]),))
    if "dagSources" in key or "/logs/" in key:
        for plants in (own, *others):
            add(path(template, ids(plants, key)), {}, headers=(("accept", "text/plain"),))
    if how in ("ids", "paths"):
        return list(found)
    # Of a list the widest: what it does not hold, no narrower one does.
    wide = ROUTES[key] == LIST and ANY.keys() & set(parameters(template))
    base = path(template, {**ids(own, key), **(ANY if wide else {})})
    wheres = dict.fromkeys([base, *paths(key, template, own, others)]) if how == "product" else [base]
    for other in others:
        dims = dimensions(route, other)
        asked = list(itertools.product(wheres, one_by_one(dims)))
        if how != "each" and ROUTES[key] == LIST:
            asked += itertools.product([base], pairwise(dims))
        for where, query in asked:
            add(where, {**need[0], **query}, "{}" if method == "POST" else None)
    if method == "POST":
        for body in posted_lists(others):
            add(base, {}, json.dumps(body))
    if method == "GET":  # C4: core may authorize what a body names
        add(base, {**need[-1], "dag_id": others[0].ids["dag_id"]}, json.dumps({"dag_id": own.ids["dag_id"]}))
    return list(found)


def posted_lists(others: list[Plants]) -> Iterator[dict[str, Any]]:
    """Yield bodies of the two routes that list by POST."""
    for p in others:
        yield {"dag_ids": [p.ids["dag_id"]]}
        yield {"dag_run_ids": [p.ids["dag_run_id"]]}
        yield {"task_ids": [p.ids["task_id"]]}
        yield {"state": ["success"]}
        yield {"states": ["success"]}
        yield {"pool": [p.ids["pool_name"]]}
        yield {"queue": [p.canary("task_instance", "queue")]}
        yield {"executor": [p.canary("task_instance", "executor")]}
        yield {"order_by": "-dag_id"}
        yield {"order_by": "-run_id"}
        yield {"page_limit": 1}
        yield {"page_offset": 1}
        yield {"conf_contains": p.mark}
        for when in ("run_after", "logical_date", "start_date", "end_date"):
            yield {f"{when}_gte": f"{p.year}-01-01T00:00:00Z", f"{when}_lte": f"{p.year + 1}-01-01T00:00:00Z"}
