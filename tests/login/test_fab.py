"""FAB's own ways to sign in: what LDAP is told of somebody's groups. (OAuth: tests/coexist/test_login.py.)"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from airflow.api_fastapi.app import get_auth_manager
from airflow.providers.fab.auth_manager.models import User
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.gate import fab_groups
from airflow_team_rbac.auth_manager.gate.hooks import GateMissing
from airflow_team_rbac.auth_manager.store.models import IdentityRow, IdpGroupRow
from sqlalchemy import select


class Directory:
    """What python-ldap shows of a directory with one person in it."""

    def __init__(self, attributes: dict[str, list[bytes]]) -> None:
        self.attributes = attributes

    def set_option(self, *_: object) -> None:
        pass

    def simple_bind_s(self, name: str, password: str) -> None:
        if password != "right":
            raise sys.modules["ldap"].INVALID_CREDENTIALS

    def search_s(self, *_: object) -> list:
        return [("uid=lena,ou=people", dict(self.attributes))]


@pytest.fixture
def sign_in(client, world, monkeypatch):
    class InvalidCredentials(Exception):
        pass

    def sign_in(attributes: dict, password: str = "right", mapping: dict | None = None):
        ldap = SimpleNamespace(
            initialize=lambda server: Directory(attributes),
            filter=SimpleNamespace(escape_filter_chars=lambda text: text),
            INVALID_CREDENTIALS=InvalidCredentials,
            SCOPE_SUBTREE=2,
            OPT_REFERRALS=1,
            OPT_X_TLS_REQUIRE_CERT=2,
            OPT_X_TLS_DEMAND=3,
            OPT_X_TLS_NEWCTX=4,
            set_option=lambda *_: None,
        )
        monkeypatch.setitem(sys.modules, "ldap", ldap)
        monkeypatch.setitem(sys.modules, "ldap.filter", ldap.filter)
        manager = get_auth_manager()
        with manager.flask_app.test_request_context():
            for name, value in {
                "AUTH_LDAP_SERVER": "ldap://localhost",
                "AUTH_LDAP_SEARCH": "ou=people",
                "AUTH_LDAP_USERNAME_FORMAT": "uid=%s,ou=people",
                "AUTH_LDAP_GROUP_FIELD": "memberOf",
                "AUTH_LDAP_TLS_DEMAND": False,
                "AUTH_LDAP_USE_TLS": False,
                "AUTH_LDAP_APPEND_DOMAIN": False,
                "AUTH_LDAP_SEARCH_FILTER": "",
                "AUTH_LDAP_UID_FIELD": "uid",
                "AUTH_LDAP_BIND_USER": "",
                "AUTH_LDAP_FIRSTNAME_FIELD": "givenName",
                "AUTH_LDAP_LASTNAME_FIELD": "sn",
                "AUTH_LDAP_EMAIL_FIELD": "mail",
                "AUTH_LDAP_ALLOW_SELF_SIGNED": False,
                "AUTH_LDAP_TLS_CACERTDIR": "",
                "AUTH_LDAP_TLS_CACERTFILE": "",
                "AUTH_LDAP_TLS_CERTFILE": "",
                "AUTH_LDAP_TLS_KEYFILE": "",
                "AUTH_LDAP_USE_NESTED_GROUPS_FOR_ROLES": False,
                "AUTH_ROLES_MAPPING": {"cn=sales,ou=groups": ["Op"]} if mapping is None else mapping,
            }.items():
                monkeypatch.setitem(manager.flask_app.config, name, value)
            return manager.security_manager.auth_user_ldap("lena", password)

    world.person("lena")
    return sign_in


def kept() -> tuple[set[str], int]:
    with create_session() as session:
        groups = select(IdpGroupRow.name).join(User, User.id == IdpGroupRow.user_id).where(User.username == "lena")
        return set(session.scalars(groups)), len(session.scalars(select(IdentityRow)).all())


GROUPS = {"memberOf": [b"cn=sales,ou=groups", "cn=\u00fcber,ou=groups".encode()]}


def test_groups_of_ldap_are_kept(sign_in):
    assert sign_in(GROUPS).username == "lena"
    assert kept() == ({"cn=sales,ou=groups", "cn=\u00fcber,ou=groups"}, 1)
    sign_in({"memberOf": [b"cn=finance,ou=groups"]})
    assert kept() == ({"cn=finance,ou=groups"}, 1)
    sign_in({"mail": [b"lena@example.com"]})
    assert kept() == (set(), 0)


def test_a_wrong_password_keeps_nothing(sign_in):
    assert sign_in(GROUPS, password="wrong") is None
    assert kept() == (set(), 0)


def test_where_fab_does_not_ask_for_groups_there_are_none(sign_in):
    assert sign_in(GROUPS, mapping={}).username == "lena"
    assert kept() == (set(), 0)


def test_a_custom_security_manager_stays_one():
    class Theirs(FabAirflowSecurityManagerOverride):
        pass

    made = fab_groups.taking_groups(Theirs)
    assert issubclass(made, Theirs)
    assert fab_groups.taking_groups(made) is made
    assert fab_groups.taking_groups(dict) is dict  # FAB says what is wrong with it


def test_it_says_so_where_fab_has_changed(monkeypatch):
    monkeypatch.delattr(FabAirflowSecurityManagerOverride, "_search_ldap")
    with pytest.raises(GateMissing, match="_search_ldap"):
        fab_groups.taking_groups(None)
