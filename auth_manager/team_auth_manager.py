"""
Airflow's questions, translated.

``TeamAuthManager`` finds the owner of what is asked about, takes the person as they act there, and lets FAB's
own method answer: what FAB learns next month is inherited. The rules themselves are in ``policy/``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, cast

import jwt
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    AssetAliasDetails,
    AssetDetails,
    ConfigurationDetails,
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
    PoolDetails,
    TeamDetails,
    VariableDetails,
)
from airflow.api_fastapi.common.types import ExtraMenuItem, MenuItem
from airflow.exceptions import AirflowConfigException
from airflow.models.asset import AssetAliasModel, AssetModel
from airflow.models.revoked_token import RevokedToken
from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.auth_manager.models import User as FabUser
from airflow.providers.fab.www.security.permissions import RESOURCE_MY_PROFILE
from airflow.utils.session import NEW_SESSION, create_session, provide_session
from flask import current_app, g, has_request_context
from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from .gate.core_api import CoreGate
from .gate.fab_groups import taking_groups
from .gate.unavailable import PolicyUnavailableMiddleware
from .login.provider import oidc_is_configured
from .login.security_manager import OidcSecurityManager
from .policy.evaluate import Evaluator, Permits, Principal, Resource, Standing
from .policy.model import Action, Kind
from .store.listing import ASSETS, Listed, Reach
from .store.native import native_team, native_teams_are_on, stored_ids
from .store.people import People, SignInLapsed, TeamUser
from .store.snapshot import unowned_denied

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
    from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
    from fastapi import FastAPI

log = logging.getLogger(__name__)

_ACTIONS: dict[str, Action] = {"GET": Action.READ, "PUT": Action.EDIT}
_ASSET_ACTIONS: dict[str, Action] = {"GET": Action.READ, "POST": Action.TRIGGER}
_RUN_ENTITIES = frozenset(
    {DagAccessEntity.RUN, DagAccessEntity.TASK_INSTANCE, DagAccessEntity.HITL_DETAIL, DagAccessEntity.XCOM}
)
ACTIVE_TEAM = "team"
"""The claim of a token that says which team its bearer works in."""
_NUMBER = TypeAdapter(Annotated[int, Field(ge=0, lt=2**31)])
"""What an INTEGER column can hold: a database refuses to be asked for more."""
_REMEMBERED = 10_000
"""How many decisions about one person are remembered."""
_TEAM_VIEWS = (AccessView.DOCS, AccessView.IMPORT_ERRORS)
"""What a role in a team gives of the deployment; of import errors it shows those of the team's files."""
_TEAM_MENUS: dict[MenuItem, Kind] = {
    MenuItem.ASSETS: Kind.ASSET,
    MenuItem.AUDIT_LOG: Kind.DAG,
    MenuItem.CONNECTIONS: Kind.CONNECTION,
    MenuItem.DAGS: Kind.DAG,
    MenuItem.POOLS: Kind.POOL,
    MenuItem.REQUIRED_ACTIONS: Kind.DAG,
    MenuItem.VARIABLES: Kind.VARIABLE,
    MenuItem.XCOMS: Kind.DAG,
}


class TeamAuthManager(FabAuthManager):
    """FAB's auth manager, held to teams."""

    def __init__(self) -> None:
        super().__init__()
        self.people = People()
        # Threads of their own: a request that holds a connection needs one of the handlers' threads to give it back.
        self._askers = ThreadPoolExecutor(thread_name_prefix="team-rbac-people")

    def init(self) -> None:
        """Check at start what must be right, before anybody is let in."""
        unowned_denied()
        super().init()

    @cached_property
    def security_manager(self) -> FabAirflowSecurityManagerOverride:
        """FAB's own or the deployment's, or the one that signs people in at ``[team_rbac] oidc_issuer``."""
        if not oidc_is_configured():
            config = current_app.config
            config["SECURITY_MANAGER_CLASS"] = taking_groups(config.get("SECURITY_MANAGER_CLASS"))
            return super().security_manager
        if current_app.config.get("SECURITY_MANAGER_CLASS"):
            raise AirflowConfigException(
                "webserver_config.py sets SECURITY_MANAGER_CLASS, and airflow.cfg sets [team_rbac] oidc_issuer: two "
                "ways to sign in. Remove one of them."
            )
        return OidcSecurityManager(self.appbuilder)

    # Who is asking ---------------------------------------------------------------------------------

    async def get_user_from_token(self, token: str) -> BaseUser:
        """
        Return whom a token is for.

        Not on the event loop, where core asks whether the token is revoked: while that waits for a connection, no
        request can end that holds one, and the server stands still until the pool gives up.

        :raises InvalidTokenError: the token is wrong, over or revoked, or its person is gone or has to sign in again
        :raises PolicyUnavailable: the database does not tell
        """
        try:
            claims = await self._get_token_validator().avalidated_claims(token)
            return await asyncio.get_running_loop().run_in_executor(self._askers, self.deserialize_user, claims)
        except jwt.InvalidTokenError as error:
            log.error("JWT token is not valid: %s", error)
            raise
        except (ValueError, KeyError) as error:
            log.error("Couldn't deserialize user from token, JWT token is not valid: %s", error)
            raise jwt.InvalidTokenError(str(error)) from error

    def deserialize_user(self, token: dict[str, Any]) -> FabUser:  # type: ignore[override]  # FAB's is a cache
        """
        Return who the token names, asked of the database on every request.

        Nothing else in it is believed: an active team that is not theirs any more is none.

        :raises ValueError: the token is revoked, or there is no such active user
        :raises ExpiredSignatureError: they have to sign in again
        :raises PolicyUnavailable: the database does not tell
        """
        try:
            return cast("FabUser", self.people.find(int(token["sub"]), token.get(ACTIVE_TEAM), token.get("jti")))
        except SignInLapsed as lapsed:
            # For Airflow a token that is over leads to the login page, and another that is wrong to an error.
            raise jwt.ExpiredSignatureError(str(lapsed)) from lapsed

    def revoke_token(self, token: str) -> None:
        """Revoke a token, as core does, which forgets the revoked ones that are over when it asks for one."""
        super().revoke_token(token)
        RevokedToken.is_revoked("")

    def serialize_user(self, user: FabUser) -> dict[str, Any]:
        """Return what a token says: who, and the team that they work in, if any."""
        # FAB's own user is somebody who signs in to the UI.
        team = user.active_team if isinstance(user, TeamUser) else self.people.start(self.people.find(user.id))
        return super().serialize_user(user) | ({ACTIVE_TEAM: team} if team else {})

    async def with_active_team(self, token: str, team: str | None) -> str:
        """
        Return a valid token anew with another active team, and all else as it is.

        The same ``jti``, so that signing out revokes both; the same ``exp``, so that switching prolongs nothing.
        """
        claims = await self._get_token_validator().avalidated_claims(token)
        claims.pop(ACTIVE_TEAM, None)
        signer = self._get_token_signer()
        headers = {"alg": signer.algorithm, "kid": signer.kid}
        claims |= {ACTIVE_TEAM: team} if team else {}
        return jwt.encode(claims, signer.signing_arg, algorithm=signer.algorithm, headers=headers)

    def create_token(self, headers: dict[str, str], body: dict[str, Any]) -> FabUser | None:
        """
        Return whom an API token is for, and narrowed to ``team`` where the body names one.

        :raises ValueError: the team is none of theirs
        """
        user = super().create_token(headers, body)
        if user is None:
            return None
        team = body.get("team")
        found = self.people.find(user.id, team if isinstance(team, str) else None)
        if team is not None and found.active_team is None:
            raise ValueError(f"You are in no team {team!r}. Leave out team, or name one of yours")
        return cast("FabUser", found)

    def get_url_logout(self) -> str | None:
        """Return the page that signs people out, which is also the provider's affair where they signed in there."""
        url = super().get_url_logout()
        return f"{url}/" if url and oidc_is_configured() else url

    def get_fastapi_app(self) -> FastAPI | None:
        """Return FAB's app, which answers its own errors before the main app sees them."""
        app = super().get_fastapi_app()
        if app is not None:
            app.add_middleware(PolicyUnavailableMiddleware)
        return app

    def get_fastapi_middlewares(self) -> list[Any]:
        """Add ours outside FAB's."""
        return [*super().get_fastapi_middlewares(), (CoreGate, {}), (PolicyUnavailableMiddleware, {})]

    def team_user(self, user: Any) -> TeamUser:
        """
        Return the person and the policy, for a user of FastAPI, of Flask, or nobody in particular.

        :raises PolicyUnavailable: the database does not tell
        """
        if isinstance(user, TeamUser):
            return user
        if user is None or user.is_anonymous:
            return self.people.nobody(frozenset(user.perms) if user is not None else frozenset())
        # A page of FAB asks dozens of times, and its user is FAB's own.
        known = g.setdefault("team_rbac_users", {}) if has_request_context() else {}
        if user.id not in known:
            known[user.id] = self.people.find(user.id)
        found: TeamUser = known[user.id]
        return found

    def _whois(self, user: Any) -> tuple[Evaluator, Principal]:
        found = self.team_user(user)
        return found.evaluator, found.principal

    def _lists_for(self, user: Any) -> tuple[Evaluator, Principal]:
        """As ``_whois``, for a list: with an active team, of what concerns that team."""
        return (user.evaluator, user.sees) if isinstance(user, TeamUser) else self._whois(user)

    # One resource ----------------------------------------------------------------------------------

    def _decide(
        self,
        user: Any,
        kind: Kind,
        resource_id: str | None,
        action: Action | None,
        permits: Permits,
        *,
        native: str | None = None,
        uri: str | None = None,
    ) -> bool:
        evaluator, principal = self._whois(user)
        if not resource_id:
            return evaluator.decide_any(principal, kind, action, permits)
        if not native_teams_are_on():
            native = None
        elif native is None:  # core does not always say, and "no team" must not be taken for "nobody's"
            with create_session(scoped=False) as session:
                native = native_team(kind, resource_id, session)
        owner = evaluator.ownership.owner(kind, resource_id, native, uri)
        return evaluator.decide(principal, Resource(kind, resource_id, owner), action, permits).allowed

    def _decide_stored(
        self, user: Any, kind: Kind, resource_id: str | None, team: str | None, method: str, permits: Permits
    ) -> bool:
        """Decide about a connection, a variable or a pool."""
        if method == "POST" and not resource_id:
            evaluator, principal = self._whois(user)
            named = user.named if isinstance(user, TeamUser) else {}
            if kind not in named:  # it could be anybody's
                return evaluator.decide_unnamed(principal, permits)
            resource_id = named[kind]
        memo = self._memo(user)
        key = (kind, resource_id, method)
        if resource_id and memo is not None and (known := memo.get(key)) is not None:
            return known
        allowed = self._decide(user, kind, resource_id, _ACTIONS.get(method), permits, native=team)
        if resource_id and memo is not None:
            memo[key] = allowed
        return allowed

    def is_authorized_dag(
        self,
        *,
        method: ResourceMethod,
        user: FabUser,
        access_entity: DagAccessEntity | None = None,
        details: DagDetails | None = None,
    ) -> bool:
        """Decide about a Dag and all beneath it."""
        dag_id = details.id if details else None
        memo = self._memo(user)
        key = (Kind.DAG, dag_id, method, access_entity)
        if dag_id and memo is not None and (known := memo.get(key)) is not None:
            return known
        ask = super().is_authorized_dag

        def permits(standing: Any) -> bool:
            return ask(method=method, user=standing, access_entity=access_entity, details=details)

        if not dag_id:
            return self._decide_dag_list(str(method), user, access_entity, permits)
        team = details.team_name if details else None
        action = _dag_action(str(method), access_entity)
        allowed = self._decide(user, Kind.DAG, dag_id, action, permits, native=team)
        if memo is not None:
            memo[key] = allowed
        return allowed

    @staticmethod
    def _memo(user: Any) -> dict[Hashable, bool] | None:
        """Return where decisions may be remembered; not where a resource's native team can change meanwhile."""
        if native_teams_are_on() or not isinstance(user, TeamUser):
            return None
        memo = user.principal.memo
        if len(memo) > _REMEMBERED:
            memo.clear()
        return memo

    def _decide_dag_list(self, method: str, user: Any, access_entity: DagAccessEntity | None, permits: Permits) -> bool:
        evaluator, principal = self._whois(user)
        if method == "GET" and isinstance(user, TeamUser):
            # What they get is what may be read so: see get_authorized_dag_ids.
            if access_entity is not None:
                user.listed.add(access_entity)
            if principal.signed_in and access_entity is not DagAccessEntity.AUDIT_LOG:
                return True  # everybody may ask
        return evaluator.decide_any(principal, Kind.DAG, _dag_action(method, access_entity), permits)

    def is_authorized_connection(
        self, *, method: ResourceMethod, user: FabUser, details: ConnectionDetails | None = None
    ) -> bool:
        """Decide about a connection."""
        ask = super().is_authorized_connection
        conn_id, team = (details.conn_id, details.team_name) if details else (None, None)
        return self._decide_stored(
            user,
            Kind.CONNECTION,
            conn_id,
            team,
            str(method),
            lambda standing: ask(method=method, user=_as_user(standing)),
        )

    def is_authorized_variable(
        self, *, method: ResourceMethod, user: FabUser, details: VariableDetails | None = None
    ) -> bool:
        """Decide about a variable."""
        ask = super().is_authorized_variable
        key, team = (details.key, details.team_name) if details else (None, None)
        return self._decide_stored(
            user, Kind.VARIABLE, key, team, str(method), lambda standing: ask(method=method, user=_as_user(standing))
        )

    def is_authorized_pool(self, *, method: ResourceMethod, user: FabUser, details: PoolDetails | None = None) -> bool:
        """Decide about a pool."""
        ask = super().is_authorized_pool
        name, team = (details.name, details.team_name) if details else (None, None)
        return self._decide_stored(
            user, Kind.POOL, name, team, str(method), lambda standing: ask(method=method, user=_as_user(standing))
        )

    def is_authorized_asset(
        self, *, method: ResourceMethod, user: FabUser, details: AssetDetails | None = None
    ) -> bool:
        """Decide about an asset, which Airflow 3.3 names by its number only."""
        ask = super().is_authorized_asset
        number = details.id if details else None
        return self._decide_asset(
            user,
            Kind.ASSET,
            number,
            AssetModel,
            str(method),
            lambda standing: ask(method=method, user=_as_user(standing)),
        )

    def is_authorized_asset_alias(
        self, *, method: ResourceMethod, user: FabUser, details: AssetAliasDetails | None = None
    ) -> bool:
        """Decide about an asset alias, which Airflow 3.3 names by its number only."""
        ask = super().is_authorized_asset_alias
        number = details.id if details else None
        return self._decide_asset(
            user,
            Kind.ALIAS,
            number,
            AssetAliasModel,
            str(method),
            lambda standing: ask(method=method, user=_as_user(standing)),
        )

    def _decide_asset(
        self,
        user: Any,
        kind: Kind,
        number: str | None,
        model: type[AssetModel | AssetAliasModel],
        method: str,
        permits: Permits,
    ) -> bool:
        evaluator, principal = self._whois(user)
        action = _ASSET_ACTIONS.get(method)
        if number is None:
            if method == "GET" and principal.signed_in:
                return True  # everybody may ask; the rows are filtered
            if method != "POST":
                return evaluator.decide_any(principal, kind, action, permits)
            named = user.named if isinstance(user, TeamUser) else {}
            if kind not in named:  # it could be anybody's
                return evaluator.decide_unnamed(principal, permits)
            number = named[kind]
            if number is None:
                return True  # there is nothing to act on: the handler answers 422
        found = _find_by_number(model, number)
        if found is None:
            # Once somebody owns something, who may not read all must not learn which numbers are in use.
            owned = evaluator.owns_anything(native_teams_are_on())
            return principal.superuser or (not owned and evaluator.decide_unnamed(principal, permits))
        return self._decide(user, kind, found.name, action, permits, uri=getattr(found, "uri", None))

    # Things of the deployment ----------------------------------------------------------------------

    def is_authorized_configuration(
        self, *, method: ResourceMethod, user: FabUser, details: ConfigurationDetails | None = None
    ) -> bool:
        """Decide with global roles: configuration is nobody's."""
        _, principal = self._whois(user)
        return super().is_authorized_configuration(method=method, user=_as_user(principal.everywhere), details=details)

    def is_authorized_view(self, *, access_view: AccessView, user: FabUser, **kwargs: Any) -> bool:
        """Decide about a view of the deployment, which needs a global role, a few aside."""
        ask = super().is_authorized_view
        _, principal = self._whois(user)
        if access_view is AccessView.WEBSITE and principal.signed_in:
            return True

        def permits(standing: Any) -> bool:
            return ask(access_view=access_view, user=standing, **kwargs)

        if permits(principal.everywhere):
            return True
        if isinstance(user, TeamUser) and access_view in user.listed:
            return True  # the gate filters what is listed
        return access_view in _TEAM_VIEWS and any(map(permits, principal.teams.values()))

    def is_authorized_custom_view(self, *, method: ResourceMethod | str, resource_name: str, user: FabUser) -> bool:
        """Decide about FAB's and plugins' own pages with global roles; everybody has their own profile."""
        _, principal = self._whois(user)
        if principal.signed_in and resource_name == RESOURCE_MY_PROFILE:
            return True
        return super().is_authorized_custom_view(
            method=method, resource_name=resource_name, user=_as_user(principal.everywhere)
        )

    def filter_authorized_menu_items(self, menu_items: list[MenuItem], user: FabUser) -> list[MenuItem]:
        """Show what a global role shows, and of what teams own what is held in any team or granted."""
        ask = super().filter_authorized_menu_items
        evaluator, principal = self._whois(user)

        def shows(item: MenuItem) -> bool:
            def permits(standing: Any) -> bool:
                return bool(ask([item], standing))

            if permits(principal.everywhere):
                return True
            if item in (MenuItem.DAGS, MenuItem.ASSETS):
                return principal.signed_in
            if item is MenuItem.DOCS:
                return any(map(permits, principal.teams.values()))
            kind = _TEAM_MENUS.get(item)
            return kind is not None and evaluator.decide_in_any_team(principal, kind, Action.READ, permits)

        return [item for item in menu_items if shows(item)]

    def get_extra_menu_items(self, *, user: FabUser) -> list[ExtraMenuItem]:
        """Show FAB's Security pages to whoever holds them globally."""
        _, principal = self._whois(user)
        return super().get_extra_menu_items(user=_as_user(principal.everywhere))

    # For the gate -------------------------------------------------------------------------------

    def may_read_some_asset(self, user: FabUser) -> bool:
        """Decide about assets in general: may they read them in any place?"""
        evaluator, principal = self._whois(user)
        ask = super().is_authorized_asset
        return evaluator.decide_any(
            principal, Kind.ASSET, Action.READ, lambda standing: ask(method="GET", user=_as_user(standing))
        )

    def listed_rows(self, user: FabUser, listed: Listed, session: Session) -> ColumnElement[bool]:
        """Return what a row of assets or of aliases has to be for the user to read it in a list."""
        ask = super().is_authorized_asset if listed is ASSETS else super().is_authorized_asset_alias
        return self._list(user, ask, "GET", session).rows(listed)

    def permits_view(self, access_view: AccessView, standing: Standing) -> bool:
        """Return FAB's answer about a view, for what is held in one place."""
        return super().is_authorized_view(access_view=access_view, user=_as_user(standing))

    def may_read_deployment_log(self, user: FabUser) -> bool:
        """Decide about audit rows without a Dag, which need a global role."""
        _, principal = self._lists_for(user)
        return super().is_authorized_dag(
            method="GET", user=_as_user(principal.everywhere), access_entity=DagAccessEntity.AUDIT_LOG
        )

    # Teams -----------------------------------------------------------------------------------------

    def is_authorized_team(self, *, method: ResourceMethod, user: FabUser, details: TeamDetails | None = None) -> bool:
        """Whether the user is a member of the team. Nothing but reading is a member's."""
        _, principal = self._whois(user)
        if principal.superuser:
            return True
        if str(method) != "GET":
            return False
        return principal.signed_in and (details is None or not details.name or details.name in principal.teams)

    def _get_teams(self) -> set[str]:
        return set(self.people.evaluator().team_names)

    # Lists -----------------------------------------------------------------------------------------
    # FAB answers these with everything there is.

    @provide_session
    def get_authorized_connections(
        self, *, user: FabUser, method: ResourceMethod = "GET", session: Session = NEW_SESSION
    ) -> set[str]:
        """Return the ids of the connections that the user may do this to."""
        return self._authorized_ids(Kind.CONNECTION, super().is_authorized_connection, user, method, session)

    @provide_session
    def get_authorized_variables(
        self, *, user: FabUser, method: ResourceMethod = "GET", session: Session = NEW_SESSION
    ) -> set[str]:
        """Return the keys of the variables that the user may do this to."""
        return self._authorized_ids(Kind.VARIABLE, super().is_authorized_variable, user, method, session)

    @provide_session
    def get_authorized_pools(
        self, *, user: FabUser, method: ResourceMethod = "GET", session: Session = NEW_SESSION
    ) -> set[str]:
        """Return the names of the pools that the user may do this to."""
        return self._authorized_ids(Kind.POOL, super().is_authorized_pool, user, method, session)

    def _authorized_ids(self, kind: Kind, ask: Any, user: FabUser, method: Any, session: Session) -> set[str]:
        evaluator, principal = self._lists_for(user)
        action, owner = _ACTIONS.get(str(method)), evaluator.ownership.owner

        def permits(standing: Standing) -> bool:
            return bool(ask(method=method, user=standing))

        return {
            resource_id
            for resource_id, team in stored_ids(kind, session)
            if evaluator.decide(principal, Resource(kind, resource_id, owner(kind, resource_id, team)), action, permits)
        }

    @provide_session
    def get_authorized_assets(
        self, *, user: FabUser, method: ResourceMethod = "GET", session: Session = NEW_SESSION
    ) -> set[int]:
        """Return the ids of the assets that the user may do this to."""
        reach = self._list(user, super().is_authorized_asset, method, session)
        return set(session.scalars(select(AssetModel.id).where(reach.rows(ASSETS))))

    def _list(self, user: FabUser, ask: Any, method: Any, session: Session) -> Reach:
        evaluator, principal = self._lists_for(user)

        def permits(standing: Standing, _: str) -> bool:
            return bool(ask(method=method, user=_as_user(standing)))

        return Reach(evaluator, principal, _ASSET_ACTIONS.get(str(method)), permits, str(method), session)

    @provide_session
    def get_authorized_dag_ids(
        self, *, user: FabUser, method: ResourceMethod = "GET", session: Session = NEW_SESSION
    ) -> set[str]:
        """
        Return the ids of the Dags that the user may do this to.

        Where the request asked for a list of what is beneath Dags (runs, XComs …), only of those in which
        the user may read that: core asks about the list without naming a Dag, then filters by these ids alone.
        """
        evaluator, principal = self._lists_for(user)
        ask = super().is_authorized_dag
        entities = sorted(user.listed, key=str) if isinstance(user, TeamUser) and str(method) == "GET" else []

        def permits(standing: Any, dag_id: str) -> bool:
            details = DagDetails(id=dag_id)
            return all(
                ask(method=method, user=standing, access_entity=entity, details=details) for entity in (None, *entities)
            )

        action = _dag_action(str(method), None)
        asked = (str(method), *entities)
        reach = Reach(evaluator, principal, action, permits, asked, session)
        return cast("set[str]", reach.dag_ids(native=native_teams_are_on()))


def _dag_action(method: str, access_entity: DagAccessEntity | None) -> Action | None:
    """Return what a grant has to give (the table *Actions* in DESIGN section 3)."""
    if method == "GET":
        return Action.READ
    if access_entity is None:
        return Action.EDIT if method == "PUT" else None
    return Action.RUN if method in ("POST", "PUT") and access_entity in _RUN_ENTITIES else None


def _as_user(standing: Standing) -> FabUser:
    """Whoever FAB decides about: it reads their ``perms`` and nothing else."""
    return cast("FabUser", standing)


def _find_by_number(model: type[AssetModel | AssetAliasModel], number: str) -> AssetModel | AssetAliasModel | None:
    """Read the asset that Airflow's handler will take the text for: ``5``, and ``5.0`` as well."""
    try:
        key = _NUMBER.validate_python(number)
    except ValidationError:
        return None
    with create_session(scoped=False) as session:
        return cast("AssetModel | AssetAliasModel | None", session.get(model, key))


def fab_asks(manager: FabAuthManager) -> Callable[[Resource, Action], Permits]:
    """
    Return what FAB is asked where a question names an action instead of a request: ``why``, ``who-can`` and a
    policy's tests (the note under *Actions* in DESIGN section 3).
    """

    def asks(resource: Resource, action: Action) -> Permits:
        method: Any = {Action.READ: "GET", Action.EDIT: "PUT"}.get(action, "POST")

        def permits(standing: Any) -> bool:
            if action in (Action.USE, Action.CONSUME):
                return False  # what a task does; no role of a person's gives it
            if resource.kind is Kind.DAG:
                entity = DagAccessEntity.RUN if action is Action.RUN else None
                details = DagDetails(id=resource.id)
                return FabAuthManager.is_authorized_dag(
                    manager, method=method, user=standing, access_entity=entity, details=details
                )
            ask: Any = {
                Kind.CONNECTION: FabAuthManager.is_authorized_connection,
                Kind.VARIABLE: FabAuthManager.is_authorized_variable,
                Kind.POOL: FabAuthManager.is_authorized_pool,
                Kind.ASSET: FabAuthManager.is_authorized_asset,
                Kind.ALIAS: FabAuthManager.is_authorized_asset_alias,
            }[resource.kind]
            return bool(ask(manager, method=method, user=standing))

        return permits

    return asks
