"""The pages on which people sign in and out: FAB's, where it has them."""

from __future__ import annotations

import logging
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_cookie_path
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.configuration import conf
from airflow.providers.fab.auth_manager.views.auth_oauth import CustomAuthOAuthView
from airflow.providers.fab.www.views import get_safe_url, redirect
from flask import Response, abort, g, make_response, request, session
from flask_appbuilder import BaseView, expose
from flask_login import login_user, logout_user

from .claims import SignInRefused
from .provider import PROVIDER, AirflowFails, OidcClient, redirect_uri, refusal, signed_out_uri

log = logging.getLogger(__name__)

_TEMPLATES = str(files("airflow_team_rbac.ui_templates"))
_ID_TOKEN = "team_rbac_id_token"  # noqa: S105  # the name of a key
_LONGEST_HINT = 4000
"""How long a URL may get for the sake of the provider's not asking whether to sign out."""


class OidcView(CustomAuthOAuthView):
    """Signing in at the provider, and out of it."""

    template_folder = _TEMPLATES
    title = "Sign in"

    def _client(self) -> OidcClient:
        client: OidcClient = self.appbuilder.sm.oauth_remotes[PROVIDER]
        return client

    @expose("/login/")
    @expose("/login/<provider>")
    def login(self, provider: str | None = None) -> Any:
        """
        Send people to the provider, who ask for a page and are not signed in; show others the way there.

        Whoever just signed out must not find themselves signed in again by a provider that has not forgotten them.
        """
        wanted = request.args.get("next", "")
        if g.user is not None and g.user.is_authenticated:
            # FAB's own pages send whoever may not see them here: never back to them, and so in a circle.
            denied = urlsplit(wanted).path.startswith(urlsplit(signed_out_uri()).path.removesuffix("login/"))
            return redirect(self.appbuilder.get_url_for_index if denied else get_safe_url(wanted))
        if provider is None and not wanted:
            return self.render_template("sign_in.html", title=self.title, provider=PROVIDER)
        try:
            begun = self._client().create_authorization_url(redirect_uri())
            self._client().save_authorize_data(redirect_uri=redirect_uri(), next=wanted, **begun)
        except Exception as error:
            return refused(self, error)
        return redirect(begun["url"])

    @expose("/oauth-authorized/<provider>")
    def oauth_authorized(self, provider: str) -> Any:
        """Take the provider's answer, and show the page that was asked for."""
        if provider != PROVIDER:
            abort(404)
        begun = self._client().framework.get_state_data(session, request.args.get("state")) or {}
        try:
            self._client().check_issuer(request.args.get("iss"))
            token = self._client().authorize_access_token()
            user = self.appbuilder.sm.sign_in(token)
        except Exception as error:
            return refused(self, error)
        login_user(user)
        if conf.get("fab", "session_backend") == "database":  # else all of the session is in a cookie
            session[_ID_TOKEN] = token["id_token"]
        return redirect(get_safe_url(begun.get("next")))

    @expose("/logout/")
    def logout(self) -> Response:
        """Sign out here, and at the provider where it offers that (OpenID Connect RP-Initiated Logout 1.0)."""
        hint = session.get(_ID_TOKEN)
        logout_user()
        session.clear()
        response = make_response(redirect(self._goodbye(hint)))
        for path in {get_cookie_path(), "/"}:
            response.delete_cookie(COOKIE_NAME_JWT_TOKEN, path=path, httponly=True, secure=request.is_secure)
        return response

    def _goodbye(self, hint: str | None) -> str:
        try:
            if not self._client().load_server_metadata().get("end_session_endpoint"):
                return signed_out_uri()
        except SignInRefused as error:
            log.warning("Signed out of Airflow alone: %s", error)
            return signed_out_uri()
        url: str = self._client().create_logout_url(
            signed_out_uri(),
            id_token_hint=hint if hint and len(hint) <= _LONGEST_HINT else None,
            client_id=self._client().client_id,
        )["url"]
        return url


class SignInLinkView(BaseView):  # type: ignore[misc]
    """
    Signing in by a link that ``airflow team-rbac sign-in`` printed.

    What is secret of it follows the ``#``, which a browser sends nobody; and looking at the page does not use it up.
    """

    route_base = "/sign-in"
    default_view = "show"
    template_folder = _TEMPLATES

    @expose("/", methods=["GET"])
    def show(self) -> Any:
        """Ask whether to sign in."""
        return self.render_template("sign_in_link.html", title="Sign in by a link")

    @expose("/", methods=["POST"])
    def use(self) -> Any:
        """Sign in, once."""
        try:
            user = self.appbuilder.sm.sign_in_by_link(request.form.get("code", ""))
        except SignInRefused as error:
            return refused(self, error)
        login_user(user)
        return redirect(get_safe_url(None))


def refused(view: BaseView, error: Exception) -> Response:
    """Return the page that says why nobody was signed in. It leaves nothing behind: no user, no session, no cookie."""
    told = refusal(error)
    log.warning("Nobody was signed in: %s", told, exc_info=error if isinstance(told, AirflowFails) else None)
    view.appbuilder.sm.session.rollback()
    again = view.appbuilder.get_url_for_login
    response = make_response(view.render_template("sign_in_refused.html", told=str(told), again=again), told.status)
    if "_user_id" not in session:
        session.clear()
    return response
