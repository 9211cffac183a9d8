"""Service Catalog: its API, and the resource types that a catalog is made of.

Ref and attributes: the provider schemas of the types. Each handler calls the API's own operations, so that a stack is
refused what the API refuses.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator import catalog_administration as admin
from emulator import catalog_audience, catalog_caller, catalog_launches, catalog_tags
from emulator import catalog_store as store
from emulator.handlers import Api, Created, HandlerFailed, Properties, ResourceHandler, Response
from emulator.json_api import ApiError, JsonApi

Given = Mapping[str, Any]
Call = Callable[[Given], Any]


def list_launch_paths(given: Given) -> dict[str, Any]:
    """Return the ways on which the caller may launch a product."""
    found = catalog_caller.paths(given["ProductId"])
    return {
        "LaunchPathSummaries": [
            {
                "Id": one.identity,
                "Name": one.portfolio["Detail"]["DisplayName"],
                "ConstraintSummaries": [
                    {"Type": each["Type"], "Description": each["Description"]}
                    for each in one.portfolio["Constraints"].values()
                    if each["ProductId"] == given["ProductId"]
                ],
                "Tags": [],
            }
            for one in found
        ]
    }


def search_products(given: Given) -> dict[str, Any]:
    """Return the products that the caller may launch."""
    found = {product for _, _, one in store.visible_portfolios() for product in one["Products"]}
    admitted = sorted(one for one in found if catalog_caller.paths(one))
    placed = [store.placed(store.products, one) for one in admitted]
    return {"ProductViewSummaries": [admin.view(one[1])["ProductViewSummary"] for one in placed if one]}


_OPERATIONS: Mapping[str, Call] = {
    "AcceptPortfolioShare": catalog_audience.accept_portfolio_share,
    "AssociatePrincipalWithPortfolio": catalog_audience.associate_principal,
    "AssociateProductWithPortfolio": admin.associate_product,
    "AssociateTagOptionWithResource": catalog_tags.associate_tag_option,
    "CreateConstraint": admin.create_constraint,
    "CreatePortfolio": admin.create_portfolio,
    "CreatePortfolioShare": catalog_audience.create_portfolio_share,
    "CreateProduct": admin.create_product,
    "CreateProvisioningArtifact": admin.create_provisioning_artifact,
    "CreateTagOption": catalog_tags.create_tag_option,
    "DeleteConstraint": admin.delete_constraint,
    "DeletePortfolio": admin.delete_portfolio,
    "DeletePortfolioShare": catalog_audience.delete_portfolio_share,
    "DeleteProduct": admin.delete_product,
    "DeleteProvisioningArtifact": admin.delete_provisioning_artifact,
    "DeleteTagOption": catalog_tags.delete_tag_option,
    "DescribeConstraint": admin.describe_constraint,
    "DescribePortfolio": admin.describe_portfolio,
    "DescribePortfolioShareStatus": catalog_audience.describe_portfolio_share_status,
    "DescribePortfolioShares": catalog_audience.describe_portfolio_shares,
    "DescribeProductAsAdmin": admin.describe_product_as_admin,
    "DescribeProvisionedProduct": catalog_launches.describe,
    "DescribeProvisioningArtifact": admin.describe_provisioning_artifact,
    "DescribeRecord": catalog_launches.describe_record,
    "DisassociatePrincipalFromPortfolio": catalog_audience.disassociate_principal,
    "DisassociateProductFromPortfolio": admin.disassociate_product,
    "DisassociateTagOptionFromResource": catalog_tags.disassociate_tag_option,
    "EnableAWSOrganizationsAccess": catalog_audience.enable_organizations_access,
    "GetAWSOrganizationsAccessStatus": catalog_audience.get_organizations_access_status,
    "GetProvisionedProductOutputs": catalog_launches.outputs,
    "ListAcceptedPortfolioShares": catalog_audience.list_accepted_portfolio_shares,
    "ListConstraintsForPortfolio": admin.list_constraints_for_portfolio,
    "ListLaunchPaths": list_launch_paths,
    "ListPortfolios": admin.list_portfolios,
    "ListPortfoliosForProduct": admin.list_portfolios_for_product,
    "ListPrincipalsForPortfolio": catalog_audience.list_principals,
    "ListProvisioningArtifacts": admin.list_provisioning_artifacts,
    "ProvisionProduct": catalog_launches.provision,
    "RejectPortfolioShare": catalog_audience.reject_portfolio_share,
    "SearchProducts": search_products,
    "SearchProvisionedProducts": catalog_launches.search,
    "TerminateProvisionedProduct": catalog_launches.terminate,
    "UpdatePortfolio": admin.update_portfolio,
    "UpdatePortfolioShare": catalog_audience.update_portfolio_share,
    "UpdateProduct": admin.update_product,
    "UpdateProvisionedProduct": catalog_launches.update,
    "UpdateProvisioningArtifact": admin.update_provisioning_artifact,
    "UpdateTagOption": catalog_tags.update_tag_option,
}
_api = JsonApi("servicecatalog", _OPERATIONS)


def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
    """Answer a request (``emulator.handlers.Api``) of a principal that is known."""
    with catalog_caller.calling(headers):
        return _api(method, path, headers, body)


@dataclass(frozen=True)
class _Type:
    """A type of resources by the API's operations; properties that ``remade`` names replace the resource."""

    make: Callable[[Properties], Created]
    unmake: Callable[[str, Properties], Any]
    change: Callable[[str, Properties], Any] | None = None
    remade: tuple[str, ...] = ()

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the resource. Raises ValueError where the service refuses it."""
        made: Created = _handled(lambda: self.make(props))
        return made

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change the resource, or make another in its place. Raises ValueError where the service refuses it."""
        change = self.change
        if change is None or any(old.get(name) != new.get(name) for name in self.remade):
            return physical_id if old == new else _handled(lambda: self.make(new))[0], {}
        attributes: dict[str, Any] = _handled(lambda: change(physical_id, new)) or {}
        return physical_id, attributes

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the resource. Raises ValueError where the service refuses that."""
        try:
            _handled(lambda: self.unmake(physical_id, props))
        except HandlerFailed as refused:
            if "(HandlerErrorCode: NotFound)" not in str(refused):
                raise


_CODES = {"ResourceNotFoundException": "NotFound", "DuplicateResourceException": "AlreadyExists"}


def _handled(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except ApiError as refused:
        text = f"{refused} (Service: ServiceCatalog, Status Code: {refused.status})"
        raise HandlerFailed(text, _CODES.get(refused.code, "InvalidRequest")) from refused


def _given(props: Properties, *names: str) -> dict[str, Any]:
    return {name: props[name] for name in names if name in props}


def _portfolio(props: Properties) -> Created:
    made = admin.create_portfolio(_given(props, "DisplayName", "ProviderName", "Description"))["PortfolioDetail"]
    return made["Id"], {"PortfolioName": made["DisplayName"]}


def _product(props: Properties) -> Created:
    parameters = props["ProvisioningArtifactParameters"]
    if len(parameters) != 1:
        raise ApiError("InvalidParametersException", "A product is made with one version.")
    made = admin.create_product(
        _given(props, "Name", "Owner", "Description") | {"ProvisioningArtifactParameters": parameters[0]}
    )
    view = made["ProductViewDetail"]["ProductViewSummary"]
    return view["ProductId"], _product_attributes(view["ProductId"])


def _product_attributes(name: str) -> dict[str, Any]:
    product = store.own_product(name)
    versions = product["Versions"].values()
    return {
        "ProductName": product["Name"],
        "ProvisioningArtifactIds": ",".join(one["Id"] for one in versions),
        "ProvisioningArtifactNames": ",".join(one["Name"] for one in versions),
    }


def _change_product(name: str, props: Properties) -> dict[str, Any]:
    admin.update_product({"Id": name, **_given(props, "Name", "Owner", "Description")})
    return _product_attributes(name)


def _association(props: Properties) -> Created:
    admin.associate_product(_given(props, "PortfolioId", "ProductId"))
    return f"{props['PortfolioId']}|{props['ProductId']}", {}


def _principal(props: Properties) -> Created:
    catalog_audience.associate_principal(_given(props, "PortfolioId", "PrincipalARN", "PrincipalType"))
    return f"{props['PrincipalARN']}|{props['PortfolioId']}", {}


def _constraint(kind: str, parameters: Callable[[Properties], Mapping[str, Any]]) -> _Type:
    def make(props: Properties) -> Created:
        text = json.dumps(parameters(props))
        given = _given(props, "PortfolioId", "ProductId", "Description") | {"Type": kind, "Parameters": text}
        return admin.create_constraint(given)["ConstraintDetail"]["ConstraintId"], {}

    def change(name: str, props: Properties) -> None:
        admin.delete_constraint({"Id": name})
        remade = store.own_portfolio(props["PortfolioId"])["Constraints"]
        made, _ = make(props)
        remade[name] = remade.pop(made) | {"ConstraintId": name}

    return _Type(make, lambda name, _: admin.delete_constraint({"Id": name}), change, ("PortfolioId", "ProductId"))


def _stack_set(props: Properties) -> Mapping[str, Any]:
    names = ("AccountList", "RegionList", "AdminRole", "ExecutionRole")
    return {"Version": "String", "Properties": {name: props[name] for name in names}}


def _share(props: Properties) -> Created:
    catalog_audience.create_portfolio_share(_given(props, "PortfolioId", "AccountId", "ShareTagOptions"))
    return f"{props['PortfolioId']}|{props['AccountId']}", {}


def _tag_option(props: Properties) -> Created:
    return catalog_tags.create_tag_option(_given(props, "Key", "Value"))["TagOptionDetail"]["Id"], {}


def _tag(props: Properties) -> Created:
    catalog_tags.associate_tag_option(_given(props, "ResourceId", "TagOptionId"))
    return f"{props['TagOptionId']}|{props['ResourceId']}", {}


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::ServiceCatalog::CloudFormationProduct": _Type(
        _product, lambda name, _: admin.delete_product({"Id": name}), _change_product
    ),
    "AWS::ServiceCatalog::LaunchRoleConstraint": _constraint(
        "LAUNCH", lambda props: _given(props, "RoleArn", "LocalRoleName")
    ),
    "AWS::ServiceCatalog::LaunchTemplateConstraint": _constraint(
        "TEMPLATE", lambda props: {"Rules": json.loads(props["Rules"])}
    ),
    "AWS::ServiceCatalog::Portfolio": _Type(
        _portfolio,
        lambda name, _: admin.delete_portfolio({"Id": name}),
        lambda name, props: admin.update_portfolio({"Id": name, **props}) and {},
    ),
    "AWS::ServiceCatalog::PortfolioPrincipalAssociation": _Type(
        _principal, lambda _, props: catalog_audience.disassociate_principal(props)
    ),
    "AWS::ServiceCatalog::PortfolioProductAssociation": _Type(
        _association, lambda _, props: admin.disassociate_product(props)
    ),
    "AWS::ServiceCatalog::PortfolioShare": _Type(
        _share,
        lambda _, props: catalog_audience.delete_portfolio_share(_given(props, "PortfolioId", "AccountId")),
        lambda _, props: (
            catalog_audience.update_portfolio_share(_given(props, "PortfolioId", "AccountId", "ShareTagOptions")) and {}
        ),
        ("PortfolioId", "AccountId"),
    ),
    "AWS::ServiceCatalog::StackSetConstraint": _constraint("STACKSET", _stack_set),
    "AWS::ServiceCatalog::TagOption": _Type(
        _tag_option,
        lambda name, _: catalog_tags.delete_tag_option({"Id": name}),
        lambda name, props: catalog_tags.update_tag_option({"Id": name, **_given(props, "Active")}) and {},
        ("Key", "Value"),
    ),
    "AWS::ServiceCatalog::TagOptionAssociation": _Type(
        _tag, lambda _, props: catalog_tags.disassociate_tag_option(props)
    ),
}
APIS: Mapping[str, Api] = {"servicecatalog": answer}
