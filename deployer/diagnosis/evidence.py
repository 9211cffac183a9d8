"""What AWS said of a failure, word for word and with the place where it said so."""

from dataclasses import dataclass
from typing import Any, Literal

Area = Literal["operation", "stack", "service", "task", "log", "health", "certificate", "gateway", "probe"]


@dataclass(frozen=True)
class Evidence:
    """One thing that was said: `text` in AWS's own words, `place` what it is about, `kind` its resource type or empty.

    `look` is a command that shows it again, or empty; `physical_id` is AWS's name of what it is about, or empty.
    """

    area: Area
    place: str
    text: str
    kind: str = ""
    look: str = ""
    physical_id: str = ""

    def as_data(self) -> dict[str, Any]:
        """Returns the evidence as plain data."""
        return {"area": self.area, "place": self.place, "kind": self.kind, "text": self.text, "look": self.look}


@dataclass(frozen=True)
class Cause:
    """An entry of the catalogue.

    `pattern` is a regular expression that finds the cause in AWS's words, whatever their case; `kinds` are the resource
    types that it is about, any where there are none. `what`, `why` and `remedy` are sentences. `source` is the page or
    the report that says so. A `symptom` has its cause elsewhere: in the evidence of the areas that it names.
    """

    code: str
    what: str
    why: str
    remedy: str
    pattern: str
    source: str
    areas: tuple[Area, ...] = ("stack",)
    kinds: tuple[str, ...] = ()
    symptom: tuple[Area, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """Why one target failed. `cause` is None where the catalogue does not know it; then the evidence is all there is.

    `leading` is the evidence that the cause was found in; `rest` is what else was said; `notes` say what was not read.
    """

    account: str
    region: str
    cause: Cause | None
    leading: Evidence | None
    rest: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The cause's code, or that of an unknown one."""
        return self.cause.code if self.cause else UNKNOWN

    @property
    def found(self) -> bool:
        """Whether there is anything to explain."""
        return self.leading is not None

    def as_data(self) -> dict[str, Any]:
        """Returns the diagnosis as plain data."""
        cause = self.cause
        return {
            "account": self.account,
            "region": self.region,
            "code": self.code if self.found else "",
            "what": cause.what if cause else "",
            "why": cause.why if cause else "",
            "remedy": cause.remedy if cause else "",
            "source": cause.source if cause else "",
            "evidence": [one.as_data() for one in ((self.leading,) if self.leading else ()) + self.rest],
            "notes": list(self.notes),
        }


UNKNOWN = "MCPR-000"
"""The code of a cause that is not in the catalogue."""
