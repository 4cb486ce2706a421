from ..world import Api

POLICY = """
[teams.sales]
[teams.finance]
[[bindings]]
group = "sales-dev"
team = "sales"
role = "Op"
[[bindings]]
group = "sales-dev"
team = "finance"
role = "Viewer"
"""


def test_smoke(client, world):
    world.apply(POLICY)
    for t in ("sales", "finance", "ops"):
        world.dag(f"{t}__a")
        world.connection(f"{t}__c")
        world.variable(f"{t}__v")
        world.pool(f"{t}__p")
    aid = world.asset("sales__x")
    u = Api(client, world.person("ana", groups=["sales-dev"]))
    for p in (
        "/dags",
        "/connections",
        "/variables",
        "/pools",
        "/dags/sales__a",
        "/dags/finance__a",
        "/dags/ops__a",
        "/dags/sales__a/details",
        f"/assets/{aid}",
        "/assets",
        "/importErrors",
        "/eventLogs",
        "/ui/dags",
        "/ui/auth/menus",
        "/ui/auth/me",
        "/dags/~/dagRuns/~/taskInstances",
        "/plugins",
        "/ui/config",
        "/ui/dashboard/dag_stats",
        "/dagTags",
        "/dagWarnings",
        "/ui/dependencies",
    ):
        r = u.get(p)
        print(p, r.status_code, r.text[:300])
    print(
        u("PATCH", "/dags/sales__a", {"is_paused": False}).status_code,
        u("PATCH", "/dags/finance__a", {"is_paused": False}).status_code,
    )
    r = u("POST", "/dags/sales__a/dagRuns", {"logical_date": None})
    print(r.status_code, r.text[:200])
    r = u("POST", "/dags/finance__a/dagRuns", {"logical_date": None})
    print(r.status_code, r.text[:200])
