"""Service Quotas: the quotas that a runtime takes of, at AWS's defaults, and raised at once where that is asked for.

Facts: Service Quotas service model (`GetServiceQuota`, `GetAWSDefaultServiceQuota`, `RequestServiceQuotaIncrease` and
their errors); names, codes and defaults as Service Quotas has them for Amazon VPC, Amazon EC2 and Elastic Load
Balancing. On AWS a request is reviewed; here nobody is there to review it.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from emulator.bridge import current_scope
from emulator.handlers import Api
from emulator.json_api import ApiError, JsonApi
from emulator.records import Table

_NAMES: Mapping[tuple[str, str], tuple[str, float]] = {
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 5.0),
    ("vpc", "L-A4707A72"): ("Internet gateways per Region", 5.0),
    ("vpc", "L-FE5A380F"): ("NAT gateways per Availability Zone", 5.0),
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5.0),
    ("elasticloadbalancing", "L-53DA6B97"): ("Application Load Balancers per Region", 50.0),
}
"""Name and default by service and code."""
_raised = Table("service-quotas")


def get_default(given: dict[str, Any]) -> dict[str, Any]:
    """Return a quota as every account has it."""
    return {"Quota": _quota(given, _known(given)[1])}


def get(given: dict[str, Any]) -> dict[str, Any]:
    """Return a quota as the current account has it in the current Region."""
    return {"Quota": _quota(given, _value(given))}


def request_increase(given: dict[str, Any]) -> dict[str, Any]:
    """Raise a quota. Refused where it is no more than what is in force, as the service model's illegal argument."""
    wanted = float(given["DesiredValue"])
    if wanted <= _value(given):
        raise ApiError("IllegalArgumentException", f"You must provide a quota value greater than {_value(given)}")
    _raised.put(given["QuotaCode"], {"value": wanted})
    codes = {name: given[name] for name in ("ServiceCode", "QuotaCode")}
    return {"RequestedQuota": {"Id": uuid4().hex, **codes, "DesiredValue": wanted, "Status": "APPROVED"}}


def _known(given: Mapping[str, Any]) -> tuple[str, float]:
    found = _NAMES.get((given["ServiceCode"], given["QuotaCode"]))
    if found is None:
        raise ApiError("NoSuchResourceException", "The request failed because the specified service does not exist.")
    return found


def _value(given: Mapping[str, Any]) -> float:
    record = _raised.get(given["QuotaCode"])
    return float(record["value"]) if record else _known(given)[1]


def _quota(given: Mapping[str, Any], value: float) -> dict[str, Any]:
    account, region = current_scope()
    service, code = given["ServiceCode"], given["QuotaCode"]
    return {
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:{service}/{code}",
        "QuotaName": _known(given)[0],
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


APIS: Mapping[str, Api] = {
    "servicequotas": JsonApi(
        "service-quotas",
        {
            "GetAWSDefaultServiceQuota": get_default,
            "GetServiceQuota": get,
            "RequestServiceQuotaIncrease": request_increase,
        },
    )
}
