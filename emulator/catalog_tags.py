"""Service Catalog's tag options, and what bears them."""

from collections.abc import Mapping
from typing import Any

from emulator import catalog_store as store
from emulator.bridge_data_plane import Record, current_scope
from emulator.json_api import ApiError

Given = Mapping[str, Any]


def create_tag_option(given: Given) -> Record:
    """Make a tag option; there is one of a key and a value."""
    pair = (given["Key"], given["Value"])
    if any((one["Key"], one["Value"]) == pair for one in store.tag_options.values()):
        raise ApiError("DuplicateResourceException", f"TagOption {pair[0]}={pair[1]} exists already.")
    made = {"Id": store.identity("tag"), "Key": pair[0], "Value": pair[1], "Active": True, "Owner": current_scope()[0]}
    store.tag_options.put(made["Id"], made)
    return {"TagOptionDetail": made}


def update_tag_option(given: Given) -> Record:
    """Change a tag option."""
    found = store.tag_options.get(given["Id"])
    if found is None:
        raise store.absent("TagOption", given["Id"])
    found |= {name: given[name] for name in ("Value", "Active") if name in given}
    return {"TagOptionDetail": found}


def delete_tag_option(given: Given) -> Record:
    """Delete a tag option that nothing bears."""
    bearers = [*store.portfolios.values(), *store.products.values()]
    if any(given["Id"] in one["TagOptions"] for one in bearers):
        raise store.in_use(f"TagOption {given['Id']} is associated with a resource.")
    if store.tag_options.pop(given["Id"]) is None:
        raise store.absent("TagOption", given["Id"])
    return {}


def associate_tag_option(given: Given) -> Record:
    """Let a portfolio or a product ask for a tag."""
    borne = _bearer(given["ResourceId"])["TagOptions"]
    if store.tag_options.get(given["TagOptionId"]) is None:
        raise store.absent("TagOption", given["TagOptionId"])
    if given["TagOptionId"] in borne:
        raise ApiError("DuplicateResourceException", f"TagOption {given['TagOptionId']} is associated already.")
    borne.append(given["TagOptionId"])
    return {}


def disassociate_tag_option(given: Given) -> Record:
    """Undo ``associate_tag_option``."""
    borne = _bearer(given["ResourceId"])["TagOptions"]
    if given["TagOptionId"] not in borne:
        raise store.absent("TagOption", given["TagOptionId"])
    borne.remove(given["TagOptionId"])
    return {}


def _bearer(name: str) -> Record:
    return store.own_portfolio(name) if name.startswith("port-") else store.own_product(name)


def tag_option(name: str) -> Record:
    """Return a tag option of the current account and Region by its id."""
    return dict(store.tag_options.get(name) or {})
