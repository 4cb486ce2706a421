"""What the commands do: read the arguments, ask the store, print."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Callable
from datetime import timedelta
from getpass import getuser
from pathlib import Path
from typing import Any, NoReturn

from airflow.cli.simple_table import AirflowConsole
from airflow.configuration import conf
from airflow.utils.cli import action_cli, suppress_logs_and_warning
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from airflow.utils.session import create_session
from rich.markup import escape
from sqlalchemy.orm import Session

from ..login.provider import sign_in_link_uri
from ..policy import document
from ..policy.model import ACTIONS, Action, Binding, Grant, Reference
from ..policy.plan import Plan, describe
from ..store.access import AccessCheck, Answer, NoSuchUser
from ..store.changes import Author, Refused, apply_file, check_released, plan_file
from ..store.database import TeamRbacDBManager
from ..store.identities import all_identities, link, unlink
from ..store.people import People
from ..store.roles import role_names
from ..store.sign_in_links import make_link
from ..store.snapshot import PolicyUnavailable, read_policy, read_revision

_MARKS = {"add": "+", "change": "~", "remove": "-"}


def _stop(message: object) -> NoReturn:
    """End with the status of a call that could not be carried out, which ``why`` tells from a "no"."""
    print(message, file=sys.stderr)  # noqa: T201
    raise SystemExit(2)


def _say(line: str = "") -> None:
    print(line)  # noqa: T201


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        _stop(f"{path} cannot be read: {error}")


def _asks() -> Any:
    from ..team_auth_manager import TeamAuthManager, fab_asks

    return fab_asks(TeamAuthManager())


def _ensure_roles() -> None:
    """Have FAB make its roles, as it does when the API server starts: a new deployment has none yet."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with create_session() as session:
        missing = not role_names(session)
    if missing:
        _say("FAB has no roles yet: making its own, as airflow sync-perm does.")
        logging.getLogger("airflow.providers.fab").setLevel(logging.WARNING)  # it says each of 300 permissions
        with get_application_builder() as builder:
            builder.sm.sync_roles()


@action_cli
@providers_configuration_loaded
def apply(args: Namespace) -> None:
    """Apply a policy file."""
    text, asks = _read(args.file), _asks()
    if not args.dry_run:
        _ensure_roles()
    try:
        with create_session() as session:
            if args.dry_run:
                plan = plan_file(text, prune=args.prune, asks=asks, session=session)
            else:
                author = Author(getuser(), "file")
                plan = apply_file(
                    text, prune=args.prune, release=args.release, asks=asks, author=author, session=session
                )
        _print_plan(plan)
        if args.dry_run:
            check_released(plan, release=args.release)
    except document.PolicyFileError as error:
        _stop(f"{args.file} is refused, and nothing was applied:\n{error}")
    except Refused as error:
        _stop(f"Nothing was applied. {error}")
    if args.dry_run:
        _say("Dry run: nothing was changed.")
    elif plan.changes:
        with create_session() as session:
            _say(f"Applied {len(plan.changes)} change(s); the policy is at revision {read_revision(session)}.")
    else:
        _say("Nothing to change.")


def _print_plan(plan: Plan) -> None:
    for change in plan.changes:
        _say(f"{_MARKS[change.verb]} {change}")
    if plan.owners:
        _say(f"Owners that change ({len(plan.owners)}):")
        for owner in plan.owners:
            _say(f"  {owner}")
    for row in plan.kept:
        _say(f"= kept, though the file does not have it (--prune removes it): {row_name(row)}")
    _print_unprotected(plan)


def row_name(row: Any) -> str:
    """Name a row for a person."""
    return f"team {row.name}" if hasattr(row, "prefixes") else str(row)


def _print_unprotected(plan: Plan) -> None:
    for team in plan.unprotected:
        _say(f"! team {team.name} is unprotected: it names no sources, so anyone who writes Dags can claim its ids")


@action_cli
@providers_configuration_loaded
def check(args: Namespace) -> None:
    """Say whether a policy file is right."""
    text, asks = _read(args.file), _asks()
    try:
        with create_session() as session:
            plan = plan_file(text, prune=False, asks=asks, session=session)
    except document.PolicyFileError as error:
        _stop(f"{args.file} is refused:\n{error}")
    _print_unprotected(plan)
    _say(f"{args.file} is right; applying it would make {len(plan.changes)} change(s).")


@action_cli
@suppress_logs_and_warning
@providers_configuration_loaded
def export(args: Namespace) -> None:
    """Write the policy as a file."""
    with create_session() as session:
        policy = read_policy(session)
    text = document.render(policy)
    if args.file:
        Path(args.file).write_text(text, encoding="utf-8")
    else:
        _say(text.rstrip("\n"))


@suppress_logs_and_warning
@providers_configuration_loaded
def why(args: Namespace) -> None:
    """Say whether somebody may do something, and which rule decides."""
    action, reference = _question(args)
    given = [name for name in ("user", "groups", "task_dag") if getattr(args, name) is not None]
    if len(given) != 1:
        _stop("Say who: exactly one of --user, --groups and --task-dag.")
    with create_session() as session:
        access = _access(session)
        try:
            if args.user is not None:
                subject, decision = f"user {args.user}", access.user(args.user, action, reference)
            elif args.groups is not None:
                groups = [group for group in args.groups.split(",") if group]
                subject, decision = f"groups {args.groups}", access.groups(groups, action, reference)
            else:
                subject, decision = f"a task of {args.task_dag}", access.task(args.task_dag, action, reference)
        except NoSuchUser as error:
            _stop(error.args[0])
        except ValueError as error:  # a disabled account
            _stop(error)
        answer = Answer(subject, decision)
        if args.output == "table":
            verdict = "may" if decision else "may NOT"
            _say(f"{subject} {verdict} {action} {reference} [{decision.rule}]\n{decision.reason}.")
        else:
            _print_rows([answer], args.output, _answer)
    raise SystemExit(0 if decision else 1)


@suppress_logs_and_warning
@providers_configuration_loaded
def who_can(args: Namespace) -> None:
    """Say who may do something."""
    action, reference = _question(args)
    with create_session() as session:
        access = _access(session)
        answers = [answer for answer in access.who_can(action, reference) if answer.decision]
        _print_rows(answers, args.output, _answer)


def _access(session: Session) -> AccessCheck:
    try:
        return AccessCheck(People(), _asks(), session)
    except PolicyUnavailable as error:
        _stop(f"{error}. Is the database up, and did airflow db migrate run?")


def _question(args: Namespace) -> tuple[Action, Reference]:
    try:
        reference = Reference.parse(args.resource)
    except ValueError as error:
        _stop(f"--resource: {error}")
    action = Action(args.action)
    if action not in ACTIONS[reference.kind]:
        known = ", ".join(ACTIONS[reference.kind])
        _stop(f"--action: {args.action!r} is no action for a {reference.kind}; the actions are {known}")
    return action, reference


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "subject": answer.subject,
        "allowed": str(answer.decision.allowed).lower(),
        "rule": str(answer.decision.rule),
        "reason": answer.decision.reason,
    }


def _print_rows(rows: Any, output: str, describes: Callable[[Any], dict[str, str]]) -> None:
    def mapper(row: Any) -> dict[str, str]:
        cells = describes(row)
        # A table takes square brackets for markup.
        return {key: escape(cell) for key, cell in cells.items()} if output == "table" else cells

    AirflowConsole().print_as(data=rows, output=output, mapper=mapper)


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)


@suppress_logs_and_warning
@providers_configuration_loaded
def list_teams(args: Namespace) -> None:
    """List teams."""
    with create_session() as session:
        teams = read_policy(session).teams
    _print_rows(teams, args.output, lambda team: {key: _plain(value) for key, value in describe(team).items()})


@suppress_logs_and_warning
@providers_configuration_loaded
def list_bindings(args: Namespace) -> None:
    """List bindings."""
    with create_session() as session:
        bindings = read_policy(session).bindings
    _print_rows(
        bindings,
        args.output,
        lambda binding: {
            "subject": f"{binding.subject_kind}:{binding.subject}",
            "place": binding.team or "(deployment)",
            "role": binding.role,
            **_ending(binding),
        },
    )


@suppress_logs_and_warning
@providers_configuration_loaded
def list_grants(args: Namespace) -> None:
    """List grants."""
    with create_session() as session:
        grants = read_policy(session).grants
    _print_rows(
        grants,
        args.output,
        lambda grant: {
            "to": grant.to,
            "resource": str(grant.resource),
            "owner": grant.owner,
            "actions": ", ".join(sorted(map(str, grant.actions))),
            **_ending(grant),
        },
    )


def _ending(row: Binding | Grant) -> dict[str, str]:
    return {
        "expires": _plain(row.expires and row.expires.isoformat()),
        "reason": row.reason,
        "managed_by": row.origin.managed_by,
        "created_by": row.origin.created_by,
    }


@action_cli(check_db=False)
@providers_configuration_loaded
def db_downgrade(args: Namespace) -> None:
    """Take this package's tables back to an earlier revision."""
    with create_session() as session:
        TeamRbacDBManager(session).downgrade(args.to_revision)
    _say(f"The team_rbac tables are at {args.to_revision}.")


@suppress_logs_and_warning
@providers_configuration_loaded
def list_identities(args: Namespace) -> None:
    """List who FAB's users are at the identity provider."""
    with create_session() as session:
        found = all_identities(session)
    _print_rows(
        found,
        args.output,
        lambda one: {
            "username": one.username,
            "issuer": one.issuer,
            "subject": one.subject,
            "signed_in_at": "" if one.groups_at is None else one.groups_at.isoformat(),
            "groups": ", ".join(one.groups),
        },
    )


@action_cli
@providers_configuration_loaded
def link_identity(args: Namespace) -> None:
    """Say that an account is somebody's at the provider."""
    issuer = args.issuer or conf.get("team_rbac", "oidc_issuer")
    if not issuer:
        _stop("[team_rbac] oidc_issuer is empty: say --issuer")
    try:
        with create_session() as session:
            link(args.username, issuer, args.subject, Author(getuser(), "cli"), session)
    except Refused as refused:
        _stop(refused)
    _say(f"{args.username} is {args.subject!r} of {issuer}. Whoever was signed in with it has to sign in again.")


@action_cli
@providers_configuration_loaded
def unlink_identity(args: Namespace) -> None:
    """Forget whose an account is."""
    try:
        with create_session() as session:
            unlink(args.username, Author(getuser(), "cli"), session)
    except Refused as refused:
        _stop(refused)
    _say(f"{args.username} is nobody's at an identity provider any more.")


@action_cli
@providers_configuration_loaded
def make_sign_in_link(args: Namespace) -> None:
    """Print a link that signs somebody in once."""
    if not 1 <= args.minutes <= 60:
        _stop(f"--minutes {args.minutes}: a link works for 1 to 60 minutes")
    try:
        with create_session() as session:
            code, expires = make_link(args.username, Author(getuser(), "cli"), timedelta(minutes=args.minutes), session)
    except Refused as refused:
        _stop(refused)
    _say(f"{sign_in_link_uri()}#{code}")
    _say(f"It signs {args.username} in once, until {expires.isoformat(timespec='seconds')}. Tell it to nobody else.")


@suppress_logs_and_warning
@providers_configuration_loaded
def oidc_check(args: Namespace) -> None:
    """Ask the provider what it offers, and say what is missing."""
    from .oidc import look

    token = None
    if args.token is not None:
        token = _read("/dev/stdin" if args.token == "-" else args.token)  # noqa: S105  # the name of a file
    findings = list(look(token))
    _print_rows(
        findings,
        args.output,
        lambda one: {"check": one.what, "result": "ok" if one.good else "WRONG", "detail": one.detail},
    )
    if not all(one.good for one in findings):
        raise SystemExit(1)
