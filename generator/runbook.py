"""What each alarm means and what to do: the texts of the alarms' descriptions and of the runbook's sections.

One entry an alarm, or for several alarms that are one matter. An alarm's description ends with the address of its
section, `RunbookUrl` and the anchor.
"""

from dataclasses import dataclass
from typing import Final

PAGE: Final = "docs/runbook.md"
FAILING: Final = "callers fail or wait now"
ATTENTION: Final = "nobody fails yet, or few do"
DEPLOYMENT: Final = "a deployment under way is rolled back"


@dataclass(frozen=True)
class Entry:
    """A section of the runbook.

    `title` makes the anchor, as every renderer of Markdown does; `alarms` are logical ids; `meaning` is the
    description's sentence; `look` are commands of this machine or of the AWS CLI, `causes` and `remedies` sentences.
    """

    title: str
    alarms: tuple[str, ...]
    urgency: str
    meaning: str
    felt: str
    look: tuple[str, ...]
    causes: tuple[str, ...]
    remedies: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Where the section begins on its page."""
        return self.title.lower().replace(" ", "-")


STATUS: Final = "python build.py status --watch"
VERIFY: Final = "python build.py verify"
DIAGNOSE: Final = "python build.py diagnose"
ERRORS: Final = 'aws logs tail LOG_GROUP --since 1h --filter-pattern \'{ $.level = "ERROR" || $.level = "CRITICAL" }\''
CALLS: Final = "aws logs tail LOG_GROUP --since 1h --filter-pattern '{ $.outcome = * && $.outcome != \"ok\" }'"
EVENTS: Final = "aws ecs describe-services --cluster CLUSTER --services SERVICE --query 'services[0].events[:10]'"

BLOCKED: Final = tuple(
    f"aws logs tail aws-waf-logs-RUNTIME-{entrance} --since 1h --filter-pattern '{{ $.action = \"BLOCK\" }}'"
    for entrance in ("gateway", "load-balancer")
)

ENTRIES: Final = (
    Entry(
        "Too few tasks",
        ("TooFewTasks",),
        FAILING,
        "For five minutes fewer tasks were healthy than must always run.",
        "With one task left calls go on, slower; with none the gateway's calls fail with 503.",
        (STATUS, EVENTS, ERRORS),
        (
            "The image cannot be pulled, or the server ends at its start: the events and the log say which.",
            "Fargate has no capacity in a zone, or none for Spot.",
            "Health checks fail: the tools use up the memory or block the server's threads.",
        ),
        (
            "After a deployment wait for the circuit breaker, which rolls it back; then `python build.py diagnose`.",
            "Set `compute.spot_percent = 0` while there is no capacity for Spot, and deploy.",
            "Give the tasks more memory with `compute.task_size`.",
        ),
    ),
    Entry(
        "Unhealthy targets",
        ("UnhealthyTargets",),
        FAILING,
        "For ten minutes the load balancer has called a task unhealthy.",
        "Calls go to the other tasks; if all are unhealthy, to all of them.",
        (STATUS, "aws elbv2 describe-target-health --target-group-arn TARGET_GROUP", ERRORS),
        (
            "`/ready` does not answer in time: the event loop or every thread is busy with a tool.",
            "The task is near the end of its memory, and the server refuses calls.",
        ),
        (
            "See which tool was called with `Duration` and `InFlight` on the dashboard; bound it with `TOOL_SECONDS`.",
            "ECS replaces a task that stays unhealthy; stop it by hand only if that does not happen.",
        ),
    ),
    Entry(
        "The server answers with errors",
        ("TargetErrors",),
        FAILING,
        "The server answered more than five calls a minute with a status of 500 or more, for three minutes.",
        "An agent's call fails; it may try again.",
        (ERRORS, VERIFY),
        (
            "503: the server cannot read the issuer's keys.",
            "Anything else of 500 or more is a fault of the server: what a tool raises is answered with 200.",
        ),
        (
            "503: see that the tasks reach the issuer, over NAT or an endpoint, and that the issuer answers.",
            "If it began with a deployment, deploy the previous image by `image.digest`.",
        ),
    ),
    Entry(
        "The load balancer gets no answers",
        ("LoadBalancerErrors",),
        FAILING,
        "The load balancer answered more than five calls a minute by itself with a status of 500 or more, for three"
        " minutes.",
        "An agent's call fails.",
        (STATUS, "aws elbv2 describe-target-health --target-group-arn TARGET_GROUP", EVENTS),
        (
            "503: no task is registered. See [too few tasks](#too-few-tasks).",
            "504: a call took longer than the load balancer waits. 502: a task ended during a call.",
            "500: the issuer's public keys cannot be read, or are larger than 150 KB or more than ten.",
        ),
        (
            "Bound slow tools with `TOOL_SECONDS`, below the load balancer's idle timeout.",
            "For tasks that end: look for `MemoryHigh` and for the reason in the service's events.",
        ),
    ),
    Entry(
        "Slow answers",
        ("SlowAnswers",),
        FAILING,
        "For five minutes one call in a hundred took longer than the objective.",
        "Agents wait, and some give up.",
        ("python build.py invoke TOOL name=value", CALLS),
        (
            "A tool waits for something of its own: the dashboard shows `Duration` of each tool.",
            "Calls stand in the queue: `QueueTime` on the dashboard, and CPU near its end.",
        ),
        (
            "If it is one tool, bound it with `TOOL_SECONDS` and `TOOL_CONCURRENCY`, or make what it waits for faster.",
            "If it is all, raise `compute.max_tasks` or lower `compute.cpu_target_percent`.",
            "If the objective is wrong, change `operations.latency_objective_seconds`.",
        ),
    ),
    Entry(
        "The gateway fails calls",
        ("GatewayErrors",),
        FAILING,
        "The gateway itself failed calls, for three minutes.",
        "An agent's call fails with a status of 500 or more.",
        (VERIFY, STATUS),
        (
            "The target does not answer, or its token is refused: `verify` names the first layer that fails.",
            "AgentCore has a fault of its own: see the AWS Health Dashboard.",
        ),
        (
            "Where the token is refused: [rotate the secret](rotate-client-secret.md).",
            "Where the target is not `READY`: `python build.py recover`.",
        ),
    ),
    Entry(
        "The error budget burns fast",
        ("BurnsFastHour", "BurnsFastMinutes"),
        FAILING,
        "Tool calls fail by the server's fault so often that a month's error budget is gone in two days.",
        "Calls of tools end with a timeout, an overload or a crash.",
        (CALLS, STATUS),
        (
            "A tool's own dependency is down, and its calls run into `TOOL_SECONDS`.",
            "More calls come than the tasks take: `Overloaded` on the dashboard.",
            "A new image has a fault: `Crashes` on the dashboard since the deployment.",
            "Calls that reach no task count nowhere here: [too few tasks](#too-few-tasks) tells of these.",
        ),
        (
            "Since a deployment: deploy the previous image by `image.digest`.",
            "Overloaded: raise `compute.max_tasks`, or bound who calls with `gateway.requests_per_principal`.",
        ),
    ),
    Entry(
        "The error budget burns slowly",
        ("BurnsSlowlyHours", "BurnsSlowlyMinutes"),
        ATTENTION,
        "Tool calls fail by the server's fault so often that a month's error budget is gone in five days.",
        "Now and then a call of a tool ends with a timeout, an overload or a crash.",
        (CALLS,),
        ("The same as of [the fast one](#the-error-budget-burns-fast), in fewer calls: often of one tool.",),
        ("See which tool has `Faults` on the dashboard, and correct it in the next release.",),
    ),
    Entry(
        "CPU nearly used up",
        ("CpuHigh",),
        ATTENTION,
        "For three minutes the tasks used more than nine tenths of their CPU.",
        "Answers become slower.",
        (STATUS,),
        (
            "Scaling is at `compute.max_tasks`, or too slow for a sudden rise.",
            "A tool computes more than its task has.",
        ),
        ("Raise `compute.max_tasks`, lower `compute.cpu_target_percent`, or take a larger `compute.task_size`.",),
    ),
    Entry(
        "Memory nearly used up",
        ("MemoryHigh",),
        ATTENTION,
        "For three minutes the tasks used more than nine tenths of their memory.",
        "The server refuses calls with 429 before it would be ended.",
        (STATUS, ERRORS),
        ("A tool keeps or returns much data.", "Many large calls run at once."),
        (
            "Take a larger `compute.task_size`; bound answers with `MAX_RESPONSE_BYTES`.",
            "If it only grows over days, a tool leaks: a new deployment restarts the tasks meanwhile.",
        ),
    ),
    Entry(
        "The server logs errors",
        ("LoggedErrors",),
        ATTENTION,
        "The server logged more than five errors a minute, for three minutes.",
        "Perhaps nothing: each error says what it kept from working.",
        (ERRORS,),
        ("What the lines say.",),
        ("Correct what they name; what is no error should be logged as a warning.",),
    ),
    Entry(
        "The load balancer refuses requests",
        ("RejectedTokens",),
        ATTENTION,
        "The load balancer refused more than a hundred requests in five minutes; honest callers send none without a"
        " token.",
        "Strangers are refused, as they should be. If the gateway's own calls are refused, every call fails.",
        (VERIFY, "python build.py invoke TOOL name=value"),
        (
            "Somebody scans the public address: the access log and the firewall's log say who.",
            "The gateway's token is refused: the issuer, the scope or the client was changed.",
        ),
        (
            "Strangers: turn the firewall on with `gateway.firewall`, or make the endpoint private.",
            "The gateway: `python build.py verify` names the layer; deploy again what was changed by hand.",
        ),
    ),
    Entry(
        "The firewall blocks requests",
        ("FirewallBlocks",),
        ATTENTION,
        "The firewall blocked more than a hundred requests in five minutes.",
        "Those callers get 403. If they are yours, their calls fail.",
        BLOCKED,
        ("A flood or a scan.", "A rule matches what a tool is honestly sent: `terminatingRuleId` names it."),
        (
            "An honest caller over the rate: raise `gateway.firewall_source_rate` or `gateway.firewall_tool_rate`.",
            "A wrong match: set `gateway.firewall_mode` to `count` while you look at it.",
        ),
    ),
    Entry(
        "The gateway throttles calls",
        ("GatewayThrottles",),
        ATTENTION,
        "The gateway refused calls as too many, for three minutes.",
        "Callers get 429 and should wait.",
        (STATUS,),
        ("A caller is over `gateway.requests_per_principal`, a tool over `gateway.requests_per_tool`.", "A quota."),
        ("Raise the limit if the calls are wanted, or ask for more of the quota in Service Quotas.",),
    ),
    Entry(
        "The certificate expires",
        ("CertificateExpires",),
        ATTENTION,
        "The certificate has less than 30 days left; one that renews by itself has been renewed before that.",
        "Nothing until it has expired; then every call fails.",
        (VERIFY, "aws acm describe-certificate --certificate-arn CERTIFICATE --query Certificate.RenewalSummary"),
        (
            "The validation record is gone from the zone.",
            "The certificate was imported: AWS renews none of these.",
        ),
        ("Put the record back that `describe-certificate` shows.", "Import the new certificate under the same ARN."),
    ),
    Entry(
        "A deployment is rolled back",
        ("DeploymentErrors", "DeploymentUnhealthy"),
        DEPLOYMENT,
        "Tasks answer with errors or fail their health check; a deployment under way is rolled back.",
        "The old tasks go on and answer as before.",
        (DIAGNOSE, EVENTS, ERRORS),
        ("The new image has a fault, or needs a setting that it does not have.",),
        ("Correct it and deploy again: nothing has to be cleaned up.",),
    ),
)


def entry_of(alarm: str) -> Entry:
    """Returns the section of an alarm by its logical id; raises KeyError where it has none."""
    for entry in ENTRIES:
        if alarm in entry.alarms:
            return entry
    raise KeyError(alarm)
