"""Why somebody may do something, and who may: the questions of ``why``, ``who-can`` and their pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from airflow.models.asset import AssetModel
from airflow.providers.fab.auth_manager.models import User
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..policy.evaluate import Evaluator, Person, Resource
from ..policy.model import Action, Decision, Kind, Reference
from ..policy.selftests import Asks
from .models import IdpGroupRow
from .native import native_team
from .people import People, SignInLapsed, utcnow


@dataclass(frozen=True)
class Answer:
    """Who, and what was decided about them."""

    subject: str
    decision: Decision


class NoSuchUser(LookupError):
    """There is no FAB user of that name."""


class AccessCheck:
    """
    Asks the policy as it is now.

    :param asks: what FAB is asked for an action
    """

    def __init__(self, people: People, asks: Asks, session: Session) -> None:
        self._people, self._asks, self._session = people, asks, session
        self._evaluator = people.evaluator()

    def resource(self, reference: Reference) -> Resource:
        """Return the resource with its owner, for which an asset's URI or a native team may be looked up."""
        return find_resource(self._evaluator, reference, self._session)

    def user(self, username: str, action: Action, reference: Reference) -> Decision:
        """Decide about a FAB user. Raises NoSuchUser; ValueError where the account is disabled."""
        user_id = self._session.scalar(select(User.id).where(func.lower(User.username) == username.lower()))
        if user_id is None:
            raise NoSuchUser(f"There is no user {username!r}; see airflow users list")
        principal = self._people.find(user_id).principal
        resource = self.resource(reference)
        return self._evaluator.decide(principal, resource, action, self._asks(resource, action))

    def groups(self, groups: Iterable[str], action: Action, reference: Reference) -> Decision:
        """Decide about somebody who is in these IdP groups and has no role in FAB."""
        person = Person("", frozenset(groups))
        principal = self._evaluator.principal(person, self._people.roles.using(self._session), utcnow())
        resource = self.resource(reference)
        return self._evaluator.decide(principal, resource, action, self._asks(resource, action))

    def task(self, dag_id: str, action: Action, reference: Reference) -> Decision:
        """Decide about a task of a Dag."""
        dag = self.resource(Reference(Kind.DAG, dag_id))
        return self._evaluator.decide_task(dag, self.resource(reference), action, utcnow())

    def who_can(self, action: Action, reference: Reference) -> Iterator[Answer]:
        """Yield who may: active users, the groups that are known, and the tasks of each team."""
        for username in self._session.scalars(
            select(User.username).where(User.active.is_(True)).order_by(User.username)
        ):
            try:
                yield Answer(f"user:{username}", self.user(username, action, reference))
            except SignInLapsed:
                continue  # until the next one they may do nothing
        policy = self._evaluator.policy
        groups = set(self._session.scalars(select(IdpGroupRow.name)))
        groups |= {binding.subject for binding in policy.bindings if binding.subject_kind == "group"}
        groups |= {grant.to[len("group:") :] for grant in policy.grants if grant.to.startswith("group:")}
        for group in sorted(groups):
            yield Answer(f"group:{group}", self.groups([group], action, reference))
        resource = self.resource(reference)
        for dag in self._a_dag_of_each():
            subject = f"tasks of team:{dag.owner.team}" if dag.owner.team else "tasks of unowned Dags"
            yield Answer(subject, self._evaluator.decide_task(dag, resource, action, utcnow()))

    def _a_dag_of_each(self) -> Iterator[Resource]:
        owner = self._evaluator.ownership.owner
        for team in sorted(self._evaluator.team_names):
            yield Resource(Kind.DAG, f"<any of {team}>", owner(Kind.DAG, "", team))
        yield Resource(Kind.DAG, "<any unowned>", owner(Kind.DAG, ""))


def find_resource(evaluator: Evaluator, reference: Reference, session: Session) -> Resource:
    """Return the resource with its owner. It need not exist."""
    kind, resource_id = reference.kind, reference.id
    native = native_team(kind, resource_id, session)
    uri = session.scalar(select(AssetModel.uri).where(AssetModel.name == resource_id)) if kind is Kind.ASSET else None
    return Resource(kind, resource_id, evaluator.ownership.owner(kind, resource_id, native, uri))
