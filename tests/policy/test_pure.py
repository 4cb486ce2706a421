"""``policy/`` knows nobody: it can be read, and run, without Airflow."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import airflow_team_rbac.auth_manager.policy as policy
import pytest

MODULES = sorted(Path(policy.__file__).parent.glob("*.py"))

BLOCKED = ("airflow", "sqlalchemy", "flask", "flask_appbuilder", "fastapi", "starlette", "alembic", "authlib")

CHECK = f"""
import importlib, sys
from importlib.abc import MetaPathFinder

class Nobody(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ImportError("policy/ imports " + name)

sys.meta_path.insert(0, Nobody())
for name in {[path.stem for path in MODULES]!r}:
    importlib.import_module("airflow_team_rbac.auth_manager.policy" + ("" if name == "__init__" else "." + name))
assert not [name for name in sys.modules if name.partition(".")[0] in {BLOCKED!r}]

from airflow_team_rbac.auth_manager.policy.document import merge, parse
from airflow_team_rbac.auth_manager.policy.evaluate import Evaluator
from airflow_team_rbac.auth_manager.policy.model import Kind, Policy

merged = merge(parse("version = 1\\n[teams.sales]"), Policy(), [], prune=False)
print(Evaluator(merged).ownership.owner(Kind.DAG, "sales__x"))
"""


def test_it_runs_without_airflow():
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "sales\n"


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_imports_only_itself_and_a_few(path: Path):
    foreign = {
        name
        for name in imports(path)
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "pydantic", "tomlkit", ""} or name.startswith("..")
    }
    assert foreign == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_asks_no_clock_and_no_environment(path: Path):
    assert imports(path) & {"os", "time", "random", "socket", "pathlib", "io"} == set()
    source = path.read_text()
    assert [word for word in ("now()", "now(tz", "utcnow(", "today(", "open(") if word in source] == []
