"""FAB's security manager, for people whose provider says who they are and which groups they are in."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.api_fastapi.app import get_auth_manager
from airflow.exceptions import AirflowConfigException
from airflow.providers.fab.auth_manager.models import User
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from airflow.providers.fab.auth_manager.views.user import CustomUserOAuthModelView
from flask import current_app
from flask_appbuilder.const import AUTH_DB, AUTH_OAUTH

from ..store import identities
from ..store.sign_in_links import use_link
from .claims import SignInRefused, read_identity
from .provider import PROVIDER, OidcClient, claim_paths, remote_app
from .views import OidcView, SignInLinkView


class SignsInAgain(FabAirflowSecurityManagerOverride):
    """What there is to sign-in whoever does it: a session that ends with its groups, and the link for an emergency."""

    def load_user(self, pk: int) -> User | None:
        """Return who a session is of; nobody once what the provider told has lapsed."""
        manager: Any = get_auth_manager()
        try:
            manager.people.find(int(pk))
        except ValueError:
            return None
        return super().load_user(pk)

    def sign_in_by_link(self, code: str) -> User:
        """Return whom a link signs in, and use it up. Raises SignInRefused."""
        user = use_link(code, self.session)
        self._rotate_session_id()
        self.update_user_auth_stat(user)
        return user

    def register_views(self) -> None:
        """Add the page of the link."""
        super().register_views()
        # Not by add_view_no_menu, which writes every view into FAB's tables: it asks for no permission.
        current_app.register_blueprint(SignInLinkView().create_blueprint(self.appbuilder))


class _UserView(CustomUserOAuthModelView):
    """FAB's page of users, which otherwise saves nobody without a role: here a role may come from a binding."""

    validators_columns: ClassVar[dict[str, Any]] = {}


class OidcSecurityManager(SignsInAgain):
    """FAB's login pages, pointed at the provider of ``[team_rbac] oidc_issuer``."""

    useroauthmodelview = _UserView
    authoauthview = OidcView

    def __init__(self, appbuilder: Any) -> None:
        config = current_app.config
        if config.get("AUTH_TYPE", AUTH_DB) != AUTH_DB:
            raise AirflowConfigException(
                "webserver_config.py sets AUTH_TYPE, and airflow.cfg sets [team_rbac] oidc_issuer: two ways to "
                "sign in. Remove one of them."
            )
        config["AUTH_TYPE"] = AUTH_OAUTH
        config["OAUTH_PROVIDERS"] = [
            {"name": PROVIDER, "icon": "fa-sign-in", "remote_app": {"client_cls": OidcClient, **remote_app()}}
        ]
        self._claim_paths = claim_paths()
        super().__init__(appbuilder)

    def sign_in(self, token: dict[str, Any]) -> User:
        """
        Return the FAB user of who signed in, made if need be, with their groups as told now.

        :param token: what the provider's token endpoint answered. Authlib has checked the id token: ``userinfo``
        :raises SignInRefused: nobody is signed in, and nothing is kept
        """
        client = self.oauth_remotes[PROVIDER]
        id_token = token.get("userinfo")
        if not id_token:
            raise SignInRefused("The identity provider sent no id token. Tell an administrator.")
        more = client.userinfo(token=token) if client.load_server_metadata().get("userinfo_endpoint") else {}
        user = identities.sign_in(read_identity(id_token, more, self._claim_paths), self.session)
        self._rotate_session_id()
        self.update_user_auth_stat(user)
        return user
