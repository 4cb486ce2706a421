"""Which team a resource belongs to: *Owner of a resource* in DESIGN section 3."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from .model import DEFAULT_POOL, Kind, Reference, Team, fold

READ_WITHOUT_CASE = frozenset({Kind.CONNECTION, Kind.VARIABLE})
"""Kinds that the environment-variable secrets backend answers whatever the letter case."""


@dataclass(frozen=True)
class Owner:
    """A team, nobody (unowned), or nobody because two answers meet (disputed)."""

    team: str | None
    disputed: bool
    because: str
    """Ends the sentence "it belongs to … because …"."""

    @property
    def is_unowned(self) -> bool:
        """Whether FAB alone decides about it."""
        return self.team is None and not self.disputed

    def __str__(self) -> str:
        return "disputed" if self.disputed else self.team or "unowned"


UNOWNED = Owner(None, False, "no team lists it and no team's prefix begins it")


def _owned(team: str, because: str) -> Owner:
    return Owner(team, False, because)


def _disputed(because: str) -> Owner:
    return Owner(None, True, because)


class _Prefixes:
    """Finds the prefix that begins a text, by one dictionary look-up for each length in use."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._by_folded: dict[str, list[tuple[str, str]]] = {}
        for prefix, team in pairs:
            self._by_folded.setdefault(fold(prefix), []).append((prefix, team))
        self._lengths = sorted({len(folded) for folded in self._by_folded})

    def owner(self, text: str, what: str) -> Owner | None:
        folded = fold(text)
        hits = [hit for n in self._lengths for hit in self._by_folded.get(folded[:n], ())]
        if not hits:
            return None
        teams = {team for _, team in hits}
        if len(teams) > 1:
            return _disputed(f"prefixes of {' and '.join(sorted(teams))} both begin it")
        for prefix, team in hits:
            if text.startswith(prefix):
                return _owned(team, f"its {what} begins with {prefix!r}")
        prefix, team = hits[0]
        return _disputed(f"its {what} begins with {prefix!r} of team {team} in another letter case")


class Ownership:
    """
    Answers who owns a resource, from the teams alone: no database, no other state.

    :param teams: all teams, those that are gone (``exists`` false) included, since what stands under
        their prefixes is disputed, not unowned.
    """

    def __init__(self, teams: Iterable[Team]) -> None:
        teams = tuple(teams)
        self._exists = {team.name: team.exists for team in teams}
        self._adopted = {ref: team.name for team in teams for ref in team.resources}
        self._adopted_folded: dict[tuple[Kind, str], dict[str, Reference]] = {}
        for team in teams:
            for ref in team.resources:
                if ref.kind in READ_WITHOUT_CASE:
                    self._adopted_folded.setdefault((ref.kind, fold(ref.id)), {})[team.name] = ref
        self._prefixes = _Prefixes((prefix, team.name) for team in teams for prefix in team.prefixes)
        self._uris = _Prefixes((uri, team.name) for team in teams for uri in team.asset_uris)
        # The same few ids are asked about all day, and the answer depends on nothing else.
        self.owner = lru_cache(maxsize=1 << 14)(self._owner)

    def _owner(self, kind: Kind, resource_id: str, native: str | None = None, uri: str | None = None) -> Owner:
        """
        Return the owner of a resource.

        :param kind: what it is
        :param resource_id: its id; of an asset or an alias, its name
        :param native: the team that Airflow stores for it, where ``[core] multi_team`` is on
        :param uri: an asset's URI
        """
        if kind is Kind.POOL and resource_id == DEFAULT_POOL:
            return UNOWNED
        if native is not None:
            return self._unless_gone(_owned(native, "Airflow stores that team for it"))
        found = self.by_id(kind, resource_id)
        by_uri = self._uris.owner(uri, "URI") if kind is Kind.ASSET and uri else None
        if found and by_uri:
            if found.disputed or by_uri.disputed:
                return found if found.disputed else by_uri
            if found.team != by_uri.team:
                return _disputed(f"its name is of team {found.team} and its URI of team {by_uri.team}")
        return self._unless_gone(found or by_uri or UNOWNED)

    def by_id(self, kind: Kind, resource_id: str) -> Owner | None:
        """Return what the id alone says, native teams aside; None where it says nothing."""
        team = self._adopted.get(Reference(kind, resource_id))
        if kind in READ_WITHOUT_CASE:
            listed = self._adopted_folded.get((kind, fold(resource_id)), {})
            if len(listed) > 1:
                return _disputed(f"{' and '.join(sorted(listed))} list it in different letter cases")
            if listed and team is None:
                [(other, ref)] = listed.items()
                return _disputed(f"it is {ref} of team {other} in another letter case")
        if team is not None:
            return _owned(team, f"team {team} lists it in its resources")
        return self._prefixes.owner(resource_id, "name" if kind in (Kind.ASSET, Kind.ALIAS) else "id")

    def _unless_gone(self, owner: Owner) -> Owner:
        if owner.team is not None and not self._exists.get(owner.team, False):
            return _disputed(f"{owner.because}, but there is no team {owner.team}")
        return owner

    def owner_of_pattern(self, reference: Reference) -> str | None:
        """Return the one team whose resources a grant's reference names, or None if it names no one's."""
        if not reference.is_pattern:
            return self.owner(reference.kind, reference.id).team
        found = self._prefixes.owner(reference.head, "id")
        return found.team if found and not found.disputed else None
