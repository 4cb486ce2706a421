"""
The policy file (DESIGN section 4): TOML in, teams, bindings, grants and tests out.

``parse`` checks the shape, ``merge`` everything that needs to know what is there already. Both find all
mistakes before they raise ``PolicyFileError``, and each names its key and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal

import tomlkit
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from tomlkit.exceptions import TOMLKitError

from .model import (
    ACTIONS,
    DEFAULT_POOL,
    EVERY_TEAM,
    EVERYONE,
    Action,
    Binding,
    Grant,
    Kind,
    Policy,
    Reference,
    Team,
    fold,
)
from .ownership import READ_WITHOUT_CASE, Ownership

TEAM_NAME = re.compile(r"[a-z0-9_-]{3,50}")
"""New team names. Airflow 3.4 lower-cases them."""

_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_TIME = "write a time with its zone, such as 2026-12-31T00:00:00Z"


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, what is wrong, and what to write instead."""

    key: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"{self.key} (line {self.line})" if self.line else self.key
        return f"{where}: {self.message}"


class PolicyFileError(ValueError):
    """The policy file is refused. ``problems`` holds every mistake that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Team(_Block):
    description: str = ""
    prefixes: list[str] | None = None
    asset_uris: list[str] = []
    sources: list[str] = []
    resources: list[str] = []


class _Binding(_Block):
    group: str | None = None
    group_regex: str | None = None
    user: str | None = None
    team: str | None = None
    scope: Literal["deployment"] | None = None
    role: str
    expires: AwareDatetime | None = None
    reason: str = ""


class _Grant(_Block):
    to: str
    resource: str
    actions: Annotated[list[str], Field(min_length=1)]
    reason: str
    team: str | None = None
    expires: AwareDatetime | None = None


class _Test(_Block):
    user_groups: list[str] | None = None
    user: str | None = None
    task_dag: str | None = None
    global_roles: list[str] = []
    action: str
    resource: str
    expect: Literal["allow", "deny"]
    at: AwareDatetime | None = None


class _File(_Block):
    version: Annotated[int, Field(ge=1, le=1)]
    teams: dict[str, _Team] = {}
    bindings: list[_Binding] = []
    grants: list[_Grant] = []
    tests: list[_Test] = []


_BLOCKS: dict[str, type[_Block]] = {"teams": _Team, "bindings": _Binding, "grants": _Grant, "tests": _Test}


@dataclass(frozen=True)
class SelfTest:
    """One of the file's ``[[tests]]``."""

    key: str
    user_groups: tuple[str, ...] | None
    user: str | None
    task_dag: str | None
    global_roles: tuple[str, ...]
    action: Action
    resource: Reference
    expect: bool
    at: datetime | None
    line: int | None


@dataclass(frozen=True)
class Document:
    """A policy file whose shape is right."""

    teams: Mapping[str, Team]
    bindings: tuple[Binding, ...]
    grants: tuple[Grant, ...]
    """Their ``owner`` is empty where the file does not name the team: ``merge`` finds it."""
    tests: tuple[SelfTest, ...]
    locate: Callable[[str], int | None]
    """The line of a key, where it can be told."""


class _Problems:
    def __init__(self, locate: Callable[[str], int | None]) -> None:
        self._locate = locate
        self.found: list[Problem] = []

    def line(self, key: str) -> int | None:
        return self._locate(key)

    def add(self, key: str, message: str) -> None:
        self.found.append(Problem(key, message, self.line(key)))

    def raise_if_any(self) -> None:
        if self.found:
            raise PolicyFileError(self.found)


# Shape ---------------------------------------------------------------------------------------------


def parse(text: str) -> Document:
    """Read a policy file. Raises PolicyFileError with every mistake in its shape."""
    try:
        raw = tomlkit.parse(text).unwrap()
    except TOMLKitError as error:
        raise PolicyFileError([Problem("the file", f"is not TOML: {error}")]) from None
    problems = _Problems(_locator(text))
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        for item in error.errors():
            problems.add(_path(item["loc"]), _say(item["type"], item["loc"], item["msg"], item.get("input")))
        problems.raise_if_any()
        raise  # pragma: no cover - pydantic reports at least one error
    document = Document(
        teams={name: _team(name, block, problems) for name, block in file.teams.items()},
        bindings=tuple(_binding(f"bindings[{n}]", block, problems) for n, block in enumerate(file.bindings)),
        grants=_present(_grant(f"grants[{n}]", block, problems) for n, block in enumerate(file.grants)),
        tests=_present(_test(f"tests[{n}]", block, problems) for n, block in enumerate(file.tests)),
        locate=problems.line,
    )
    problems.raise_if_any()
    return document


def _present(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(item for item in items if item is not None)


def _path(location: Iterable[int | str]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _locator(text: str) -> Callable[[str], int | None]:
    """Find lines by their table headers, which is as much as a TOML reader tells."""
    lines: dict[str, int] = {}
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]", line)
        if header is None:
            continue
        name = header.group(2).replace('"', "")
        if header.group(1) == "[[":
            seen[name] = seen.get(name, -1) + 1
            name = f"{name}[{seen[name]}]"
        lines[name] = number

    def locate(key: str) -> int | None:
        while key and key not in lines:
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return lines.get(key)

    return locate


def _say(kind: str, location: tuple[int | str, ...], message: str, given: object) -> str:
    if kind == "extra_forbidden":
        block = _BLOCKS.get(str(location[0]), _File) if len(location) > 1 else _File
        return f"unknown key; the keys here are {', '.join(block.model_fields)}"
    if location == ("version",) and kind != "missing":
        return f"{_shown(given)} is not a version that this release reads; write version = 1"
    if len(location) == 3 and location[-1] in ("expires", "at"):
        return f"{given} has no time zone; {_TIME}" if kind == "timezone_aware" else f"is not a time; {_TIME}"
    if kind == "missing":
        wants = {"reason": "say why, for whoever reads this next year", "version": "write version = 1"}
        return f"is missing; {wants.get(str(location[-1]), 'write it')}"
    return message[:1].lower() + message[1:]


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes out
        text = "that"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _team(name: str, block: _Team, problems: _Problems) -> Team:
    key = f"teams.{name}"
    prefixes = [f"{name}__"] if block.prefixes is None else block.prefixes
    for n, prefix in enumerate(prefixes):
        if not prefix or prefix[-1].isalnum():
            problems.add(
                f"{key}.prefixes[{n}]",
                f"{prefix!r} does not end in a delimiter, so it would also begin the ids of others; "
                f"write {prefix + '__'!r}",
            )
        elif not prefix.isascii() or "*" in prefix:
            problems.add(f"{key}.prefixes[{n}]", f"{prefix!r} may hold plain ASCII only, and no '*'")
        elif DEFAULT_POOL.startswith(fold(prefix)):
            problems.add(f"{key}.prefixes[{n}]", f"{prefix!r} begins {DEFAULT_POOL!r}; write a longer one")
    for n, uri in enumerate(block.asset_uris):
        if not uri or uri[-1].isalnum():
            problems.add(
                f"{key}.asset_uris[{n}]",
                f"{uri!r} does not end in a delimiter, so it would also begin others; write {uri + '/'!r}",
            )
    for n, source in enumerate(block.sources):
        if not re.fullmatch(r"(bundle|path):.+", source):
            problems.add(f"{key}.sources[{n}]", f"{source!r} is no source; write 'bundle:<name>' or 'path:<folder>/'")
    lists = {
        "prefixes": prefixes,
        "asset_uris": block.asset_uris,
        "sources": block.sources,
        "resources": block.resources,
    }
    for field, values in lists.items():
        for n, text in enumerate(values):
            if text in values[:n]:
                problems.add(f"{key}.{field}[{n}]", f"{text!r} is there twice; leave one out")
    resources = []
    for n, text in enumerate(block.resources):
        reference = _reference(f"{key}.resources[{n}]", text, problems)
        if reference is None:
            continue
        if reference.is_pattern:
            problems.add(f"{key}.resources[{n}]", f"{text!r} is a pattern; name one resource, or use prefixes")
        elif reference == Reference(Kind.POOL, DEFAULT_POOL):
            problems.add(f"{key}.resources[{n}]", f"{DEFAULT_POOL} is everybody's; leave it out")
        else:
            resources.append(reference)
    return Team(
        name,
        block.description,
        tuple(prefixes),
        tuple(block.asset_uris),
        tuple(block.sources),
        tuple(resources),
    )


def _reference(key: str, text: str, problems: _Problems) -> Reference | None:
    try:
        return Reference.parse(text)
    except ValueError as error:
        problems.add(key, str(error))
        return None


def _one_of(key: str, block: _Block, names: tuple[str, ...], problems: _Problems) -> tuple[str, Any]:
    given = [name for name in names if getattr(block, name) is not None]
    if len(given) != 1:
        problems.add(key, f"has {' and '.join(given) or 'none of them'}; write exactly one of {', '.join(names)}")
        return names[0], None
    return given[0], getattr(block, given[0])


def _binding(key: str, block: _Binding, problems: _Problems) -> Binding:
    subject_kind, subject = _one_of(key, block, ("group", "group_regex", "user"), problems)
    _one_of(key, block, ("team", "scope"), problems)
    if subject == "":
        problems.add(f"{key}.{subject_kind}", "is empty; write a name")
    names: Collection[str] = ()
    if subject_kind == "group_regex":
        try:
            names = re.compile(subject).groupindex
        except (re.error, OverflowError, RecursionError) as error:
            problems.add(f"{key}.group_regex", f"{subject!r} does not compile: {error}; mend the regular expression")
            names = _templates(block.team or "") | _templates(block.role)
    for field in ("team", "role"):
        text = getattr(block, field) or ""
        if set("{}") & set(_TEMPLATE.sub("", text)):
            problems.add(f"{key}.{field}", f"{text!r} is no template; write {{{field}}}, once or with text around it")
            continue
        for name in sorted(_templates(text) - set(names)):
            problems.add(
                f"{key}.{field}",
                f"'{{{name}}}' stands for a named group of group_regex, and there is none; write (?P<{name}>…) there",
            )
    return Binding(subject_kind, subject or "", block.role, block.team, block.expires, block.reason)


def _templates(text: str) -> set[str]:
    return set(_TEMPLATE.findall(text))


def _actions(key: str, words: Iterable[str], kind: Kind, problems: _Problems) -> frozenset[Action]:
    known = {str(action): action for action in ACTIONS[kind]}
    for word in words:
        if word not in known:
            problems.add(key, f"{word!r} is no action for a {kind}; the actions are {', '.join(known)}")
    return frozenset(known[word] for word in words if word in known)


def _grant(key: str, block: _Grant, problems: _Problems) -> Grant | None:
    if block.to not in (EVERYONE, "platform") and not re.fullmatch(r"(team|group|user):.+", block.to):
        problems.add(f"{key}.to", f"{block.to!r} is nobody; write team:<t>, group:<g>, user:<u>, platform or *")
    if not block.reason.strip():
        problems.add(f"{key}.reason", "is empty; say why, for whoever reads this next year")
    reference = _reference(f"{key}.resource", block.resource, problems)
    if reference is None:
        return None
    actions = _actions(f"{key}.actions", block.actions, reference.kind, problems)
    return Grant(block.to, reference, actions, block.team or "", block.reason, block.expires, block.team)


def _test(key: str, block: _Test, problems: _Problems) -> SelfTest | None:
    _one_of(key, block, ("user_groups", "user", "task_dag"), problems)
    reference = _reference(f"{key}.resource", block.resource, problems)
    if reference is None:
        return None
    if reference.is_pattern:
        problems.add(f"{key}.resource", f"{block.resource!r} is a pattern; a test asks about one resource")
    actions = _actions(f"{key}.action", [block.action], reference.kind, problems)
    if not actions:
        return None
    groups = None if block.user_groups is None else tuple(block.user_groups)
    return SelfTest(
        key,
        groups,
        block.user,
        block.task_dag,
        tuple(block.global_roles),
        next(iter(actions)),
        reference,
        block.expect == "allow",
        block.at,
        problems.line(key),
    )


# Meaning -------------------------------------------------------------------------------------------


def merge(document: Document, current: Policy, roles: Collection[str], *, prune: bool) -> Policy:
    """
    Return the policy as it would be with the file applied to what is there.

    Rows of the file replace those of the same team, binding or grant. Rows that an earlier file made and
    this one has not are kept, or dropped with ``prune``; rows made elsewhere are always kept.

    :param current: what is there
    :param roles: the names of all FAB roles
    :raises PolicyFileError: with every mistake that can be seen only now
    """
    problems = _Problems(document.locate)

    def kept(managed_by: str) -> bool:
        return not (prune and managed_by == "file")

    existing = {team.name for team in current.teams}
    for name in document.teams:
        if name not in existing and not TEAM_NAME.fullmatch(name):
            problems.add(f"teams.{name}", f"is no team name; write {TEAM_NAME.pattern}, such as {_suggest(name)!r}")
    teams = {team.name: team for team in current.teams if kept(team.managed_by)} | dict(document.teams)
    _check_overlaps(document, teams, problems)
    _check_bindings(document, teams, {role.casefold(): role for role in roles}, problems)
    grants = _own_grants(document, teams, problems)
    _check_tests(document, {role.casefold() for role in roles}, problems)
    problems.raise_if_any()

    bindings = {binding.key: binding for binding in current.bindings if kept(binding.origin.managed_by)}
    bindings |= {binding.key: binding for binding in document.bindings}
    ownership = Ownership(replace(team, exists=True) for team in teams.values())
    all_grants = {
        grant.key: replace(grant, owner=grant.team or ownership.owner_of_pattern(grant.resource) or grant.owner)
        for grant in current.grants
        if kept(grant.origin.managed_by)
    }
    all_grants |= {grant.key: grant for grant in grants}
    return replace(
        current,
        teams=tuple(teams[name] for name in sorted(teams)),
        bindings=tuple(bindings.values()),
        grants=tuple(all_grants.values()),
    )


def _suggest(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "_", name.lower())[:50].ljust(3, "_")


def _check_overlaps(document: Document, teams: Mapping[str, Team], problems: _Problems) -> None:
    for field, what in (("prefixes", "prefix"), ("asset_uris", "URI")):
        taken = [(fold(text), text, team.name) for team in teams.values() for text in getattr(team, field)]
        for name, team in document.teams.items():
            for n, text in enumerate(getattr(team, field)):
                mine = fold(text)
                for folded, other, owner in taken:
                    if owner != name and (mine.startswith(folded) or folded.startswith(mine)):
                        problems.add(
                            f"teams.{name}.{field}[{n}]",
                            f"{text!r} and {other!r} of team {owner} overlap: one begins the other, letter case "
                            f"ignored; write a {what} that neither begins nor is begun by it",
                        )
    owners: dict[tuple[Kind, str], str] = {}
    for team in teams.values():
        for reference in team.resources:
            # An environment variable answers for a connection or variable in every letter case.
            name = fold(reference.id) if reference.kind in READ_WITHOUT_CASE else reference.id
            other = owners.setdefault((reference.kind, name), team.name)
            if other != team.name:
                key = f"teams.{team.name if team.name in document.teams else other}.resources"
                problems.add(key, f"{reference} is listed by {other} and by {team.name}; leave it to one of them")


def _check_bindings(
    document: Document, teams: Mapping[str, Team], roles: Mapping[str, str], problems: _Problems
) -> None:
    seen: dict[object, str] = {}
    for n, binding in enumerate(document.bindings):
        key = f"bindings[{n}]"
        if not _templates(binding.role) and binding.role.casefold() not in roles:
            problems.add(f"{key}.role", f"there is no FAB role {binding.role!r}; the roles are {_list(roles.values())}")
        if binding.team not in (None, EVERY_TEAM) and not _templates(binding.team or ""):
            _check_team(f"{key}.team", binding.team or "", teams, problems)
        if seen.setdefault(binding.key, key) != key:
            problems.add(key, f"says the same as {seen[binding.key]}; leave one of them out")


def _check_team(key: str, name: str, teams: Mapping[str, Team], problems: _Problems) -> bool:
    if name in teams:
        return True
    problems.add(key, f"there is no team {name!r}; add [teams.{name}], or write one of {_list(teams)}")
    return False


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "(none yet)"


def _own_grants(document: Document, teams: Mapping[str, Team], problems: _Problems) -> list[Grant]:
    """Find the one owner that each grant reaches."""
    ownership = Ownership(replace(team, exists=True) for team in teams.values())
    seen: dict[object, str] = {}
    grants = []
    for n, grant in enumerate(document.grants):
        key = f"grants[{n}]"
        if grant.to_team is not None:
            _check_team(f"{key}.to", grant.to_team, teams, problems)
        if grant.team is not None and not _check_team(f"{key}.team", grant.team, teams, problems):
            continue
        owner = ownership.owner_of_pattern(grant.resource)
        if owner is None and grant.team is None:
            problems.add(
                f"{key}.resource",
                f"{grant.resource} names no one team's resources: a grant reaches what one team owns; begin it with "
                'a team\'s prefix, or add team = "…"',
            )
        elif owner is not None and grant.team not in (None, owner):
            problems.add(
                f"{key}.team",
                f"{grant.resource} is of team {owner}, not of {grant.team}; write team = {owner!r}",
            )
        if seen.setdefault(grant.key, key) != key:
            problems.add(key, f"is to the same and for the same as {seen[grant.key]}; make one of the two")
        grants.append(replace(grant, owner=grant.team or owner or ""))
    return grants


def _check_tests(document: Document, roles: Collection[str], problems: _Problems) -> None:
    for n, test in enumerate(document.tests):
        for role in test.global_roles:
            if role.casefold() not in roles:
                problems.add(f"tests[{n}].global_roles", f"there is no FAB role {role!r}")


# Back to text ----------------------------------------------------------------------------------------


def render(policy: Policy) -> str:
    """Return the policy as a file that ``parse`` reads back to the same. Airflow's own teams are not ours to write."""
    policy = replace(policy, teams=tuple(team for team in policy.teams if team.managed_by != "airflow"))
    doc = tomlkit.document()
    doc.add("version", tomlkit.item(1))
    teams = tomlkit.table(is_super_table=True)
    for team in policy.teams:
        teams.add(
            team.name,
            _table(
                description=team.description,
                prefixes=list(team.prefixes),
                asset_uris=list(team.asset_uris),
                sources=list(team.sources),
                resources=[str(reference) for reference in team.resources],
                always=("prefixes",),
            ),
        )
    if policy.teams:
        doc.add("teams", teams)
    blocks = {
        "bindings": [
            _table(
                **{binding.subject_kind: binding.subject},
                team=binding.team,
                scope="deployment" if binding.team is None else None,
                role=binding.role,
                expires=binding.expires,
                reason=binding.reason,
            )
            for binding in policy.bindings
        ],
        "grants": [
            _table(
                to=grant.to,
                resource=str(grant.resource),
                team=grant.team,
                actions=sorted(str(action) for action in grant.actions),
                expires=grant.expires,
                reason=grant.reason,
            )
            for grant in policy.grants
        ],
    }
    for name, tables in blocks.items():
        if tables:
            array = tomlkit.aot()
            for table in tables:
                array.append(table)
            doc.add(name, array)
    return tomlkit.dumps(doc)


def _table(always: Collection[str] = (), **values: Any) -> tomlkit.items.Table:
    table = tomlkit.table()
    for name, value in values.items():
        if value or name in always:
            table.add(name, value)
    return table
