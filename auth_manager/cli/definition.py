"""The commands, as Airflow's command line wants them declared. Cheap to import: every command does."""

from __future__ import annotations

from airflow.cli.cli_config import (
    ARG_OUTPUT,
    ARG_VERBOSE,
    ActionCommand,
    Arg,
    CLICommand,
    GroupCommand,
    lazy_load_command,
)

from ..policy.model import Action

_COMMANDS = "airflow_team_rbac.auth_manager.cli.commands"

ARG_FILE = Arg(("file",), help="The policy file (TOML)", metavar="FILE")
ARG_EXPORT_FILE = Arg(("file",), help="Where to write it; standard output if left out", nargs="?", metavar="FILE")
ARG_DRY_RUN = Arg(("--dry-run",), help="Say what would change, and change nothing", action="store_true")
ARG_PRUNE = Arg(("--prune",), help="Remove what an earlier file made and this one does not have", action="store_true")
ARG_RELEASE = Arg(
    ("--release",),
    help="Let existing resources of a team become unowned, so that global roles reach them",
    action="store_true",
)
ARG_USER = Arg(("--user",), help="The username of a FAB user")
ARG_GROUPS = Arg(("--groups",), help="IdP groups of somebody without a FAB role, separated by commas")
ARG_TASK_DAG = Arg(("--task-dag",), help="The id of a Dag: asks about its tasks")
ARG_ACTION = Arg(("--action",), help="The action", choices=[str(action) for action in Action], required=True)
ARG_RESOURCE = Arg(("--resource",), help="The resource, as kind:id (connection:sales__dwh)", required=True)
ARG_USERNAME = Arg(("username",), help="The username of a FAB user", metavar="USERNAME")
ARG_SUBJECT = Arg(("--subject",), help="The sub claim by which the provider knows them", required=True)
ARG_ISSUER = Arg(("--issuer",), help="The provider's issuer; [team_rbac] oidc_issuer if left out")
ARG_MINUTES = Arg(("--minutes",), help="How long the link works", type=int, default=10)
ARG_TOKEN = Arg(
    ("--token",),
    help="A file with an id token, or with what the token endpoint answered (JSON); - is standard input. Says which "
    "groups, teams and roles it would give",
    metavar="FILE",
)
ARG_REVISION = Arg(("--to-revision",), help="The revision to go back to; base drops the tables", default="base")


def _command(name: str, function: str, help_text: str, *args: Arg) -> ActionCommand:
    return ActionCommand(
        name=name, help=help_text, func=lazy_load_command(f"{_COMMANDS}.{function}"), args=(*args, ARG_VERBOSE)
    )


def _list(name: str, help_text: str) -> GroupCommand:
    command = _command("list", f"list_{name}", f"List {name}", ARG_OUTPUT)
    return GroupCommand(name=name, help=help_text, subcommands=(command,))


def get_cli_commands() -> list[CLICommand]:
    """Return ``airflow team-rbac`` and all beneath it."""
    return [
        GroupCommand(
            name="team-rbac",
            help="Manage the teams that share this Airflow",
            subcommands=(
                _command(
                    "apply",
                    "apply",
                    "Apply a policy file",
                    ARG_FILE,
                    ARG_DRY_RUN,
                    ARG_PRUNE,
                    ARG_RELEASE,
                ),
                _command("check", "check", "Say whether a policy file is right, and run its tests", ARG_FILE),
                _command("export", "export", "Write the policy as a file", ARG_EXPORT_FILE),
                _command(
                    "why",
                    "why",
                    "Say whether somebody may do something, and which rule decides (exit status 0: yes, 1: no)",
                    ARG_USER,
                    ARG_GROUPS,
                    ARG_TASK_DAG,
                    ARG_ACTION,
                    ARG_RESOURCE,
                    ARG_OUTPUT,
                ),
                _command("who-can", "who_can", "Say who may do something", ARG_ACTION, ARG_RESOURCE, ARG_OUTPUT),
                _list("teams", "Teams and what is theirs"),
                _list("bindings", "Who holds which role where"),
                _list("grants", "What teams let others do"),
                GroupCommand(
                    name="identities",
                    help="Who FAB's users are at the identity provider",
                    subcommands=(
                        _command("list", "list_identities", "List them", ARG_OUTPUT),
                        _command(
                            "link",
                            "link_identity",
                            "Say that an account is somebody's at the provider",
                            ARG_USERNAME,
                            ARG_SUBJECT,
                            ARG_ISSUER,
                        ),
                        _command("unlink", "unlink_identity", "Forget whose an account is", ARG_USERNAME),
                    ),
                ),
                GroupCommand(
                    name="oidc",
                    help="Signing in by OpenID Connect",
                    subcommands=(
                        _command(
                            "check",
                            "oidc_check",
                            "Ask the provider what it offers, and say what is missing",
                            ARG_TOKEN,
                            ARG_OUTPUT,
                        ),
                    ),
                ),
                _command(
                    "sign-in",
                    "make_sign_in_link",
                    "Print a link that signs somebody in once, for when the identity provider is down",
                    ARG_USERNAME,
                    ARG_MINUTES,
                ),
                _command("db-downgrade", "db_downgrade", "Take this package's tables back, to remove it", ARG_REVISION),
            ),
        )
    ]
