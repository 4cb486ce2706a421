"""What is asked of Airflow under both auth managers: by whom, and with what answer the two may differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# People of an existing FAB deployment, and their roles.
PEOPLE: dict[str, tuple[str, ...]] = {
    "admin": ("Admin",),
    "op": ("Op",),
    "user": ("User",),
    "viewer": ("Viewer",),
    "public": ("Public",),
    "analyst": ("Analyst",),  # a role of its own, with more in single Dags
    "watcher": ("Watcher",),  # a role that may do nothing but what single Dags say
    "both": ("Viewer", "Analyst"),
    "nobody": (),
    "disabled": ("Admin",),
}

ROLES: dict[str, list[tuple[str, str]]] = {
    "Analyst": [
        ("can_read", "Website"),
        ("can_read", "DAG Runs"),
        ("can_read", "Task Instances"),
        ("can_read", "Connections"),
        ("menu_access", "DAGs"),
        ("menu_access", "Connections"),
    ],
    "Watcher": [],
}

# Dags and their access_control.
DAGS: dict[str, dict[str, Any] | None] = {
    "etl": None,
    "report": {"Analyst": {"DAGs": {"can_read", "can_edit"}, "DAG Runs": {"can_create"}}},
    "audit": {"Watcher": {"can_read"}, "Analyst": {"can_read"}},
    "team__like": None,
}

CONSUMER = "consumer"
"""A Dag that runs when the asset ``orders`` has news. The Analyst may read it, and not the asset."""

_OF_A_DAG = (
    "/dags/{dag}",
    "/dags/{dag}/details",
    "/dags/{dag}/tasks",
    "/dags/{dag}/dagRuns",
    "/dags/{dag}/dagRuns/first",
    "/dags/{dag}/dagRuns/first/taskInstances",
    "/dags/{dag}/dagRuns/first/taskInstances/task",
    "/dags/{dag}/dagRuns/first/taskInstances/task/xcomEntries",
    "/dagSources/{dag}",
    "/ui/grid/runs/{dag}",
)

_OF_A_DAG_TOO = (
    "/dags/{dag}/tasks/task",
    "/dags/{dag}/dagRuns/first/upstreamAssetEvents",
    "/dags/{dag}/dagRuns/first/hitlDetails",
    "/dags/{dag}/dagRuns/first/taskInstances/task/dependencies",
    "/dags/{dag}/dagRuns/first/taskInstances/task/tries",
    "/dags/{dag}/dagRuns/first/taskInstances/task/links",
    "/dags/{dag}/dagRuns/first/taskInstances/task/xcomEntries/count",
    "/dags/{dag}/dagRuns/first/taskInstances/task/logs/1",
    "/dags/{dag}/dagVersions",
    "/dags/{dag}/dagVersions/1",
    "/dags/{dag}/assets/queuedEvents",
    "/backfills?dag_id={dag}",
    "/dagStats?dag_ids={dag}",
    "/dagWarnings?dag_id={dag}",
    "/eventLogs?dag_id={dag}",
    "/ui/dags/{dag}/latest_run",
    "/ui/dags/{dag}/deadlineAlerts",
    "/ui/grid/structure/{dag}",
    "/ui/grid/ti_summaries/{dag}?run_ids=first",
    "/ui/gantt/{dag}/first",
    "/ui/calendar/{dag}",
    "/ui/structure/structure_data?dag_id={dag}",
    "/ui/next_run_assets/{dag}",
)

READS: tuple[str, ...] = (
    "/dags",
    "/dags?limit=2&order_by=-dag_id",
    "/dags?dag_id_pattern=t",
    "/dags/~/dagRuns",
    "/dags/~/dagRuns/~/taskInstances",
    "/dags/~/dagRuns/~/taskInstances/~/xcomEntries",
    "/dags/~/dagRuns/~/hitlDetails",
    "/dags/~/dagVersions",
    *(path.format(dag=dag) for dag in ("etl", "report", "audit", "no_such_dag") for path in _OF_A_DAG),
    *(path.format(dag=dag) for dag in ("report", "consumer") for path in _OF_A_DAG_TOO),
    "/dagStats",
    "/dagTags",
    "/dagWarnings",
    "/eventLogs",
    "/eventLogs/1",
    "/importErrors",
    "/importErrors/1",
    "/jobs",
    "/assets",
    "/assets/1",
    "/assets/99",
    "/assets/aliases",
    "/assets/aliases/1",
    "/assets/events",
    "/assets/1/queuedEvents",
    "/backfills",
    "/connections",
    "/connections/shared",
    "/connections/no_such_connection",
    "/variables",
    "/variables/limit",
    "/variables/no_such_variable",
    "/pools",
    "/pools/default_pool",
    "/pools/spare",
    "/config",
    "/config?section=core",
    "/plugins",
    "/plugins/importErrors",
    "/providers",
    "/monitor/health",
    "/version",
    "/ui/dags",
    "/ui/dags?dag_ids=etl",
    "/ui/config",
    "/ui/connections/hook_meta",
    "/ui/dependencies",
    "/ui/dashboard/dag_stats",
    "/ui/dashboard/historical_metrics_data?start_date=2026-01-01T00:00:00Z",
    "/ui/backfills",
    "/ui/partitioned_dag_runs",
    "/ui/teams",
    "/ui/auth/menus",
    "/ui/auth/me",
    "/auth/fab/v1/users",
    "/auth/fab/v1/users/op",
    "/auth/fab/v1/roles",
    "/auth/fab/v1/roles/Analyst",
    "/auth/fab/v1/permissions",
)

# Pages of FAB, asked for with the session of somebody who signed in with a password.
PAGES: tuple[str, ...] = (
    "/auth/users/userinfo/",
    "/auth/users/list/",
    "/auth/users/add",
    "/auth/roles/list/",
    "/auth/actions/list/",
    "/auth/resources/list/",
    "/auth/permissions/list/",
    "/auth/users/userstatistics/chart/",
    "/auth/resetmypassword/form",
)

_RUN = {"logical_date": None}

# {me} is who asks.
WRITES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/dags/~/dagRuns/list", {}),
    ("POST", "/dags/~/dagRuns/~/taskInstances/list", {}),
    ("POST", "/ui/auth/token", {"token_type": "api"}),
    *(
        (method, path.format(dag=dag, me="{me}"), body)
        for dag in ("etl", "report", "audit")
        for method, path, body in (
            ("PATCH", "/dags/{dag}", {"is_paused": True}),
            ("POST", "/dags/{dag}/favorite", None),
            ("POST", "/dags/{dag}/dagRuns", _RUN | {"dag_run_id": "by_{me}"}),
            ("PATCH", "/dags/{dag}/dagRuns/first", {"note": "by {me}"}),
            ("PATCH", "/dags/{dag}/dagRuns/first/taskInstances/task", {"note": "by {me}"}),
            ("POST", "/dags/{dag}/dagRuns/first/clear", {"dry_run": True}),
            ("POST", "/dags/{dag}/clearTaskInstances", {"dry_run": True}),
            (
                "POST",
                "/dags/{dag}/dagRuns/first/taskInstances/task/xcomEntries",
                {"key": "by_{me}", "value": "1"},
            ),
            ("DELETE", "/dags/{dag}/dagRuns/by_{me}", None),
            (
                "POST",
                "/backfills/dry_run",
                {"dag_id": "{dag}", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z"},
            ),
        )
    ),
    ("PATCH", "/dags?dag_id_pattern=e", {"is_paused": False}),
    ("DELETE", "/dags/no_such_dag", None),
    ("POST", "/connections", {"connection_id": "new_{me}", "conn_type": "http"}),
    ("PATCH", "/connections/new_{me}", {"connection_id": "new_{me}", "conn_type": "ftp"}),
    ("PATCH", "/connections/old_{me}", {"connection_id": "old_{me}", "conn_type": "ftp"}),
    ("DELETE", "/connections/old_{me}", None),
    (
        "PATCH",
        "/connections",
        {"actions": [{"action": "create", "entities": [{"connection_id": "bulk_{me}", "conn_type": "http"}]}]},
    ),
    ("POST", "/connections/test", {"connection_id": "shared", "conn_type": "http"}),
    ("POST", "/variables", {"key": "new_{me}", "value": "1"}),
    ("PATCH", "/variables/old_{me}", {"key": "old_{me}", "value": "2"}),
    ("DELETE", "/variables/old_{me}", None),
    ("PATCH", "/variables", {"actions": [{"action": "create", "entities": [{"key": "bulk_{me}", "value": "1"}]}]}),
    ("PATCH", "/variables", {"actions": [{"action": "delete", "entities": ["bulk_{me}"]}]}),
    ("POST", "/pools", {"name": "new_{me}", "slots": 1}),
    ("PATCH", "/pools/old_{me}", {"pool": "old_{me}", "slots": 2, "include_deferred": False}),
    ("DELETE", "/pools/old_{me}", None),
    ("PATCH", "/pools", {"actions": [{"action": "create", "entities": [{"name": "bulk_{me}", "slots": 1}]}]}),
    ("POST", "/assets/events", {"asset_id": 1}),
    ("POST", "/assets/1/materialize", None),
    ("GET", "/dags/consumer/assets/queuedEvents", None),
    ("DELETE", "/assets/1/queuedEvents", None),
    ("POST", "/auth/fab/v1/roles", {"name": "by_{me}", "actions": []}),
    (
        "POST",
        "/auth/fab/v1/users",
        {
            "username": "by_{me}",
            "email": "by_{me}@example.com",
            "first_name": "B",
            "last_name": "Y",
            "password": "secret",
            "roles": [{"name": "Viewer"}],
        },
    ),
    ("DELETE", "/auth/fab/v1/users/by_{me}", None),
    ("GET", "/dags/~/dagRuns?order_by=id", None),
    ("GET", "/connections", None),
    ("GET", "/variables", None),
    ("GET", "/pools", None),
)


@dataclass(frozen=True)
class Intended:
    """A difference that is meant."""

    reason: str
    """With the sentence of the design that says so."""
    calls: str
    """A regular expression that matches the whole of a call, people aside."""
    stock: int
    """FAB's status."""
    ours: int
    says: str = ".*"
    """A regular expression that matches the whole of our answer, times and the like taken out."""


INTENDED = (
    Intended(
        reason="Every signed-in person may ask for lists of Dags and what is beneath them; the answer may be empty.",
        calls=(
            r"GET /(dags(\?.*)?|dagStats(\?.*)?|dagTags|dagWarnings)"
            r"|GET /dags/~/(dagRuns(/~/(taskInstances(/~/xcomEntries)?|hitlDetails))?|dagVersions)(\?.*)?"
            r"|GET /ui/(dags(\?.*)?|dependencies|dashboard/.*|backfills|partitioned_dag_runs)"
            r"|POST /dags/~/dagRuns/(list|~/taskInstances/list)"
        ),
        stock=403,
        ours=200,
        says=r"[^\[]*(\[\][^\[]*)*",  # no list with anything in it
    ),
    Intended(
        reason="The same for assets.",
        calls=r"GET /assets(/aliases|/events)?",
        stock=403,
        ours=200,
        says=r'\{"\w+":\[\],"total_entries":0\}',
    ),
    Intended(
        reason="The same: they may ask, and then the question lacks its dag_id.",
        calls=r"GET /backfills",
        stock=403,
        ours=422,
    ),
    Intended(
        reason="default_pool can always be read and used.",
        calls=r"GET /pools/default_pool",
        stock=403,
        ours=200,
        says=r'\{"name":"default_pool",.*',
    ),
    Intended(
        reason="The same in the list of pools.",
        calls=r"GET /pools",
        stock=403,
        ours=200,
        says=r'\{"pools":\[\{"name":"default_pool",[^{]*\}\],"total_entries":1\}',
    ),
    Intended(
        reason="GET /plugins, which the UI needs to load the switcher, lists only our entry without the permission.",
        calls=r"GET /plugins",
        stock=403,
        ours=200,
        says=r'\{"plugins":\[\{"name":"team_rbac",.*\],"total_entries":1\}',
    ),
    Intended(
        reason="The same: our plugin has something to bring now.",
        calls=r"GET /plugins",
        stock=200,
        ours=200,
        says=r'\{"plugins":\[\{"name":"team_rbac",.*"bundle_url":"team-rbac/.*\],"total_entries":1\}',
    ),
    Intended(
        reason="The menus of the lists that they may ask for.",
        calls=r"GET /ui/auth/menus",
        stock=200,
        ours=200,
        says=r'\{"authorized_menu_items":\["Assets",("Connections",)?"Dags"\],"extra_menu_items":\[\]\}',
    ),
    Intended(
        reason="Every signed-in person has their own profile.",
        calls=r"page /auth/users/userinfo/",
        stock=302,
        ours=200,
    ),
)
