"""The causes that are known, each with where that knowledge comes from; `docs/diagnoses.md` is made from it.

The order decides where several would fit: the first does. Symptoms stand last, since they say that something else is
the cause. Hundreds of a code are its subject: 1 the account, 2 the image and the tasks, 3 health, 4 the gateway,
5 names and certificates, 6 the stack set and the templates, 9 symptoms.
"""

from typing import Final

from deployer.diagnosis.evidence import Cause

ECS: Final = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"
TASK: Final = ("task", "service", "stack")
RUNNING: Final = ("log", "task", "service", "health")

CAUSES: Final[tuple[Cause, ...]] = (
    Cause(
        "MCPR-101",
        "The account has as many VPCs in this Region as its quota allows.",
        "Each runtime makes a VPC of its own unless it is given one; five a Region is AWS's default.",
        "Delete a VPC that nobody uses, ask Service Quotas for more (quota L-F678F1CE), or name an existing VPC in"
        " [network].",
        r"maximum number of VPCs has been reached|VpcLimitExceeded",
        "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
    ),
    Cause(
        "MCPR-102",
        "The account has as many Elastic IP addresses in this Region as its quota allows.",
        "Each NAT gateway needs one: one with the preset development, one a zone with production; five a Region is"
        " AWS's default.",
        "Release addresses that are not associated, or ask Service Quotas for more (quota L-0263D0A3).",
        r"maximum number of addresses has been reached|AddressLimitExceeded",
        "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
    ),
    Cause(
        "MCPR-103",
        "The account did not have the service-linked role of Amazon ECS yet.",
        "AWS makes it at the first use and may take moments to let it be assumed; in a new account the first cluster"
        " fails for it.",
        "Run the same command again; where that fails too, run"
        " `aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com` in that account first.",
        r"Unable to assume the service linked role",
        ECS + "using-service-linked-roles.html",
    ),
    Cause(
        "MCPR-104",
        "The credentials that CloudFormation uses in the target account may not do what the template asks for.",
        "The message names the action and the resource. A service control policy or a permissions boundary denies even"
        " where a policy allows; the message says so then.",
        "Launch the current templates/foundation-target.yaml in that account, or have the policy that denies"
        " changed; then run the same command again.",
        r"is not authorized to perform|HandlerErrorCode: AccessDenied|explicit deny",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html",
        ("stack", "operation"),
    ),
    Cause(
        "MCPR-105",
        "Something of the name that the template gives is there already.",
        "Names of this runtime carry a suffix of their stack, so that what stands there was left by a deletion that"
        " kept it, or made by hand.",
        "Delete or rename what the message names, if nobody needs it, and run the same command again.",
        r"already exists\.?\"? ?\(|already exists in stack|HandlerErrorCode: AlreadyExists",
        "https://repost.aws/knowledge-center/cloudformation-resource-already-exists",
    ),
    Cause(
        "MCPR-201",
        "The image was not built for the processor that the tasks run on.",
        "The registry holds the image for another architecture; Fargate starts none of its tasks.",
        "Build it for the configured architecture (`python build.py image` does), or correct image.digest.",
        r"descriptor (matching|for) platform|exec format error",
        ECS + "task-cannot-pull-image.html",
        ("log", *TASK),
    ),
    Cause(
        "MCPR-202",
        "The tasks may not pull the image.",
        "The registry refused: the repository's policy does not admit this account, or the execution role lacks a"
        " permission.",
        "Run `python build.py image` with the target's account in the configuration: it writes the repository's policy;"
        " of a registry of your own, admit the account there.",
        r"CannotPullContainer.*(403 Forbidden|AccessDenied|pull access denied|not authorized)",
        ECS + "task-cannot-pull-image.html",
        TASK,
    ),
    Cause(
        "MCPR-203",
        "The image is not in the registry.",
        "The digest or the repository that the task definition names does not exist in that Region.",
        "Run `python build.py image`, which returns once every Region holds the digest.",
        r"CannotPullContainer.*(not found|manifest unknown|does not exist)",
        ECS + "task-cannot-pull-image.html",
        TASK,
    ),
    Cause(
        "MCPR-204",
        "The tasks do not reach the registry.",
        "Their subnets have no way out: no route to a NAT gateway, no interface endpoints, or a security group or"
        " network ACL in between.",
        "In an existing VPC give the private subnets a default route to a NAT gateway, or interface endpoints for"
        " ecr.api, ecr.dkr and logs and a gateway endpoint for S3; allow 443 outwards.",
        r"CannotPullContainer.*(i/o timeout|request canceled|Client\.Timeout|deadline exceeded|connection refused)",
        ECS + "task-cannot-pull-image.html",
        TASK,
    ),
    Cause(
        "MCPR-205",
        "The tasks may not read a secret.",
        "The execution role lacks secretsmanager:GetSecretValue for it, or kms:Decrypt for the key that encrypts it.",
        "Give the whole ARN of the secret in the configuration, in the same account; a secret under a key of its own"
        " needs that key's policy to admit the execution role.",
        r"ResourceInitializationError.*AccessDenied",
        ECS + "resource-initialization-error.html",
        TASK,
    ),
    Cause(
        "MCPR-206",
        "The tasks do not reach Secrets Manager or the registry while they start.",
        "Their subnets have no way out, or a security group or network ACL stands in between.",
        "In an existing VPC give the private subnets a default route to a NAT gateway, or an interface endpoint for"
        " secretsmanager (and ecr.api, ecr.dkr, logs); allow 443 outwards.",
        r"ResourceInitializationError.*(deadline exceeded|RequestCanceled|i/o timeout|check your task network)",
        ECS + "resource-initialization-error.html",
        TASK,
    ),
    Cause(
        "MCPR-207",
        "A container used more memory than the task has.",
        "Linux ended it; its exit code is 137.",
        "Give service.task_size more memory, or have the tools hold less at once.",
        r"OutOfMemory|OOM-killed",
        ECS + "troubleshoot-task-stopped-reasons.html",
        TASK,
    ),
    Cause(
        "MCPR-208",
        "The server refused to start, and says why.",
        "A setting or a secret that it was given is wrong; its last line in the log names it.",
        "Correct what the line names; `python -m server` here says the same with the same settings.",
        r'"level": "CRITICAL"',
        ECS + "troubleshoot-task-stopped-reasons.html",
        ("log",),
    ),
    Cause(
        "MCPR-301",
        "The load balancer's health check is answered with another status than 200.",
        "The code is in the message: 3xx where a path redirects, 4xx where it is not there or refused, 5xx where the"
        " server is not ready.",
        "Call /health of a server started with `python -m server` here; look at the tasks' log for why it is not"
        " ready.",
        r"Health checks failed with these codes",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
        ("health", "service"),
    ),
    Cause(
        "MCPR-302",
        "The load balancer's health checks get no answer from the tasks.",
        "The server does not listen on 0.0.0.0 at the container's port, starts more slowly than the grace period, or a"
        " security group stands in between.",
        "Look at the tasks' log: whether the server says that it listens, and where; in an existing VPC look at the"
        " network ACLs of the subnets.",
        r"\(reason Health checks failed\)|Request timed out|^Health checks failed$|Target\.Timeout",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
        ("service", "health"),
    ),
    Cause(
        "MCPR-401",
        "The token issuer that is configured cannot be reached.",
        "AgentCore and the load balancer read its discovery document and its keys over the public internet.",
        "Correct [identity] in the configuration; the discovery document must be reachable without a credential.",
        r"(discovery document|discovery ?url|token endpoint|issuer|openid-configuration).*"
        r"(resolve|reach|read|connect|timed out|not found)",
        "https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/identity-idps.html",
        ("gateway", "stack"),
    ),
    Cause(
        "MCPR-402",
        "The gateway could not list the tools of the server behind its target.",
        "It makes a real connection when the target is made: name, certificate, token and tasks must all work then.",
        "Run `python build.py verify`: it asks the same URL with the same token and names the layer that"
        " fails; the endpoint must have a public name and certificate, or be reached privately.",
        r"Failed to connect and fetch tools|fetch tools from the provided MCP target",
        "https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-target-MCPservers.html",
        ("gateway", "stack"),
    ),
    Cause(
        "MCPR-501",
        "A DNS record of the runtime's name is there already.",
        "Route 53 does not let CloudFormation overwrite a record that another stack or a hand made.",
        "Delete the record, if nobody needs it, or choose another runtime.name or label for this target.",
        r"Tried to create resource record set .* but it already exists",
        "https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html",
    ),
    Cause(
        "MCPR-502",
        "The token domain's name is taken.",
        "A Cognito domain prefix is unique in a Region over all accounts of AWS.",
        "Run the same command again: the prefix carries a suffix of the stack; where it is yours, give it another one.",
        r"Domain already associated with another user pool",
        "https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html",
    ),
    Cause(
        "MCPR-503",
        "A CAA record of the domain does not let Amazon issue a certificate for it.",
        "Certificate authorities obey the CAA records of a name and of the names above it.",
        "Add a CAA record for amazon.com (or amazontrust.com, awstrust.com, amazonaws.com), or remove the CAA records.",
        r"Certificate Authority Authentication|CAA_ERROR",
        "https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-caa.html",
        ("certificate", "stack"),
    ),
    Cause(
        "MCPR-504",
        "The certificate waits for a validation record that public DNS does not show.",
        "The hosted zone is private, another account's, or not the one that the parent domain delegates to.",
        "Compare the zone's name servers with the NS records in the parent domain; make the record that is named here"
        " there, or give an existing certificate.",
        r"validation PENDING_VALIDATION",
        "https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-DNS-validation.html",
        ("certificate",),
    ),
    Cause(
        "MCPR-601",
        "The stack set's administration role may not use the target account.",
        "The execution role is not there, or does not trust the administration role.",
        "Launch templates/foundation-target.yaml in that account: `python build.py launch-url --execution-roles` prints"
        " a link; then run the same command again.",
        r"should have '.*' role with trust relationship to Role",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html",
        ("operation", "stack"),
    ),
    Cause(
        "MCPR-602",
        "CloudFormation may not read a packaged template.",
        "The artifact bucket's policy does not admit the target's account, or the bucket was emptied.",
        "Run `python build.py package`, which writes the bucket's policy and the templates; then run the same command"
        " again.",
        r"S3 error: Access Denied|TemplateURL must reference a valid S3 object",
        "https://repost.aws/knowledge-center/cloudformation-s3-access-denied",
        ("stack", "operation"),
    ),
    Cause(
        "MCPR-603",
        "Something that the stack did not make still stands in its network.",
        "A VPC, a subnet or a security group goes only after every network interface in it; those of a private endpoint"
        " stay for a while after it.",
        "Run `python build.py destroy` again, which waits for interfaces that services hold; delete what else uses the"
        " network.",
        r"has dependencies and cannot be deleted|has a dependent object|DependencyViolation",
        "https://repost.aws/knowledge-center/troubleshoot-dependency-error-delete-vpc",
    ),
    Cause(
        "MCPR-901",
        "The tasks start and stop again.",
        "An essential container ended; the log's last lines and the exit code say why.",
        "Read the log lines below; start the server here with the same settings: `python -m server`.",
        r"Essential container in task exited|EssentialContainerExited",
        ECS + "troubleshoot-task-stopped-reasons.html",
        TASK,
        symptom=RUNNING,
    ),
    Cause(
        "MCPR-902",
        "The service's deployment was given up: its tasks did not become steady.",
        "Amazon ECS stops a deployment whose tasks fail again and again and goes back to the one before.",
        "Read what the tasks, the log and the health checks say below; where they are gone with the stack, run the same"
        " command again and look while it runs.",
        r"Deployment Circuit Breaker was triggered|deployment failed: tasks failed to start|NotStabilized",
        ECS + "deployment-circuit-breaker.html",
        ("stack", "service"),
        ("AWS::ECS::Service", ""),
        symptom=RUNNING,
    ),
)
