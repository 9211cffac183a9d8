"""Service Catalog for administrators: portfolios, products with their versions, and constraints.

Refusals: the service model's errors of each operation and the API reference. The role of a launch constraint may be
another account's, and whether it exists is not checked.
"""

import json
from collections.abc import Mapping
from typing import Any

from emulator import bridge_stacks, template_checks
from emulator import catalog_store as store
from emulator.bridge_data_plane import Record, Refused, current_scope
from emulator.catalog_tags import tag_option
from emulator.json_api import ApiError

Given = Mapping[str, Any]
MOST_VERSIONS = 100
"""Versions of a product (Service Catalog user guide, "Service quotas")."""


# --- Portfolios ---


def create_portfolio(given: Given) -> Record:
    """Make a portfolio."""
    account, region = current_scope()
    name = store.identity("port")
    detail = {
        "Id": name,
        "ARN": f"arn:aws:catalog:{region}:{account}:portfolio/{name}",
        "DisplayName": given["DisplayName"],
        "Description": given.get("Description", ""),
        "ProviderName": given["ProviderName"],
        "CreatedTime": store.now(),
    }
    empty: Record = {"Products": [], "Principals": {}, "Constraints": {}, "Shares": {}, "TagOptions": []}
    store.portfolios.put(name, {"Detail": detail, "Owner": account, **empty})
    return {"PortfolioDetail": detail}


def update_portfolio(given: Given) -> Record:
    """Change what a portfolio is called."""
    detail = store.own_portfolio(given["Id"])["Detail"]
    detail |= {name: given[name] for name in ("DisplayName", "Description", "ProviderName") if name in given}
    return {"PortfolioDetail": detail}


def describe_portfolio(given: Given) -> Record:
    """Return a portfolio."""
    found = store.own_portfolio(given["Id"])
    return {"PortfolioDetail": found["Detail"], "TagOptions": [tag_option(one) for one in found["TagOptions"]]}


def list_portfolios(given: Given) -> Record:
    """Return the current account's portfolios."""
    return {"PortfolioDetails": [one["Detail"] for one in store.portfolios.values()]}


def delete_portfolio(given: Given) -> Record:
    """Delete a portfolio that nothing is associated with any more (API reference, ``DeletePortfolio``)."""
    found = store.own_portfolio(given["Id"])
    left = [kind for kind in ("Products", "Principals", "Constraints", "Shares", "TagOptions") if found[kind]]
    if left:
        raise store.in_use(f"Portfolio {given['Id']} still has {', '.join(kind.lower() for kind in left)}.")
    store.portfolios.pop(given["Id"])
    return {}


# --- Products and versions ---


def create_product(given: Given) -> Record:
    """Make a product with its first version."""
    account, region = current_scope()
    name = store.identity("prod")
    record: Record = {
        "ProductId": name,
        "Owner": account,
        "Arn": f"arn:aws:catalog:{region}:{account}:product/{name}",
        "Name": given["Name"],
        "OwnerName": given["Owner"],
        "Description": given.get("Description", ""),
        "CreatedTime": store.now(),
        "Versions": {},
        "TagOptions": [],
    }
    first = _add_version(record, given["ProvisioningArtifactParameters"])
    store.products.put(name, record)
    return {"ProductViewDetail": view(record), "ProvisioningArtifactDetail": _detail(first)}


def update_product(given: Given) -> Record:
    """Change what a product is called."""
    found = store.own_product(given["Id"])
    names = {"Name": "Name", "Owner": "OwnerName", "Description": "Description"}
    found |= {ours: given[theirs] for theirs, ours in names.items() if theirs in given}
    return {"ProductViewDetail": view(found)}


def view(product: Record) -> Record:
    """Return a product as administrators see it."""
    summary = {
        "Id": f"prodview-{product['ProductId'].removeprefix('prod-')}",
        "ProductId": product["ProductId"],
        "Name": product["Name"],
        "Owner": product["OwnerName"],
        "ShortDescription": product["Description"],
        "Type": "CLOUD_FORMATION_TEMPLATE",
    }
    return {
        "ProductViewSummary": summary,
        "Status": "AVAILABLE",
        "ProductARN": product["Arn"],
        "CreatedTime": product["CreatedTime"],
    }


def describe_product_as_admin(given: Given) -> Record:
    """Return a product with its versions."""
    found = store.own_product(given["Id"])
    names = ("Id", "Name", "Description", "CreatedTime")
    return {
        "ProductViewDetail": view(found),
        "ProvisioningArtifactSummaries": [{name: one[name] for name in names} for one in found["Versions"].values()],
        "TagOptions": [tag_option(one) for one in found["TagOptions"]],
    }


def delete_product(given: Given) -> Record:
    """Delete a product that is in no portfolio any more (API reference, ``DeleteProduct``)."""
    store.own_product(given["Id"])
    if any(given["Id"] in one["Products"] for one in store.portfolios.values()):
        raise store.in_use(f"Product {given['Id']} is associated with a portfolio.")
    store.products.pop(given["Id"])
    return {}


def create_provisioning_artifact(given: Given) -> Record:
    """Add a version to a product; the same token gives the same version again."""
    product = store.own_product(given["ProductId"])
    known = next((one for one in product["Versions"].values() if one["Token"] == given["IdempotencyToken"]), None)
    made = known or _add_version(product, given["Parameters"], given["IdempotencyToken"])
    return {"ProvisioningArtifactDetail": _detail(made), "Info": made["Info"], "Status": "AVAILABLE"}


def _add_version(product: Record, given: Given, token: str = "") -> Record:
    if len(product["Versions"]) >= MOST_VERSIONS:
        raise ApiError("LimitExceededException", f"Product {product['ProductId']} has {MOST_VERSIONS} versions.")
    url = given.get("Info", {}).get("LoadTemplateFromURL")
    if not url:
        raise store.invalid("Info must give LoadTemplateFromURL.")
    try:
        body, document = bridge_stacks.template({"TemplateURL": url})
        template_checks.check_template(document, {})
    except (Refused, ValueError) as refused:
        raise store.invalid(
            f"Invalid templateBody. Please make sure that your template is valid: {refused}"
        ) from refused
    made: Record = {
        "Id": store.identity("pa"),
        "Name": given.get("Name", ""),
        "Description": given.get("Description", ""),
        "Type": given.get("Type", "CLOUD_FORMATION_TEMPLATE"),
        "CreatedTime": store.now(),
        "Active": True,
        "Guidance": "DEFAULT",
        "Info": {"TemplateUrl": url},
        "Body": body,
        "Token": token,
    }
    product["Versions"][made["Id"]] = made
    return made


def _detail(version: Record) -> Record:
    return {key: value for key, value in version.items() if key not in ("Info", "Body", "Token")}


def update_provisioning_artifact(given: Given) -> Record:
    """Change a version's name, whether it is active and its guidance."""
    found = store.version(store.own_product(given["ProductId"]), given["ProvisioningArtifactId"])
    found |= {name: given[name] for name in ("Name", "Description", "Active", "Guidance") if name in given}
    return {"ProvisioningArtifactDetail": _detail(found), "Info": found["Info"], "Status": "AVAILABLE"}


def list_provisioning_artifacts(given: Given) -> Record:
    """Return a product's versions."""
    product = store.own_product(given["ProductId"])
    return {"ProvisioningArtifactDetails": [_detail(one) for one in product["Versions"].values()]}


def describe_provisioning_artifact(given: Given) -> Record:
    """Return one version."""
    found = store.version(store.own_product(given["ProductId"]), given["ProvisioningArtifactId"])
    return {"ProvisioningArtifactDetail": _detail(found), "Info": found["Info"], "Status": "AVAILABLE"}


def delete_provisioning_artifact(given: Given) -> Record:
    """Delete a version; a product keeps one, and what is launched keeps its own (``DeleteProvisioningArtifact``)."""
    product = store.own_product(given["ProductId"])
    store.version(product, given["ProvisioningArtifactId"])
    if len(product["Versions"]) == 1:
        raise store.in_use("You cannot delete the last version of a product.")
    if any(one["ProvisioningArtifactId"] == given["ProvisioningArtifactId"] for one in store.launched.values()):
        raise store.in_use("The version is associated with a provisioned product.")
    del product["Versions"][given["ProvisioningArtifactId"]]
    return {}


# --- What a portfolio holds ---


def associate_product(given: Given) -> Record:
    """Put a product into a portfolio."""
    store.own_product(given["ProductId"])
    held = store.own_portfolio(given["PortfolioId"])["Products"]
    if given["ProductId"] not in held:
        held.append(given["ProductId"])
    return {}


def disassociate_product(given: Given) -> Record:
    """Take a product out of a portfolio, once it is under no constraint there."""
    found = store.own_portfolio(given["PortfolioId"])
    if any(one["ProductId"] == given["ProductId"] for one in found["Constraints"].values()):
        raise store.in_use(f"Product {given['ProductId']} has constraints in portfolio {given['PortfolioId']}.")
    if given["ProductId"] not in found["Products"]:
        raise store.absent("Product", given["ProductId"])
    found["Products"].remove(given["ProductId"])
    return {}


def list_portfolios_for_product(given: Given) -> Record:
    """Return the portfolios that hold a product."""
    holders = [one["Detail"] for one in store.portfolios.values() if given["ProductId"] in one["Products"]]
    return {"PortfolioDetails": holders}


def create_constraint(given: Given) -> Record:
    """Put a product of a portfolio under a constraint; it has at most one of a kind but TEMPLATE, and not both of
    LAUNCH and STACKSET (API reference, ``CreateConstraint``).
    """
    found = store.own_portfolio(given["PortfolioId"])
    if given["ProductId"] not in found["Products"]:
        text = f"Product {given['ProductId']} is not in portfolio {given['PortfolioId']}."
        raise ApiError("ResourceNotFoundException", text)
    kind, parameters = given["Type"], _document(given["Parameters"])
    kinds = {one["Type"] for one in found["Constraints"].values() if one["ProductId"] == given["ProductId"]}
    if kind != "TEMPLATE" and kind in kinds:
        raise ApiError("DuplicateResourceException", f"A {kind} constraint exists already.")
    if {"LAUNCH", "STACKSET"} <= kinds | {kind}:
        raise store.invalid("You cannot have both a LAUNCH and a STACKSET constraint.")
    if kind == "LAUNCH" and len({"RoleArn", "LocalRoleName"} & parameters.keys()) != 1:
        raise store.invalid("A LAUNCH constraint has either RoleArn or LocalRoleName.")
    if kind == "TEMPLATE" and not isinstance(parameters.get("Rules"), Mapping):
        raise store.invalid("A TEMPLATE constraint has Rules.")
    made = {
        "ConstraintId": store.identity("cons"),
        "Type": kind,
        "Description": given.get("Description", ""),
        "ProductId": given["ProductId"],
        "PortfolioId": given["PortfolioId"],
        "Parameters": parameters,
    }
    found["Constraints"][made["ConstraintId"]] = made
    return {"ConstraintDetail": _constraint(made), "ConstraintParameters": given["Parameters"], "Status": "AVAILABLE"}


def _document(text: str) -> Record:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise store.invalid("Invalid constraint parameters: not a JSON object.")
    return found


def _constraint(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "Parameters"}


def list_constraints_for_portfolio(given: Given) -> Record:
    """Return a portfolio's constraints, of one product where that is asked for."""
    found = store.own_portfolio(given["PortfolioId"])["Constraints"].values()
    only = given.get("ProductId")
    return {"ConstraintDetails": [_constraint(one) for one in found if only in (None, one["ProductId"])]}


def describe_constraint(given: Given) -> Record:
    """Return a constraint with its parameters."""
    found = _of_constraint(given["Id"])["Constraints"][given["Id"]]
    parameters = json.dumps(found["Parameters"])
    return {"ConstraintDetail": _constraint(found), "ConstraintParameters": parameters, "Status": "AVAILABLE"}


def delete_constraint(given: Given) -> Record:
    """Delete a constraint."""
    del _of_constraint(given["Id"])["Constraints"][given["Id"]]
    return {}


def _of_constraint(name: str) -> Record:
    found = next((one for one in store.portfolios.values() if name in one["Constraints"]), None)
    if found is None:
        raise store.absent("Constraint", name)
    return found
