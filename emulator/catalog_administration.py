"""Service Catalog for administrators: portfolios, products and their versions, constraints, audiences and shares.

Refusals: the service model's errors of each operation and the API reference. What names say which the API does not
demand of the other is not checked: a principal's existence, and the role of a launch constraint, which may be another
account's.
"""

import json
from collections.abc import Mapping
from typing import Any

from emulator import bridge_stacks, organization, template_checks
from emulator import catalog_store as store
from emulator.bridge_data_plane import Record, Refused, current_scope, scope
from emulator.json_api import ApiError

Given = Mapping[str, Any]
MOST_VERSIONS = 100
"""Versions of a product (Service Catalog user guide, "Service quotas")."""
PRINCIPAL = "servicecatalog.amazonaws.com"
_NODE_TYPES = {"ACCOUNT": "ORGANIZATION_MEMBER_ACCOUNT"}


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParametersException", message)


def _in_use(message: str) -> ApiError:
    return ApiError("ResourceInUseException", message)


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
    return {"PortfolioDetail": found["Detail"], "TagOptions": [_tag_option(one) for one in found["TagOptions"]]}


def list_portfolios(given: Given) -> Record:
    """Return the current account's portfolios."""
    return {"PortfolioDetails": [one["Detail"] for one in store.portfolios.values()]}


def delete_portfolio(given: Given) -> Record:
    """Delete a portfolio that nothing is associated with any more (API reference, ``DeletePortfolio``)."""
    found = store.own_portfolio(given["Id"])
    left = [kind for kind in ("Products", "Principals", "Constraints", "Shares", "TagOptions") if found[kind]]
    if left:
        raise _in_use(f"Portfolio {given['Id']} still has {', '.join(kind.lower() for kind in left)}.")
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
        "TagOptions": [_tag_option(one) for one in found["TagOptions"]],
    }


def delete_product(given: Given) -> Record:
    """Delete a product that is in no portfolio any more (API reference, ``DeleteProduct``)."""
    store.own_product(given["Id"])
    if any(given["Id"] in one["Products"] for one in store.portfolios.values()):
        raise _in_use(f"Product {given['Id']} is associated with a portfolio.")
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
        raise _invalid("Info must give LoadTemplateFromURL.")
    try:
        body, document = bridge_stacks.template({"TemplateURL": url})
        template_checks.check_template(document, {})
    except (Refused, ValueError) as refused:
        raise _invalid(f"Invalid templateBody. Please make sure that your template is valid: {refused}") from refused
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
        raise _in_use("You cannot delete the last version of a product.")
    if any(one["ProvisioningArtifactId"] == given["ProvisioningArtifactId"] for one in store.launched.values()):
        raise _in_use("The version is associated with a provisioned product.")
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
        raise _in_use(f"Product {given['ProductId']} has constraints in portfolio {given['PortfolioId']}.")
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
        raise _invalid("You cannot have both a LAUNCH and a STACKSET constraint.")
    if kind == "LAUNCH" and len({"RoleArn", "LocalRoleName"} & parameters.keys()) != 1:
        raise _invalid("A LAUNCH constraint has either RoleArn or LocalRoleName.")
    if kind == "TEMPLATE" and not isinstance(parameters.get("Rules"), Mapping):
        raise _invalid("A TEMPLATE constraint has Rules.")
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
        raise _invalid("Invalid constraint parameters: not a JSON object.")
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


# --- Who may launch ---


def associate_principal(given: Given) -> Record:
    """Let a principal launch what a portfolio holds, one of the current account's or one that it imported."""
    arn, kind = given["PrincipalARN"], given["PrincipalType"]
    if kind == "IAM_PATTERN" and not arn.startswith("arn:aws:iam:::"):
        raise _invalid("A pattern of principals names no account.")
    if kind == "IAM" and arn.endswith(":root"):
        raise _invalid("The root user cannot be associated with a portfolio.")
    _principals(given["PortfolioId"])[f"{kind}/{arn}"] = {"ARN": arn, "Type": kind}
    return {}


def disassociate_principal(given: Given) -> Record:
    """Undo ``associate_principal``."""
    kind = given.get("PrincipalType", "IAM")
    if _principals(given["PortfolioId"]).pop(f"{kind}/{given['PrincipalARN']}", None) is None:
        raise store.absent("Principal", given["PrincipalARN"])
    return {}


def list_principals(given: Given) -> Record:
    """Return the principals that may launch what a portfolio holds."""
    found = _principals(given["PortfolioId"]).values()
    return {"Principals": [{"PrincipalARN": one["ARN"], "PrincipalType": one["Type"]} for one in found]}


def _principals(portfolio: str) -> dict[str, Record]:
    holder = store.portfolios.get(portfolio)
    if holder is None:
        if all(name != portfolio for _, name, _ in store.visible_portfolios()):
            raise store.absent("Portfolio", portfolio)
        holder = store.imports.get(portfolio) or {"Principals": {}}
        store.imports.put(portfolio, holder)
    found: dict[str, Record] = holder["Principals"]
    return found


# --- Shares ---


def enable_organizations_access(given: Given) -> Record:
    """Let Service Catalog share within the organization of the calling management account."""
    account, _ = current_scope()
    found = organization.of(account)
    if found is None or found.management != account:
        text = "Only the management account of an organization enables access."
        raise ApiError("OperationNotSupportedException", text)
    with scope(account, organization.HOME):
        organization.trust(PRINCIPAL)
    return {}


def get_organizations_access_status(given: Given) -> Record:
    """Return whether Service Catalog may share within the organization."""
    found = organization.of(current_scope()[0])
    return {"AccessStatus": "ENABLED" if found and _enabled(found.management) else "DISABLED"}


def _enabled(management: str) -> bool:
    with scope(management, organization.HOME):
        return any(one["ServicePrincipal"] == PRINCIPAL for one in organization.trusted())


def create_portfolio_share(given: Given) -> Record:
    """Share a portfolio with an account, or with a node of the organization where access is enabled."""
    found = store.own_portfolio(given["PortfolioId"])
    key, share = _share(given)
    _check_principals(given, share)
    wishes = {name: given.get(name, False) for name in ("ShareTagOptions", "SharePrincipals")}
    found["Shares"].setdefault(key, share | wishes)
    return {} if share["Type"] == "ACCOUNT" else {"PortfolioShareToken": store.identity("share")}


def describe_portfolio_share_status(given: Given) -> Record:
    """Return what became of a share with an organization's node: here it is there at once."""
    token = given["PortfolioShareToken"]
    return {"PortfolioShareToken": token, "Status": "COMPLETED", "ShareDetails": {"SuccessfulShares": []}}


def update_portfolio_share(given: Given) -> Record:
    """Change what goes with a share."""
    key, share = _share(given)
    _check_principals(given, share)
    shares = store.own_portfolio(given["PortfolioId"])["Shares"]
    if key not in shares:
        raise store.absent("Portfolio share", key)
    shares[key] |= {name: given[name] for name in ("ShareTagOptions", "SharePrincipals") if name in given}
    return {"PortfolioShareToken": store.identity("share"), "Status": "COMPLETED"}


def delete_portfolio_share(given: Given) -> Record:
    """End a share."""
    key, share = _share(given)
    if store.own_portfolio(given["PortfolioId"])["Shares"].pop(key, None) is None:
        raise store.absent("Portfolio share", key)
    return {} if share["Type"] == "ACCOUNT" else {"PortfolioShareToken": store.identity("share")}


def _check_principals(given: Given, share: Record) -> None:
    """Principals are shared with an organization and its units alone (``CreatePortfolioShare``, SharePrincipals)."""
    if given.get("SharePrincipals") and share["Type"] not in ("ORGANIZATION", "ORGANIZATIONAL_UNIT"):
        raise _invalid("Principals are shared with an organization or an organizational unit alone.")


def _share(given: Given) -> tuple[str, Record]:
    node, account = given.get("OrganizationNode"), given.get("AccountId")
    if (node is None) == (account is None):
        raise _invalid("Give either AccountId or OrganizationNode.")
    if node is None:
        return f"ACCOUNT/{account}", {"Type": "ACCOUNT", "PrincipalId": account}
    caller = current_scope()[0]
    found = organization.of(caller)
    if found is None or not _enabled(found.management):
        raise ApiError("OperationNotSupportedException", "AWSOrganizationsAccess is not enabled.")
    if caller != found.management and not organization.is_delegated(found.management, caller, PRINCIPAL):
        text = "Only the management account or a delegated administrator shares with an organization node."
        raise ApiError("OperationNotSupportedException", text)
    kind = _NODE_TYPES.get(node["Type"], node["Type"])
    if kind == "ORGANIZATIONAL_UNIT" and not found.has(node["Value"]):
        raise store.absent("Organizational unit", node["Value"])
    return f"{kind}/{node['Value']}", {"Type": kind, "PrincipalId": node["Value"], "Management": found.management}


def describe_portfolio_shares(given: Given) -> Record:
    """Return the shares of a kind."""
    portfolio = store.own_portfolio(given["PortfolioId"])
    found = [one for one in portfolio["Shares"].values() if one["Type"] == given["Type"]]
    return {
        "PortfolioShareDetails": [
            {key: value for key, value in one.items() if key not in ("Management", "Accepted")}
            | {"Accepted": one["Type"] != "ACCOUNT" or _accepted(portfolio["Detail"]["Id"], one["PrincipalId"])}
            for one in found
        ]
    }


def _accepted(portfolio: str, account: str) -> bool:
    with scope(account, current_scope()[1]):
        return store.imports.get(portfolio) is not None


def accept_portfolio_share(given: Given) -> Record:
    """Import a portfolio that another account shares with the current one."""
    mine = current_scope()[0]
    found = store.placed(store.portfolios, given["PortfolioId"])
    if found is None or store.shared_with(found[1], mine) is None:
        raise store.absent("Portfolio share", given["PortfolioId"])
    if store.imports.get(given["PortfolioId"]) is None:
        store.imports.put(given["PortfolioId"], {"Principals": {}})
    return {}


def list_accepted_portfolio_shares(given: Given) -> Record:
    """Return the portfolios of other accounts that the current one has imported."""
    mine = current_scope()[0]
    return {"PortfolioDetails": [one["Detail"] for account, _, one in store.visible_portfolios() if account != mine]}


def reject_portfolio_share(given: Given) -> Record:
    """Undo the import of a portfolio."""
    if store.imports.pop(given["PortfolioId"]) is None:
        raise store.absent("Portfolio share", given["PortfolioId"])
    return {}


# --- Tag options ---


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
        raise _in_use(f"TagOption {given['Id']} is associated with a resource.")
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


def _tag_option(name: str) -> Record:
    return dict(store.tag_options.get(name) or {})
