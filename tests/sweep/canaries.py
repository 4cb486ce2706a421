"""
A world of two teams in which every text column of what team beta owns holds a canary.

A canary is ``zqb-<table>-<column>`` in what beta owns, ``zqs…`` in what beta owns and has granted to somebody,
``zqa…`` in what alpha owns and ``zqu…`` in what nobody owns. Ids hold one as well: ``beta__zqb_dag``.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from airflow import DAG, settings
from airflow.configuration import conf
from airflow.dag_processing.collection import update_dag_parsing_results_in_db
from airflow.models.base import Base
from airflow.models.connection import Connection
from airflow.models.connection_test import ConnectionTestRequest
from airflow.models.crypto import get_fernet
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.trigger import Trigger
from airflow.models.variable import Variable
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.triggers.file import FileDeleteTrigger
from airflow.sdk import Asset, AssetAlias, AssetWatcher, Param, TaskGroup
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.definitions.timetables.assets import PartitionedAssetTimetable
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import ExtendedJSON
from airflow_team_rbac.auth_manager.store import models as team_models

CANARY = re.compile(r"zq[abmsu][-_\w]*|(?<![\w-])(?:alpha|beta)(?:__\w*)?(?![\w-])", re.IGNORECASE)
JSON_IN_TEXT = {("asset_state_store", "value"), ("task_state_store", "value")}
TEXT = (sa.String, sa.Text, sa.JSON, sa.LargeBinary)


async def missed(**kwargs: Any) -> None:
    """A deadline's callback."""


@dataclass
class Plants:
    """
    What one team owns.

    :param team: its name, and with ``__`` its prefix; "" is nobody
    :param mark: what its canaries begin with
    :param year: in which everything of it happened
    """

    team: str
    mark: str
    year: int
    ids: dict[str, Any] = field(default_factory=dict)
    """What the API names its things by: path parameter -> value."""

    def __post_init__(self) -> None:
        self.prefix = f"{self.team}__" if self.team else ""
        self.time = datetime.datetime(self.year, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)

    def name(self, what: str) -> str:
        """An id of the team's."""
        return f"{self.prefix}{self.mark}_{what}"

    def canary(self, *where: str) -> str:
        return "-".join((self.mark, *where))


class Planter:
    """Makes what one team owns."""

    def __init__(self, plants: Plants, home: Path) -> None:
        self.plants, self.home = plants, home
        self.bundle = plants.name("bundle")

    def plant(self) -> Plants:
        """Make one of everything."""
        with create_session() as session:
            session.merge(DagBundleModel(name=self.bundle))
        self._fill("dag_bundle", sa.column("name") == self.bundle)
        self._dags()
        self._runs(self.plants.name("dag"))
        self._twin()
        self._assets()
        self._stored()
        self._deployment()
        return self.plants

    # Rows ------------------------------------------------------------------------------------------

    def row(self, table: str, session: Any, **values: Any) -> Any:
        """Insert a row; what is not given holds a canary where it is text, and something dull elsewhere."""
        if table not in _tables():  # of this Airflow
            return None
        columns = _tables()[table]
        values = {name: value for name, value in values.items() if name in columns.columns}
        for column in columns.columns:
            if column.name in values or (column.primary_key and isinstance(column.type, sa.Integer)):
                continue
            if (table, column.name) in JSON_IN_TEXT:
                values[column.name] = json.dumps(self.plants.canary(table, column.name))
            elif isinstance(column.type, sa.JSON | ExtendedJSON):
                values[column.name] = {"canary": self.plants.canary(table, column.name)}
            elif isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum):
                values[column.name] = self.plants.canary(table, column.name)[: column.type.length or 10000]
            elif not column.nullable and column.default is None and column.server_default is None:
                values[column.name] = self._dull(column)
        return session.execute(sa.insert(columns).values(values)).inserted_primary_key[0]

    def _dull(self, column: sa.Column[Any]) -> Any:
        kinds: dict[type[Any], Any] = {int: 1, bool: False, float: 1.0, datetime.datetime: self.plants.time}
        return kinds[_python_type(column)]

    def _fill(self, table: str, where: Any, skip: frozenset[str] | set[str] = frozenset()) -> None:
        """Put canaries into the text columns that are empty in what Airflow itself wrote."""
        columns = _tables()[table]
        with create_session() as session:
            for column in columns.columns:
                if not isinstance(column.type, sa.String | sa.JSON) or column.primary_key or column.name in skip:
                    continue
                value: Any = self.plants.canary(table, column.name)
                value = {"canary": value} if isinstance(column.type, sa.JSON) else value[: column.type.length or 10000]
                empty = column.is_(None) | (sa.cast(column, sa.String) == "null")
                session.execute(sa.update(columns).where(where, empty).values({column.name: value}))

    # Dags ------------------------------------------------------------------------------------------

    def _file(self, name: str) -> Path:
        path = self.home / "dags" / self.bundle / f"{self.plants.mark}_{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {self.plants.canary('dag_code', 'source_code')}\nfrom airflow.sdk import dag\n")
        return path

    def _parse(self, dags: list[DAG], name: str) -> None:
        path = self._file(name)
        for dag in dags:
            dag.fileloc = str(path)
            dag.relative_fileloc = path.name
        with create_session() as session:
            errors: dict[tuple[str, str], str] = {}
            update_dag_parsing_results_in_db(
                self.bundle,
                self.plants.canary("dag", "bundle_version"),
                [LazyDeserializedDAG.from_dag(dag) for dag in dags],
                errors,
                None,
                set(),
                session,
            )
            assert not errors, errors

    def options(self) -> dict[str, Any]:
        """What is said of a Dag in words."""
        p = self.plants
        owner = p.canary("dag", "owners")
        return {
            "start_date": p.time,
            "dag_display_name": p.canary("dag", "dag_display_name"),
            "description": p.canary("dag", "description"),
            "doc_md": p.canary("dag", "doc_md"),
            "tags": [p.canary("dag_tag", "name")],
            "default_args": {"owner": owner},
            "owner_links": {owner: f"https://{p.canary('dag_owner_attributes', 'link')}"},
            "params": {p.canary("dag", "param"): Param(p.canary("dag", "param_default"))},
            "deadline": DeadlineAlert(
                reference=DeadlineReference.DAGRUN_QUEUED_AT,
                interval=datetime.timedelta(hours=1),
                callback=AsyncCallback(missed, kwargs={"canary": p.canary("deadline_alert", "callback_def")}),
                name=p.canary("deadline_alert", "name"),
            ),
        }

    def _dags(self) -> None:
        p = self.plants
        extra = {"canary": p.canary("asset", "extra")}
        watcher = AssetWatcher(
            name=p.canary("asset_watcher", "name"),
            trigger=FileDeleteTrigger(filepath=p.canary("trigger", "kwargs")),
        )
        group = p.canary("asset", "group")
        self.asset_in = Asset(p.name("in"), f"x://{p.name('in')}", group=group, extra=extra, watchers=[watcher])
        self.asset_out = Asset(p.name("out"), f"x://{p.name('out')}", group=group, extra=extra)
        alias = AssetAlias(p.name("alias"), group=p.canary("asset_alias", "group"))
        with DAG(p.name("dag"), schedule=(self.asset_in | alias), **self.options()) as main:
            task = self._bash("task", inlets=[self.asset_in], outlets=[self.asset_out, alias])
            ask = HITLOperator(
                task_id=f"{p.mark}_ask",
                subject=p.canary("hitl", "subject"),
                options=["yes", "no"],
                params={"why": Param(p.canary("hitl", "param"))},
            )
            other = TriggerDagRunOperator(task_id=f"{p.mark}_triggers", trigger_dag_id=p.name("cron"))
            with TaskGroup(f"{p.mark}_group", tooltip=p.canary("task_group", "tooltip")):
                mapped = BashOperator.partial(task_id=f"{p.mark}_mapped", pool=p.name("pool")).expand(
                    bash_command=[p.canary("task", "mapped"), "true"]
                )
            task >> [ask, other, mapped]
        timetable = PartitionedAssetTimetable(assets=self.asset_in)
        with DAG(p.name("part"), schedule=timetable, **self.options()) as partitioned:
            self._bash("task")
        with DAG(p.name("cron"), schedule="@daily", catchup=False, **self.options()) as cron:
            self._bash("task")
        self._parse([main, partitioned, cron], "dags")
        self.main, self.part, self.cron = main, partitioned, cron
        p.ids.update(
            dag_id=main.dag_id,
            version_number=1,
            task_id=task.task_id,
            group_id=f"{p.mark}_group",
            map_index=-1,
            try_number=1,
            task_try_number=1,
        )
        self._fill(
            "dag", sa.column("bundle_name") == self.bundle, skip={"next_dagrun_partition_key", "allowed_run_types"}
        )
        self._fill("dag_version", sa.column("bundle_name") == self.bundle, skip={"version_data"})
        with create_session() as session:
            session.execute(sa.update(DagModel).where(DagModel.bundle_name == self.bundle).values(is_paused=False))
            session.execute(
                sa.update(Trigger)
                .where(Trigger.classpath.contains("FileDeleteTrigger"), Trigger.queue.is_(None))
                .values(queue=p.canary("trigger", "queue"))
            )
            alerts = _tables()["deadline_alert"]
            mine = sa.select(SerializedDagModel.id).where(SerializedDagModel.dag_id == main.dag_id)
            session.execute(
                sa.update(alerts)
                .where(alerts.c.serialized_dag_id.in_(mine))
                .values(description=p.canary("deadline_alert", "description"))
            )

    def _bash(self, name: str, **options: Any) -> BashOperator:
        p = self.plants
        return BashOperator(
            task_id=f"{p.mark}_{name}",
            bash_command=f"echo {p.canary('task', 'bash_command')}",
            env={"SECRET": p.canary("task", "env")},
            doc_md=p.canary("task", "doc_md"),
            task_display_name=p.canary("task", "task_display_name"),
            pool=p.name("pool"),
            queue=p.canary("task", "queue"),
            **options,
        )

    # What beneath a Dag happened -----------------------------------------------------------------------

    def _runs(self, dag_id: str) -> None:
        p = self.plants
        with create_session() as session:
            backfill = self.row(
                "backfill",
                session,
                dag_id=p.name("cron"),
                from_date=p.time,
                to_date=p.time,
                reprocess_behavior="none",
                completed_at=None,
            )
            run = self.run(session, dag_id, p.canary("run"), partition_key=p.canary("dag_run", "partition_key"))
            for task in self.main.tasks:
                self.task_instance(session, task, dag_id, run, p.canary("run"))
            self.task_instance(
                session,
                self.main.get_task(f"{p.mark}_group.{p.mark}_mapped"),
                dag_id,
                run,
                p.canary("run"),
                map_index=0,
            )
            of_backfill = self.run(
                session, p.name("cron"), p.canary("backfill_run"), run_type="backfill", backfill_id=backfill
            )
            self.row("backfill_dag_run", session, backfill_id=backfill, dag_run_id=of_backfill, sort_ordinal=1)
            self.task_instance(session, self.cron.tasks[0], p.name("cron"), of_backfill, p.canary("backfill_run"))
            failed = self.run(
                session, p.name("cron"), p.canary("failed_run"), state="failed", logical_date=self._day(2)
            )
            self.task_instance(
                session, self.cron.tasks[0], p.name("cron"), failed, p.canary("failed_run"), state="failed"
            )
            in_part = self.run(session, p.name("part"), p.canary("part_run"))
            self.part_run = in_part
            p.ids.update(
                backfill_id=backfill,
                dag_run_id=p.canary("run"),
                run_id=p.canary("run"),
                xcom_key=p.canary("xcom", "key"),
                key=p.canary("task_state_store", "key"),
            )
            self.main_run = run
            alert = session.scalars(
                sa.select(_tables()["deadline_alert"].c.id)
                .join(SerializedDagModel, SerializedDagModel.id == _tables()["deadline_alert"].c.serialized_dag_id)
                .where(SerializedDagModel.dag_id == dag_id)
            ).one()
            callback = self._callback(session)
            self.row(
                "deadline",
                session,
                dagrun_id=run,
                deadline_time=p.time,
                callback_id=callback,
                deadline_alert_id=alert,
                missed=True,
            )
            self.row("dag_favorite", session, user_id=p.canary("dag_favorite", "user_id"), dag_id=dag_id)
            self.row("dag_warning", session, dag_id=dag_id, warning_type="non-existent pool")

    def _day(self, days: int) -> datetime.datetime:
        return self.plants.time + datetime.timedelta(days=days)

    def run(self, session: Any, dag_id: str, run_id: str, **values: Any) -> int:
        p = self.plants
        version = session.scalar(sa.select(DagVersion.id).where(DagVersion.dag_id == dag_id))
        given = {
            "dag_id": dag_id,
            "run_id": run_id,
            "state": "success",
            "run_type": "manual",
            "triggered_by": "UI",
            "span_status": "not_started",
            "logical_date": p.time,
            "run_after": p.time,
            "queued_at": p.time,
            "start_date": p.time,
            "end_date": self._day(1),
            "data_interval_start": p.time,
            "data_interval_end": self._day(1),
            "created_dag_version_id": version,
            "creating_job_id": None,
            "log_template_id": session.scalar(sa.text("SELECT max(id) FROM log_template")),
            "clear_number": 0,
            "partition_key": None,
            **values,
        }
        number = self.row("dag_run", session, **given)
        self.row("dag_run_note", session, dag_run_id=number)
        return number

    def task_instance(
        self, session: Any, task: Any, dag_id: str, run: int, run_id: str, map_index: int = -1, state: str = "success"
    ) -> Any:
        from uuid6 import uuid7

        p = self.plants
        version = session.scalar(sa.select(DagVersion.id).where(DagVersion.dag_id == dag_id))
        place = {"dag_id": dag_id, "task_id": task.task_id, "run_id": run_id, "map_index": map_index}
        place["region_index"] = map_index  # Airflow 3.4's name for it
        waits = isinstance(task, HITLOperator)
        given = {
            **place,
            "state": "awaiting_input" if waits else state,
            "try_number": 1,
            "max_tries": 1,
            "pool": p.name("pool"),
            "pool_slots": 1,
            "span_status": "not_started",
            "start_date": p.time,
            "end_date": self._day(1),
            "duration": float(p.year),
            "queued_dttm": p.time,
            "dag_version_id": version,
            "executor_config": {"canary": p.canary("task_instance", "executor_config")},
            "operator": type(task).__name__,
            "task_display_name": p.canary("task_instance", "task_display_name"),
            "rendered_map_index": p.canary("task_instance", "rendered_map_index"),
            "next_kwargs": {"canary": p.canary("task_instance", "next_kwargs")},
        }
        trigger = self._trigger(session)
        number = uuid7()
        self.row("task_instance", session, id=number, trigger_id=trigger, **given)
        history = uuid7()
        self.row(
            "task_instance_history",
            session,
            **{**given, "task_instance_id": history, "try_number": 0, "state": "failed"},
        )
        self.row("task_instance_note", session, ti_id=number)
        self.row("rendered_task_instance_fields", session, **place)
        self.row("task_map", session, **place, length=2)
        self.row(
            "task_reschedule",
            session,
            ti_id=number,
            start_date=p.time,
            end_date=p.time,
            reschedule_date=p.time,
            duration=1,
        )
        self.row("xcom", session, **place, dag_run_id=run, key=p.canary("xcom", "key"))
        self.row("xcom", session, **place, dag_run_id=run, key="return_value", dag_result=True)
        self.row("task_state_store", session, **place, dag_run_id=run, expires_at=None)
        hitl = {
            "options": [p.canary("hitl", "options")],
            "defaults": [p.canary("hitl", "defaults")],
            "params": {"why": {"value": p.canary("hitl", "params"), "description": None, "schema": {}}},
            "params_input": {"why": p.canary("hitl", "params_input")},
            "assignees": [{"id": p.canary("hitl", "assignee"), "name": p.canary("hitl", "assignee_name")}],
            "chosen_options": [p.canary("hitl", "chosen")],
            "responded_by": {"id": p.canary("hitl", "responded"), "name": p.canary("hitl", "responded_name")},
            "responded_at": None,
            "multiple": False,
        }
        if waits:
            self.row("hitl_detail", session, ti_id=number, **hitl)
            self.row("hitl_detail_history", session, ti_history_id=history, **{**hitl, "responded_at": p.time})
        self._log_file(place)
        return number

    def _trigger(self, session: Any) -> int:
        kwargs = Trigger.encrypt_kwargs({"canary": self.plants.canary("trigger", "kwargs")})
        return self.row("trigger", session, kwargs=kwargs, created_date=self.plants.time, team_name=None)

    def _log_file(self, place: dict[str, Any]) -> None:
        mapped = f"/map_index={place['map_index']}" if place["map_index"] >= 0 else ""
        path = Path(conf.get("logging", "base_log_folder")) / (
            f"dag_id={place['dag_id']}/run_id={place['run_id']}/task_id={place['task_id']}{mapped}/attempt=1.log"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{self.plants.canary('log', 'line')}\n")

    def _callback(self, session: Any) -> Any:
        from uuid6 import uuid7

        number = uuid7()
        self.row(
            "callback",
            session,
            id=number,
            type="triggerer",
            fetch_method="import_path",
            state="failed",
            bundle_name=self.bundle,
            priority_weight=1,
        )
        return number

    def _twin(self) -> None:
        """A Dag whose run, task and keys have the names that the other teams' twins give theirs."""
        p = self.plants
        dag_id = p.name("twin")
        by_name = Asset.ref(name=p.name("by_name"))
        by_uri = Asset.ref(uri=f"x://{p.name('by_uri')}")
        with DAG(dag_id, schedule=(by_name | by_uri), **self.options()) as dag:
            EmptyOperator(task_id="same_task")
        self._parse([dag], "twin")
        with create_session() as session:
            run = self.run(session, dag_id, "same_run")
            self.task_instance(session, dag.tasks[0], dag_id, run, "same_run")
            place = {"dag_id": dag_id, "task_id": "same_task", "run_id": "same_run", "map_index": -1}
            self.row("xcom", session, **place, dag_run_id=run, key="same_key")
            self.row("task_state_store", session, **place, dag_run_id=run, key="same_key", expires_at=None)

    # Assets ------------------------------------------------------------------------------------------

    def _assets(self) -> None:
        p = self.plants
        tables = _tables()
        with create_session() as session:
            assets = dict(session.execute(sa.select(tables["asset"].c.name, tables["asset"].c.id)).all())
            aliases = dict(session.execute(sa.select(tables["asset_alias"].c.name, tables["asset_alias"].c.id)).all())
            asset_in, asset_out = assets[p.name("in")], assets[p.name("out")]
            alias = aliases[p.name("alias")]
            source = {
                "source_dag_id": p.name("dag"),
                "source_task_id": p.ids["task_id"],
                "source_run_id": p.ids["run_id"],
                "source_map_index": -1,
                "timestamp": p.time,
            }
            nobody = dict.fromkeys(("source_dag_id", "source_task_id", "source_run_id"))
            event = self.row("asset_event", session, asset_id=asset_in, **source)
            self.row("asset_event", session, asset_id=asset_out, **source)
            self.row("asset_event", session, asset_id=asset_in, **{**source, **nobody, "timestamp": self._day(1)})
            session.execute(sa.insert(tables["asset_alias_asset"]).values(alias_id=alias, asset_id=asset_in))
            session.execute(sa.insert(tables["asset_alias_asset_event"]).values(alias_id=alias, event_id=event))
            session.execute(sa.insert(tables["dagrun_asset_event"]).values(dag_run_id=self.main_run, event_id=event))
            session.execute(sa.insert(tables["dagrun_asset_event"]).values(dag_run_id=self.part_run, event_id=event))
            queued = {"asset_event_id": event, "asset_id": asset_in, "target_dag_id": p.name("dag")}
            self.row("asset_dag_run_queue", session, **queued)
            watcher = {"asset_id": asset_in, "trigger_id": self._trigger(session)}
            session.execute(
                sa.insert(tables["asset_watcher"]).values(name=p.canary("asset_watcher", "name"), **watcher)
            )
            self.row(
                "asset_state_store",
                session,
                asset_id=asset_in,
                last_updated_by_kind="task",
                last_updated_by_dag_id=p.name("dag"),
            )
            for created in (None, self.part_run):
                pending = self.row(
                    "asset_partition_dag_run",
                    session,
                    target_dag_id=p.name("part"),
                    created_dag_run_id=created,
                    partition_key=p.canary("asset_partition_dag_run", "partition_key"),
                )
                self.row(
                    "partitioned_asset_key_log",
                    session,
                    asset_id=asset_in,
                    asset_event_id=event,
                    asset_partition_dag_run_id=pending,
                    target_dag_id=p.name("part"),
                )
            p.ids.update(asset_id=asset_in, asset_alias_id=alias, asset_out=asset_out)

    # What is stored ----------------------------------------------------------------------------------

    def _stored(self) -> None:
        p = self.plants
        with create_session() as session:
            session.add(
                Connection(
                    conn_id=p.name("conn"),
                    conn_type=p.canary("connection", "conn_type"),
                    description=p.canary("connection", "description"),
                    host=p.canary("connection", "host"),
                    schema=p.canary("connection", "schema"),
                    login=p.canary("connection", "login"),
                    password=p.canary("connection", "password"),
                    extra=f'{{"canary": "{p.canary("connection", "extra")}"}}',
                    port=p.year,
                )
            )
            session.add(
                Variable(
                    key=p.name("var"),
                    val=p.canary("variable", "val"),
                    description=p.canary("variable", "description"),
                )
            )
            self.row("slot_pool", session, pool=p.name("pool"), slots=p.year, team_name=None)
            test = ConnectionTestRequest(
                connection_id=p.name("conn"),
                conn_type=p.canary("connection_test_request", "conn_type"),
                host=p.canary("connection_test_request", "host"),
                login=p.canary("connection_test_request", "login"),
                password=p.canary("connection_test_request", "password"),
                schema=p.canary("connection_test_request", "schema"),
                extra=f'{{"canary": "{p.canary("connection_test_request", "extra")}"}}',
                executor=p.canary("connection_test_request", "executor"),
                queue=p.canary("connection_test_request", "queue"),
            )
            test.token = p.canary("connection_test_request", "token")
            test.result_message = p.canary("connection_test_request", "result_message")
            session.add(test)
        p.ids.update(
            connection_id=p.name("conn"),
            variable_key=p.name("var"),
            pool_name=p.name("pool"),
            connection_test_token=p.canary("connection_test_request", "token"),
        )

    # What Airflow keeps of a team ------------------------------------------------------------------------

    def _deployment(self) -> None:
        p = self.plants
        with create_session() as session:
            log = self.row(
                "log",
                session,
                dttm=p.time,
                dag_id=p.name("dag"),
                task_id=p.ids["task_id"],
                run_id=p.ids["run_id"],
                try_number=1,
                map_index=-1,
                logical_date=p.time,
            )
            p.ids["event_log_id"] = log
            # Saved a connection: names no Dag.
            p.ids["log_without_dag"] = self.row(
                "log",
                session,
                dttm=p.time,
                dag_id=None,
                task_id=None,
                run_id=None,
                event="post_connection",
                extra=p.canary("log", "without_dag"),
            )
            self.row(
                "job",
                session,
                dag_id=p.name("dag"),
                state="running",
                job_type="BackfillJob",
                start_date=p.time,
                end_date=None,
                latest_heartbeat=p.time,
            )
            p.ids["import_error_id"] = self.row(
                "import_error", session, timestamp=p.time, bundle_name=self.bundle, filename=f"{p.mark}_dags.py"
            )
            p.ids["error_without_dag"] = self.row(
                "import_error", session, timestamp=p.time, bundle_name=self.bundle, filename=f"{p.mark}_broken.py"
            )
            self.row("dag_priority_parsing_request", session, bundle_name=self.bundle)
        p.ids["file_token"] = self.file_token("dags")

    def cross(self, other: Plants) -> None:
        """Have the team use what another owns, and the other way round, as only a run-time leak can."""
        p, tables = self.plants, _tables()
        place = {"dag_id": p.name("dag"), "task_id": p.ids["task_id"]}
        with create_session() as session:
            asset = other.ids["asset_id"]
            self.row("dag_schedule_asset_reference", session, asset_id=asset, dag_id=p.name("dag"))
            self.row("task_inlet_asset_reference", session, asset_id=asset, **place)
            self.row("task_outlet_asset_reference", session, asset_id=asset, **place)
            theirs = session.scalar(
                sa.select(tables["asset_event"].c.id).where(
                    tables["asset_event"].c.asset_id == asset,
                    tables["asset_event"].c.source_dag_id == other.name("dag"),
                )
            )
            queued = {"asset_event_id": theirs, "asset_id": asset, "target_dag_id": p.name("dag")}
            self.row("asset_dag_run_queue", session, **queued)
            on_mine = session.scalar(
                sa.select(tables["asset_event"].c.id).where(tables["asset_event"].c.asset_id == p.ids["asset_id"])
            )
            their_run = session.scalar(
                sa.select(tables["dag_run"].c.id).where(
                    tables["dag_run"].c.dag_id == other.name("dag"), tables["dag_run"].c.run_id == other.ids["run_id"]
                )
            )
            used = tables["dagrun_asset_event"]
            session.execute(sa.insert(used).values(dag_run_id=self.main_run, event_id=theirs))
            session.execute(sa.insert(used).values(dag_run_id=their_run, event_id=on_mine))
            alias = p.ids["asset_alias_id"]
            session.execute(sa.insert(tables["asset_alias_asset"]).values(alias_id=alias, asset_id=asset))
            session.execute(sa.insert(tables["asset_alias_asset_event"]).values(alias_id=alias, event_id=theirs))
            pending = self.row(
                "asset_partition_dag_run", session, target_dag_id=p.name("part"), created_dag_run_id=None
            )
            self.row(
                "partitioned_asset_key_log",
                session,
                asset_id=asset,
                asset_event_id=theirs,
                asset_partition_dag_run_id=pending,
                target_dag_id=p.name("part"),
            )

    def file_token(self, name: str) -> str:
        from itsdangerous import URLSafeSerializer

        return URLSafeSerializer(conf.get("api", "secret_key")).dumps(
            {"bundle_name": self.bundle, "relative_fileloc": f"{self.plants.mark}_{name}.py"}
        )


def _tables() -> dict[str, sa.Table]:
    return {**Base.metadata.tables, **team_models.metadata.tables}


def _python_type(column: sa.Column[Any]) -> type[Any]:
    kind = column.type
    return kind.impl.python_type if isinstance(kind, sa.types.TypeDecorator) else kind.python_type


# Every column ----------------------------------------------------------------------------------------------


def text_columns() -> Iterator[tuple[str, str]]:
    """Yield every column of the database that can hold text."""
    metadata = sa.MetaData()
    metadata.reflect(settings.engine)
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, TEXT) and not _is_uuid(column):
                yield table.name, column.name


def _is_uuid(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.CHAR) and column.type.length == 32


def values_of(table: str, column: str) -> list[str]:
    """Return what a column holds, decrypted, as text."""
    with settings.engine.connect() as connection:
        values = connection.exec_driver_sql(f'SELECT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL').scalars()
        return [_as_text(value) for value in values]


def _as_text(value: Any) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return get_fernet().decrypt(text.encode()).decode() if text.startswith("gAAAA") else text
