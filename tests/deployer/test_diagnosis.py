"""The catalogue of causes, what evidence makes of it, its screen: `python -m tests.deployer.test_diagnosis` draws."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from deployer.diagnosis.catalogue import CAUSES
from deployer.diagnosis.collecting import CERTIFICATE, collect
from deployer.diagnosis.evidence import Diagnosis, Evidence
from deployer.diagnosis.finding import diagnose, known
from deployer.diagnosis.screen import draw
from tests.deployer.scripted import ACCOUNT, REGION, Scripted
from tests.end_to_end.failure_gallery import BREAKER, GALLERY, SERVICE

FOLDER = Path(__file__).parent / "fixtures" / "diagnosis"
ELSEWHERE = {"MCPR-203", "MCPR-208", "MCPR-401", "MCPR-504", "MCPR-901"}
"""Codes that this file, or the failures that really happen in `test_broken_deployment`, test."""
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/s/1"
BROKEN = Evidence("stack", f"{ACCOUNT}/{REGION}/ServiceStack/Service", BREAKER, SERVICE)
NO_IMAGE = Evidence(
    "task",
    "task 1f2e",
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref"
    " 111122223333.dkr.ecr.us-east-1.amazonaws.com/server: not found",
    SERVICE,
    "aws ecs describe-tasks --cluster main --tasks 1f2e",
)
LOG = Evidence("log", "group main/server/1f2e", "Traceback (most recent call last):")
PICTURES: dict[str, list[Diagnosis]] = {
    "tasks": [diagnose(ACCOUNT, REGION, [BROKEN, NO_IMAGE, LOG], ["the service: AWS refused DescribeServices."])],
    "unknown": [
        diagnose(
            ACCOUNT,
            REGION,
            [Evidence("stack", "a/b/Thing", "Internal Failure", "AWS::EC2::Thing", "https://x.example")],
        )
    ],
    "nothing": [diagnose(ACCOUNT, REGION, []), diagnose(ACCOUNT, "eu-west-1", [], ["account 1 cannot be read"])],
}


def picture(name: str) -> str:
    """Returns what a screen of 100 columns shows."""
    text = io.StringIO()
    draw(Console(file=text, width=100, markup=False, highlight=False), PICTURES[name])
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


@pytest.mark.parametrize("name", PICTURES)
def test_screen_looks_as_it_was_looked_at(name: str) -> None:
    assert picture(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def test_every_cause_has_a_code_of_its_own_a_source_and_a_test() -> None:
    codes = [cause.code for cause in CAUSES]
    assert len(set(codes)) == len(codes)
    assert codes == sorted(codes)
    assert {*codes, "MCPR-000"} == {one.code for one in GALLERY} | ELSEWHERE
    for cause in CAUSES:
        assert re.fullmatch(r"https://\S+", cause.source)
        assert all(sentence.endswith((".", ")")) for sentence in (cause.what, cause.why, cause.remedy))


def test_gallery_has_at_least_fifteen_reports_and_all_are_cited() -> None:
    assert len({one.report for one in GALLERY}) >= 15
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+/(issues|pull)/\d+", one.report) for one in GALLERY)


def test_what_the_tasks_say_explains_a_symptom_and_no_more_than_that() -> None:
    assert diagnose(ACCOUNT, REGION, [BROKEN, NO_IMAGE]).code == "MCPR-203"
    exited = Evidence("task", "task 1f2e", "Essential container in task exited", SERVICE)
    assert diagnose(ACCOUNT, REGION, [BROKEN, exited, LOG]).code == "MCPR-901"
    vpc = Evidence("stack", "a/b/Vpc", "The maximum number of VPCs has been reached.", "AWS::EC2::VPC")
    assert diagnose(ACCOUNT, REGION, [vpc, NO_IMAGE]).code == "MCPR-101"


def test_first_failure_leads_and_the_rest_is_kept() -> None:
    other = Evidence("stack", "a/b/Eip", "The maximum number of addresses has been reached.", "AWS::EC2::EIP")
    unknown = Evidence("stack", "a/b/Thing", "Internal Failure", "AWS::EC2::Thing")
    found = diagnose(ACCOUNT, REGION, [unknown, other])
    assert (found.code, found.leading, found.rest) == ("MCPR-000", unknown, (other,))
    assert found.as_data()["evidence"][0]["text"] == "Internal Failure"


def test_missing_validation_record_is_named() -> None:
    aws = Scripted()
    arn = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1"
    event = {
        "StackId": STACK_ID,
        "StackName": "s",
        "Timestamp": datetime(2026, 1, 1, tzinfo=UTC),
        "ResourceStatusReason": "Resource creation timed out",
    }
    failed = {"EventId": "1", "LogicalResourceId": "Certificate", "ResourceType": CERTIFICATE}
    answer = {"StackEvents": [{**event, **failed, "PhysicalResourceId": arn, "ResourceStatus": "CREATE_FAILED"}]}
    aws.answers("cloudformation", "describe_stack_events", answer, {"StackName": STACK_ID})
    record = {"Name": "_a.mcp.example.com.", "Type": "CNAME", "Value": "_b.acm-validations.aws."}
    validation = {"DomainName": "mcp.example.com", "ValidationStatus": "PENDING_VALIDATION", "ResourceRecord": record}
    certificate = {"Certificate": {"CertificateArn": arn, "Status": "FAILED", "DomainValidationOptions": [validation]}}
    aws.answers("acm", "describe_certificate", certificate, {"CertificateArn": arn})
    found = collect(aws, ACCOUNT, REGION, STACK_ID)
    diagnosis = diagnose(ACCOUNT, REGION, found.evidence, found.notes)
    assert diagnosis.code == "MCPR-504"
    assert diagnosis.leading is not None
    assert "_a.mcp.example.com. CNAME _b.acm-validations.aws." in diagnosis.leading.text
    aws.ended()


def test_target_whose_account_cannot_be_read_says_so_and_gives_what_the_stack_set_says() -> None:
    words = next(one.words for one in GALLERY if one.code == "MCPR-601")

    class Elsewhere(Scripted):
        def reaches(self, account: str) -> bool:
            return False

    found = collect(Elsewhere(), ACCOUNT, REGION, STACK_ID, words)
    assert found.notes == [f"account {ACCOUNT} cannot be read; what the stack set says of it is all there is"]
    (evidence,) = found.evidence
    cause = known(evidence)
    assert cause is not None
    assert cause.code == "MCPR-601"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in PICTURES:
        (FOLDER / f"{name}.txt").write_text(picture(name), encoding="utf-8")
