"""The configuration, read from a TOML file into typed settings and checked before anything is asked of AWS."""

import dataclasses
import difflib
import itertools
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deployer import access, catalog_checks, target_checks, tool_providers
from deployer.errors import UsageError
from deployer.sections import (
    PARAMETER,
    SECTIONS,
    VARIABLE,
    Address,
    Catalog,
    Compute,
    Gateway,
    Identity,
    Image,
    Network,
    Operations,
    Runtime,
    Security,
    StackSetSettings,
    UnfitValueError,
    Value,
    fitted,
    keys,
    parameter_text,
)
from deployer.targets import Target, UnitTarget, expanded
from generator import parameters as p
from generator.parameters import RootParameter
from generator.tool_catalogue import Catalogue

SHOWN_LENGTH: Final = 64
"""Of a wrong value no more characters are shown."""
TARGET_KEYS: Final = ("account", "region", "overrides")
UNIT_KEYS: Final = ("organizational_unit", "region", "only_accounts", "except_accounts", "overrides")
ACCOUNT: Final = ("[0-9]{12}", 'a 12-digit id in quotes such as "111122223333"')
REGION: Final = (r"[a-z]{2}(-[a-z]+)+-[0-9]", "a Region such as eu-west-1")
UNIT: Final = (
    "ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32}",
    "the id of an organizational unit such as ou-ab12-11111111, or of the root such as r-ab12",
)
"""Organizations service model, `OrganizationalUnitId` and `RootId`."""


@dataclass(frozen=True)
class Settings:
    """A whole configuration; every value fits its parameter.

    `units` are the targets of a service-managed stack set as the file gives them; `targets` are empty there until
    `with_members` has made accounts of them. `statements` are what [[access]] says, for the gateway's policy engine,
    `providers` what [[providers]] says, for the server.
    """

    runtime: Runtime
    address: Address
    network: Network
    compute: Compute
    identity: Identity
    gateway: Gateway
    operations: Operations
    security: Security
    image: Image
    stack_set: StackSetSettings
    catalog: Catalog
    targets: tuple[Target, ...]
    units: tuple[UnitTarget, ...] = ()
    file: str = ""
    statements: tuple[str, ...] = ()
    providers: str = ""

    @property
    def regions(self) -> list[str]:
        """The targets' Regions, sorted."""
        return sorted({target.region for target in self.targets} | {target.region for target in self.units})

    def parameters(self) -> dict[str, str]:
        """Returns the value of every root parameter but the image's, by name, as the configuration gives it to all."""
        slots = itertools.zip_longest((slot.name for slot in p.ACCESS_STATEMENTS), self.statements, fillvalue="")
        return (
            dict(slots)
            | {p.TOOL_PROVIDERS.name: self.providers}
            | {
                setting.metadata[PARAMETER].name: parameter_text(getattr(getattr(self, section), key))
                for section, kind in VARIABLE.items()
                for key, setting in keys(kind).items()
            }
        )

    def shared(self) -> dict[str, str]:
        """Returns the parameters that the stack set gives to every target that has no override.

        An account that comes to its unit by itself has no hosted zone that anybody named: it starts without a domain,
        and the next deployment gives it one.
        """
        domain = {p.PARENT_DOMAIN.name: "", p.HOST_NAME.name: ""} if self.stack_set.auto_deployment else {}
        return self.parameters() | domain

    def overrides(self, target: Target, found: Mapping[str, str] | None = None) -> dict[str, str]:
        """Returns the parameters whose values a target does not share, by name; `found` were looked up."""
        shared = self.shared()
        own = {**self.effective(target), **(found or {})}
        return {name: value for name, value in sorted(own.items()) if shared[name] != value}

    def chosen(self, parameter: RootParameter) -> frozenset[str]:
        """Returns every value that a parameter has in some target, known or not yet known."""
        places = (*(target.values for target in self.targets), *(unit.values for unit in self.units))
        return frozenset(
            [self.parameters()[parameter.name], *(dict(values).get(parameter.name, "") for values in places)]
        )

    def effective(self, target: Target) -> dict[str, str]:
        """Returns the value of every root parameter but the image's in one target."""
        return self.parameters() | dict(target.values)

    def with_members(self, members: Mapping[str, frozenset[str]]) -> "Settings":
        """Returns the settings with units made into accounts, `members` being all accounts by unit.

        Raises UsageError where the accounts' values do not fit, as `parse` does for targets that are given one by one.
        """
        settings = dataclasses.replace(self, targets=expanded(self.units, members))
        if not settings.targets:
            raise UsageError(f"{self.file}: no organizational unit of the targets holds an account.")
        _check_targets(settings, self.file)
        return settings


def load(path: Path) -> Settings:
    """Reads a configuration file and checks all that can be known without asking AWS.

    Raises UsageError with one sentence that names the file and the key.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no configuration file {path}; copy deployment.example.toml to it and fill it in, or name another"
            " with --config."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration file {path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}; correct it there.") from error
    return parse(document, str(path))


def parse(document: Mapping[str, Any], file: str, catalogue: Catalogue | None = None) -> Settings:
    """Returns a parsed configuration file as settings; raises UsageError as `load` does, naming `file`.

    `catalogue` is what [[access]] is held against; where None is given, the tools that are checked in.
    """
    _known(document, (*SECTIONS, "access", "providers", "targets"), "", file)
    sections = {name: kind(**_values(document.get(name, {}), kind, name, file)) for name, kind in SECTIONS.items()}
    stack_set: StackSetSettings = sections["stack_set"]
    targets = () if stack_set.service_managed else _targets(document.get("targets"), file)
    units = _units(document.get("targets"), file) if stack_set.service_managed else ()
    runtime: Runtime = sections["runtime"]
    sections["stack_set"] = dataclasses.replace(
        stack_set,
        name=stack_set.name or runtime.name,
        home_region=stack_set.home_region or (targets or units)[0].region,
    )
    given = access.grants(document.get("access", []), file)
    compute: Compute = sections["compute"]
    settings = Settings(
        **sections,
        targets=targets,
        units=units,
        file=file,
        statements=access.statements(given, catalogue, file),
        providers=tool_providers.value(document.get("providers", []), file, with_secret=bool(compute.secret_arn)),
    )
    _check_access(settings, bool(given), file)
    _check_providers(settings, file)
    _check_regions(settings, file)
    _check_stack_set(settings, file)
    _check_targets(settings, file)
    catalog_checks.check(settings, file)
    return settings


def in_home_region(settings: Settings, region: str) -> Settings:
    """Returns the settings with the home Region that --region gives; raises UsageError where there is none such."""
    _check_region("--region", region)
    return dataclasses.replace(settings, stack_set=dataclasses.replace(settings.stack_set, home_region=region))


def _known(found: object, valid: Collection[str], where: str, file: str) -> None:
    if not isinstance(found, Mapping):
        raise UsageError(f"{file}: {where.rstrip('.')} must be a table with the keys {', '.join(valid)}.")
    for key in found:
        if key not in valid:
            near = difflib.get_close_matches(key, valid, n=1)
            hint = f"did you mean {where}{near[0]}?" if near else f"the keys here are {', '.join(valid)}."
            raise UsageError(f"{file}: {where}{key} is not a setting; {hint}")


def _values(table: object, kind: type[Any], section: str, file: str) -> dict[str, Value]:
    settings = keys(kind)
    _known(table, settings, f"{section}.", file)
    assert isinstance(table, Mapping)
    values = {}
    for key, value in table.items():
        try:
            values[key] = fitted(settings[key], value)
        except UnfitValueError as error:
            raise UsageError(f"{file}: {section}.{key} = {_shown(value)} {error}.") from error
    return values


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str | list | dict) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"


def _tables(found: object, keys: tuple[str, ...], file: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(found, list) or not found:
        raise UsageError(f"{file}: give at least one [[targets]] with an {keys[0]} and a region.")
    for number, table in enumerate(found, 1):
        where = f"targets[{number}]"
        other = (set(TARGET_KEYS) ^ set(UNIT_KEYS)) - set(keys)
        if isinstance(table, Mapping) and (wrong := sorted(other & table.keys())):
            model = "service-managed" if keys is UNIT_KEYS else "self-managed"
            raise UsageError(
                f'{file}: {where}.{wrong[0]} does not go with stack_set.permission_model = "{model}"; give {keys[0]}'
                " instead, or change the model."
            )
        _known(table, keys, f"{where}.", file)
        yield where, table


def _targets(found: object, file: str) -> tuple[Target, ...]:
    targets: list[Target] = []
    for where, table in _tables(found, TARGET_KEYS, file):
        target = Target(
            account=_matching(table, "account", *ACCOUNT, where, file),
            region=_matching(table, "region", *REGION, where, file),
            values=_overrides(table.get("overrides", {}), f"{where}.overrides", file),
        )
        twin = next((one for one in targets if (one.account, one.region) == (target.account, target.region)), None)
        if twin is not None:
            raise UsageError(
                f"{file}: {where} repeats account {target.account} in {target.region}; remove one of the two."
            )
        targets.append(target)
    return tuple(targets)


def _units(found: object, file: str) -> tuple[UnitTarget, ...]:
    units: list[UnitTarget] = []
    for where, table in _tables(found, UNIT_KEYS, file):
        if table.get("only_accounts") and table.get("except_accounts"):
            raise UsageError(f"{file}: {where} has both only_accounts and except_accounts; give one of them.")
        units.append(
            UnitTarget(
                unit=_matching(table, "organizational_unit", *UNIT, where, file),
                region=_matching(table, "region", *REGION, where, file),
                only=_accounts(table, "only_accounts", where, file),
                but=_accounts(table, "except_accounts", where, file),
                values=_overrides(table.get("overrides", {}), f"{where}.overrides", file),
            )
        )
    return tuple(units)


def _accounts(table: Mapping[str, Any], key: str, where: str, file: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and re.fullmatch(ACCOUNT[0], one) for one in value):
        raise UsageError(f"{file}: {where}.{key} = {_shown(value)} must be a list of 12-digit ids in quotes.")
    return tuple(sorted(set(value)))


def _matching(table: Mapping[str, Any], key: str, pattern: str, meaning: str, where: str, file: str) -> str:
    value = table.get(key)
    if value is None:
        raise UsageError(f"{file}: {where} has no {key}; give it {meaning}.")
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise UsageError(f"{file}: {where}.{key} = {_shown(value)} must be {meaning}.")
    return value


def _overrides(found: object, where: str, file: str) -> tuple[tuple[str, str], ...]:
    _known(found, VARIABLE, f"{where}.", file)
    assert isinstance(found, Mapping)
    values: dict[str, str] = {}
    for section, table in found.items():
        for key, value in _values(table, VARIABLE[section], f"{where}.{section}", file).items():
            parameter: RootParameter = keys(VARIABLE[section])[key].metadata[PARAMETER]
            values[parameter.name] = parameter_text(value)
    return tuple(sorted(values.items()))


def _check_regions(settings: Settings, file: str) -> None:
    for region in settings.catalog.regions:
        _check_region(f"{file}: catalog.regions", region)
    regions = [target.region for target in settings.targets] or [target.region for target in settings.units]
    for number, region in enumerate(regions, 1):
        _check_region(f"{file}: targets[{number}].region", region)
    _check_region(f"{file}: stack_set.home_region", settings.stack_set.home_region)
    strangers = sorted(set(settings.stack_set.region_order) - set(settings.regions))
    if strangers:
        raise UsageError(f"{file}: stack_set.region_order names {strangers[0]}, in which no target lies; remove it.")
    order = settings.stack_set.region_order
    twice = next((region for region in order if order.count(region) > 1), None)
    if twice is not None:
        raise UsageError(f"{file}: stack_set.region_order names {twice} twice; remove one of the two.")


def _check_stack_set(settings: Settings, file: str) -> None:
    """Holds the permission model against what AWS lets go with it."""
    stack_set = settings.stack_set
    if not stack_set.service_managed:
        only = ("delegated_administrator", "auto_deployment", "retain_on_leave")
        given = [key for key in only if getattr(stack_set, key)]
        if given:
            raise UsageError(
                f'{file}: stack_set.{given[0]} goes only with stack_set.permission_model = "service-managed".'
            )
        return
    if not stack_set.administration_account:
        raise UsageError(
            f"{file}: stack_set.administration_account is not given; a service-managed stack set needs the id of the"
            " organization's management account, or of its delegated administrator."
        )
    if stack_set.retain_on_leave and not stack_set.auto_deployment:
        raise UsageError(f"{file}: stack_set.retain_on_leave goes only with stack_set.auto_deployment = true.")
    if stack_set.auto_deployment and not stack_set.organization_id:
        raise UsageError(
            f"{file}: stack_set.auto_deployment needs stack_set.organization_id, so that accounts that are not known"
            " yet may pull the image."
        )


def _check_providers(settings: Settings, file: str) -> None:
    listings = settings.chosen(p.TOOL_LISTING)
    if settings.providers and "pinned" in listings:
        raise UsageError(
            f'{file}: gateway.tool_listing = "pinned" offers the packaged tools alone, and [[providers]] names others;'
            ' write "discovered", or leave the providers out.'
        )


def _check_access(settings: Settings, given: bool, file: str) -> None:
    modes = {settings.effective(target)[p.TOOL_ACCESS.name] for target in settings.targets}
    modes |= {dict(unit.values).get(p.TOOL_ACCESS.name, settings.gateway.tool_access) for unit in settings.units}
    if given and modes == {"off"}:
        raise UsageError(
            f"{file}: [[access]] says who may call which tool, but nobody is held to it; set gateway.tool_access to"
            ' "log-only" or "enforce".'
        )
    if not given and "enforce" in modes:
        raise UsageError(
            f'{file}: gateway.tool_access = "enforce" refuses what no [[access]] grants, and there is none; add one, or'
            ' set it to "log-only".'
        )


def _check_targets(settings: Settings, file: str) -> None:
    placed = [(target, settings.effective(target)) for target in settings.targets]
    target_checks.check(placed, settings.stack_set.home_region, file)


def _check_region(where: str, region: str) -> None:
    from deployer.aws import known_regions

    known = known_regions()
    if region not in known:
        near = difflib.get_close_matches(region, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; correct it."
        raise UsageError(f"{where} = {region!r} is no AWS Region{hint}")
