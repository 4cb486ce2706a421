"""An identity is an issuer and a subject. An account is theirs for certain, or they are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from airflow.providers.fab.auth_manager.models import User
from airflow.utils.session import create_session
from airflow_team_rbac.auth_manager.login.claims import Identity, SignInRefused
from airflow_team_rbac.auth_manager.store import identities
from airflow_team_rbac.auth_manager.store.identities import sign_in
from airflow_team_rbac.auth_manager.store.models import IdentityRow, IdpGroupRow
from airflow_team_rbac.auth_manager.store.people import utcnow
from sqlalchemy import select, text, update
from werkzeug.security import generate_password_hash

ANA = Identity(
    "https://idp.example.com", "s-1", "ana", "Ana", "Alba", "ana@example.com", frozenset({"sales-dev", "marketing"})
)
TABLES = ("ab_user", "ab_user_role", "team_rbac_identity", "team_rbac_idp_group")


def accept(identity: Identity) -> int:
    with create_session(scoped=False) as session:
        return sign_in(identity, session).id


def everything() -> dict[str, list]:
    """All that is known of people."""
    with create_session(scoped=False) as session:
        return {table: sorted(map(str, session.execute(text(f"SELECT * FROM {table}")))) for table in TABLES}


def refuse(identity: Identity, match: str) -> None:
    """Expect a refusal that leaves everything as it was."""
    before = everything()
    with create_session(scoped=False) as session:
        with pytest.raises(SignInRefused, match=match):
            sign_in(identity, session)
        session.commit()  # whatever is done next in the same session
    assert everything() == before


def account(user_id: int) -> tuple:
    """Username, names, address, roles and groups."""
    with create_session(scoped=False) as session:
        user = session.get(User, user_id)
        groups = session.scalars(select(IdpGroupRow.name).where(IdpGroupRow.user_id == user_id))
        return (
            user.username,
            user.first_name,
            user.last_name,
            user.email,
            sorted(role.name for role in user.roles),
            sorted(groups),
        )


def set_password(user_id: int, password: str | None) -> None:
    value = None if password is None else generate_password_hash(password, method="pbkdf2:sha256:1000")
    with create_session() as session:
        session.execute(update(User).where(User.id == user_id).values(password=value))


def people() -> int:
    return len(everything()["ab_user"])


@pytest.fixture(autouse=True)
def _empty(world):
    """Start with nobody."""


# At the first sign-in --------------------------------------------------------------------------------


def test_somebody_new_gets_an_account_without_roles(monkeypatch):
    now = utcnow()
    monkeypatch.setattr(identities, "utcnow", lambda: now)
    ana = accept(ANA)
    assert account(ana) == ("ana", "Ana", "Alba", "ana@example.com", [], ["marketing", "sales-dev"])
    with create_session() as session:
        row, user = session.get(IdentityRow, ana), session.get(User, ana)
        assert (row.issuer, row.subject, row.groups_at) == ("https://idp.example.com", "s-1", now)
        assert row.user_created_on == user.created_on is not None
        assert user.is_active
        assert not user.password


def test_a_provider_may_know_no_address_and_no_groups():
    ana = accept(replace(ANA, email="", groups=frozenset()))
    assert account(ana) == ("ana", "Ana", "Alba", "ana@email.notfound", [], [])


@pytest.mark.parametrize("password", [None, ""])
@pytest.mark.parametrize("username", ["ana", "Ana"])
def test_an_account_without_a_password_is_theirs_with_its_roles(world, username, password):
    """An account that FAB made for somebody of the identity provider, before this package came."""
    old = world.person(username, roles=["Viewer"])
    set_password(old, password)
    assert accept(ANA) == old
    assert account(old) == (username, "Ana", "Alba", "ana@example.com", ["Viewer"], ["marketing", "sales-dev"])
    assert people() == 1


def test_an_account_with_a_password_is_not(world):
    set_password(world.person("ana"), "her own")
    refuse(ANA, "with a password of its own")


@pytest.mark.parametrize("username", ["ana", "ANA"])
def test_an_administrators_account_is_not(world, username):
    world.person(username, roles=["Viewer", "Admin"])
    refuse(ANA, "an administrator's")


def test_an_administrators_account_is_not_where_others_are_superusers(world, monkeypatch):
    monkeypatch.setenv("AIRFLOW__TEAM_RBAC__SUPERUSER_ROLES", "Root, op")
    world.apply("[teams.sales]")  # what is configured is read with the policy
    world.person("ana", roles=["Op"])
    refuse(ANA, "an administrator's")


def test_an_account_that_is_somebody_elses_at_the_provider_is_not(world):
    world.person("ana", groups=["finance"])
    refuse(ANA, "somebody else's at the identity provider")


def test_a_disabled_account_is_not(world):
    world.person("ana", active=False)
    refuse(ANA, "is disabled")


def test_an_address_that_is_somebody_elses(world):
    world.person("bo")
    refuse(replace(ANA, email="bo@example.com"), "Another account has the e-mail address")


def test_an_account_of_theirs_and_an_address_that_is_somebody_elses(world):
    world.person("ana", roles=["Viewer"])
    world.person("bo")
    refuse(replace(ANA, email="bo@example.com"), "Another account has the e-mail address")


# At the next ones ------------------------------------------------------------------------------------


def test_the_next_sign_in_replaces_groups_names_and_address(monkeypatch):
    ana, later = accept(ANA), utcnow() + timedelta(hours=3)
    monkeypatch.setattr(identities, "utcnow", lambda: later)
    assert accept(replace(ANA, first_name="Anna", email="new@example.com", groups=frozenset({"ops"}))) == ana
    assert account(ana) == ("ana", "Anna", "Alba", "new@example.com", [], ["ops"])
    with create_session() as session:
        assert session.get(IdentityRow, ana).groups_at == later


def test_groups_that_are_gone_are_gone():
    ana = accept(ANA)
    accept(replace(ANA, groups=frozenset()))
    assert account(ana)[-1] == []


def test_another_username_is_still_the_same_person():
    ana = accept(ANA)
    assert accept(replace(ANA, username="ana.alba")) == ana
    assert account(ana)[0] == "ana"
    assert people() == 1


def test_the_same_username_is_not_the_same_person():
    accept(ANA)
    refuse(replace(ANA, subject="s-2"), "somebody else's")
    refuse(replace(ANA, issuer="https://other.example.com"), "somebody else's")
    refuse(replace(ANA, username="ANA", subject="s-2"), "somebody else's")


def test_another_person_is_another_account():
    ana = accept(ANA)
    bo = accept(Identity(ANA.issuer, "s-2", "bo", "Bo", "Bell", "bo@example.com", frozenset({"sales-dev"})))
    assert ana != bo
    assert people() == 2


def test_who_took_their_username_at_the_provider_does_not_get_their_account():
    """Ana becomes ana.alba, and the company gives somebody new her old name."""
    ana = accept(ANA)
    accept(replace(ANA, username="ana.alba"))
    refuse(replace(ANA, subject="s-9", email="ana2@example.com"), "somebody else's")
    assert account(ana)[0] == "ana"


def test_an_account_that_was_disabled_since():
    with create_session() as session:
        session.get(User, accept(ANA)).active = False
    refuse(ANA, "is disabled")


def test_a_role_and_a_password_given_since_are_kept(world):
    """It is their account for certain: who gives it more means them."""
    ana = accept(ANA)
    set_password(ana, "a second way in")
    assert accept(ANA) == ana
    with create_session() as session:
        assert session.get(User, ana).password


def test_an_account_that_was_deleted_since_is_made_anew():
    with create_session() as session:
        session.delete(session.get(User, accept(ANA)))
    again = accept(replace(ANA, groups=frozenset({"ops"})))
    assert account(again) == ("ana", "Ana", "Alba", "ana@example.com", [], ["ops"])
    assert len(everything()["team_rbac_identity"]) == 1


def test_the_id_of_a_deleted_account_given_to_somebody_else_is_not_theirs():
    ana = accept(ANA)
    with create_session() as session:
        session.delete(session.get(User, ana))
    with create_session() as session:
        session.add(User(id=ana, username="eve", first_name="E", last_name="V", email="eve@example.com", active=True))
    again = accept(ANA)
    assert again != ana
    assert account(again)[0] == "ana"
    assert account(ana)[0] == "eve"
    eve = Identity(ANA.issuer, "s-3", "eve", "Eve", "Vale", "eve@example.com", frozenset())
    assert accept(eve) == ana
    assert account(ana)[-1] == []
