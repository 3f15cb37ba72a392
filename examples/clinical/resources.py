"""What the FHIR R4 resource types of an export become: one flat, typed table each.

A line of a specification reads ``column  path[|path…]  [type]``. A path leads into the resource's JSON,
``[0]`` is the first element of an array, several paths are alternatives of which the first that isn't
NULL counts. The type is STRING when nothing is said; REF is the id at the end of a reference such as
``Patient/pt-1``. Two columns stand in every table: ``id`` first, and ``resource`` last, the JSON as received.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_SUBJECT = """
    patient_id       subject.reference                      REF
    encounter_id     encounter.reference                    REF"""
_CODE = """
    code             code.coding[0].code
    code_system      code.coding[0].system
    display          code.text|code.coding[0].display"""
_MEDICATION = """
    code             medicationCodeableConcept.coding[0].code
    display          medicationCodeableConcept.text"""

_SPECIFICATIONS: dict[str, str] = {
    "AllergyIntolerance": f"""
    status           clinicalStatus.coding[0].code
    verification     verificationStatus.coding[0].code
    criticality      criticality{_CODE}
    reaction         reaction[0].manifestation[0].text
    severity         reaction[0].severity
    patient_id       patient.reference                      REF
    encounter_id     encounter.reference                    REF
    recorded         recordedDate                           TIMESTAMP""",
    "CareTeam": f"""
    status           status
    name             name{_SUBJECT}
    reason           reasonCode[0].text
    start            period.start                           TIMESTAMP
    end              period.end                             TIMESTAMP""",
    "ClinicalImpression": f"""
    status           status{_CODE}{_SUBJECT}
    effective        effectiveDateTime                      TIMESTAMP
    description      description""",
    "Composition": f"""
    status           status
    code             type.coding[0].code
    display          type.text{_SUBJECT}
    written          date                                   TIMESTAMP
    author_id        author[0].reference                    REF""",
    "Condition": f"""
    status           clinicalStatus.coding[0].code
    verification     verificationStatus.coding[0].code
    category         category[0].coding[0].code{_CODE}
    severity         severity.text
    stage            stage[0].summary.text{_SUBJECT}
    onset            onsetDateTime                          TIMESTAMP
    abatement        abatementDateTime                      TIMESTAMP
    recorded         recordedDate                           TIMESTAMP""",
    "Coverage": """
    status           status
    type             type.text
    patient_id       beneficiary.reference                  REF
    payor_id         payor[0].reference                     REF
    start            period.start                           DATE
    end              period.end                             DATE""",
    "Device": """
    status           status
    code             type.coding[0].code
    display          type.text
    patient_id       patient.reference                      REF""",
    "DeviceUseStatement": """
    status           status
    patient_id       subject.reference                      REF
    device_id        device.reference                       REF
    start            timingPeriod.start                     DATE
    end              timingPeriod.end                       DATE""",
    "DiagnosticReport": f"""
    status           status
    category         category[0].coding[0].code{_CODE}{_SUBJECT}
    effective        effectiveDateTime                      TIMESTAMP
    issued           issued                                 TIMESTAMP
    conclusion       conclusion""",
    "DocumentReference": """
    status           status
    code             type.coding[0].code
    display          type.text
    patient_id       subject.reference                      REF
    encounter_id     context.encounter[0].reference         REF
    written          date                                   TIMESTAMP
    description      description
    size             content[0].attachment.size             BIGINT""",
    "Encounter": """
    status           status
    class            class.code
    type             type[0].coding[0].display
    service          serviceType.text
    priority         priority.coding[0].code
    patient_id       subject.reference                      REF
    part_of_id       partOf.reference                       REF
    start            period.start                           TIMESTAMP
    end              period.end                             TIMESTAMP
    reason_code      reasonCode[0].coding[0].code
    reason           reasonCode[0].text
    admitted_from    hospitalization.admitSource.coding[0].code
    discharged_to    hospitalization.dischargeDisposition.coding[0].code""",
    "Endpoint": """
    status           status
    connection       connectionType.code
    address          address""",
    "FamilyMemberHistory": """
    status           status
    patient_id       patient.reference                      REF
    relationship     relationship.coding[0].display
    deceased         deceasedBoolean                        BOOLEAN
    code             condition[0].code.coding[0].code
    display          condition[0].code.text""",
    "ImagingStudy": f"""
    status           status
    modality         modality[0].code{_SUBJECT}
    started          started                                TIMESTAMP
    series           numberOfSeries                         INT
    instances        numberOfInstances                      INT
    description      description""",
    "Immunization": """
    status           status
    code             vaccineCode.coding[0].code
    display          vaccineCode.text
    patient_id       patient.reference                      REF
    encounter_id     encounter.reference                    REF
    occurred         occurrenceDateTime                     TIMESTAMP
    lot              lotNumber
    dose             doseQuantity.value                     DOUBLE
    dose_unit        doseQuantity.unit
    not_done_reason  statusReason.text""",
    "Location": """
    status           status
    name             name
    kind             physicalType.coding[0].code
    part_of_id       partOf.reference                       REF
    organization_id  managingOrganization.reference         REF""",
    "MedicationAdministration": f"""
    status           status{_MEDICATION}
    patient_id       subject.reference                      REF
    encounter_id     context.reference                      REF
    request_id       request.reference                      REF
    effective        effectiveDateTime                      TIMESTAMP
    dose             dosage.dose.value                      DOUBLE
    dose_unit        dosage.dose.unit
    route            dosage.route.text
    dosage           dosage.text""",
    "MedicationRequest": f"""
    status           status
    intent           intent{_MEDICATION}{_SUBJECT}
    authored         authoredOn                             TIMESTAMP
    requester_id     requester.reference                    REF
    course           courseOfTherapyType.coding[0].code
    dose             dosageInstruction[0].doseAndRate[0].doseQuantity.value DOUBLE
    dose_unit        dosageInstruction[0].doseAndRate[0].doseQuantity.unit
    route            dosageInstruction[0].route.text
    dosage           dosageInstruction[0].text
    supply_days      dispenseRequest.expectedSupplyDuration.value DOUBLE""",
    "Observation": f"""
    status           status
    category         category[0].coding[0].code{_CODE}{_SUBJECT}
    effective        effectiveDateTime                      TIMESTAMP
    issued           issued                                 TIMESTAMP
    value            valueQuantity.value|valueInteger       DOUBLE
    unit             valueQuantity.unit
    value_code       valueCodeableConcept.coding[0].code
    value_text       valueCodeableConcept.text|valueString
    low              referenceRange[0].low.value            DOUBLE
    high             referenceRange[0].high.value           DOUBLE
    interpretation   interpretation[0].coding[0].code
    specimen_id      specimen.reference                     REF
    components       component                              COMPONENTS""",
    "Organization": """
    active           active                                 BOOLEAN
    type             type[0].coding[0].code
    name             name
    part_of_id       partOf.reference                       REF""",
    "Patient": """
    active           active                                 BOOLEAN
    mrn              identifier[0].value
    family           name[0].family
    given            name[0].given[0]
    gender           gender
    birth_date       birthDate                              DATE
    died             deceasedDateTime                       TIMESTAMP
    marital_status   maritalStatus.coding[0].code
    city             address[0].city
    state            address[0].state
    postal_code      address[0].postalCode
    language         communication[0].language.coding[0].code""",
    "Practitioner": """
    active           active                                 BOOLEAN
    family           name[0].family
    given            name[0].given[0]
    qualification    qualification[0].code.coding[0].code""",
    "PractitionerRole": """
    active           active                                 BOOLEAN
    practitioner_id  practitioner.reference                 REF
    organization_id  organization.reference                 REF
    code             code[0].coding[0].code
    specialty        specialty[0].text""",
    "Procedure": f"""
    status           status
    category         category.coding[0].code{_CODE}{_SUBJECT}
    start            performedPeriod.start|performedDateTime TIMESTAMP
    end              performedPeriod.end                    TIMESTAMP
    outcome          outcome.text
    reason_code      reasonCode[0].coding[0].code""",
    "ServiceRequest": f"""
    status           status
    intent           intent
    priority         priority
    category         category[0].coding[0].code{_CODE}{_SUBJECT}
    authored         authoredOn                             TIMESTAMP
    requester_id     requester.reference                    REF""",
    "Specimen": """
    status           status
    code             type.coding[0].code
    display          type.text
    patient_id       subject.reference                      REF
    collected        collection.collectedDateTime           TIMESTAMP""",
}

# An Observation may have parts of its own (systolic and diastolic pressure): the one column with a structure.
_COMPONENTS = (
    "ARRAY<STRUCT<code: STRUCT<coding: ARRAY<STRUCT<code: STRING>>, text: STRING>,"
    " valueQuantity: STRUCT<value: DOUBLE, unit: STRING>, valueString: STRING>>"
)
_COMPONENTS_SQL = (
    "transform({0}, c -> named_struct('code', get(c.code.coding, 0).code, 'display', c.code.text,"
    " 'value', c.valueQuantity.value, 'unit', c.valueQuantity.unit, 'text', c.valueString))"
)


@dataclass(frozen=True)
class Column:
    """A column of a table: where in the resource its value stands, and its type."""

    name: str
    paths: tuple[str, ...]
    kind: str

    @property
    def json_type(self) -> str:
        """The SQL type that the JSON reader is asked for at the paths."""
        text = self.kind in ("REF", "DATE", "TIMESTAMP")
        return "STRING" if text else _COMPONENTS if self.kind == "COMPONENTS" else self.kind

    def sql(self, resource: str) -> str:
        """The SQL expression of the column over a parsed resource; a malformed date is an error."""
        found = [_access(resource, path) for path in self.paths]
        value = found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"
        if self.kind == "COMPONENTS":
            value = _COMPONENTS_SQL.format(value)
        elif self.kind == "REF":
            value = f"substring_index({value}, '/', -1)"
        elif self.kind in ("DATE", "TIMESTAMP"):
            value = f"CAST({value} AS {self.kind})"
        return f"{value} AS `{self.name}`"


def columns(resource_type: str) -> list[Column]:
    """The columns of a type's table between ``id`` and ``resource``; none for a type unknown here."""
    lines = [line.split() for line in _SPECIFICATIONS.get(resource_type, "").strip().splitlines()]
    return [
        Column(name, tuple(paths.split("|")), kind[0] if kind else "STRING") for name, paths, *kind in lines
    ]


def table_name(resource_type: str) -> str:
    """``MedicationRequest`` -> ``medication_request``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", resource_type).lower()


def select_list(resource_type: str, parsed: str, raw: str) -> str:
    """The select list of a type's table, over a parsed resource and its raw JSON text."""
    parts = [f"{parsed}.id", *(c.sql(parsed) for c in columns(resource_type)), f"{raw} AS resource"]
    return ",\n  ".join(parts)


def json_schema(resource_type: str) -> str:
    """The DDL schema of just those parts of a resource that its table needs: the rest is never parsed."""
    tree: dict[str, Any] = {"id": "STRING"}
    for column in columns(resource_type):
        for path in column.paths:
            *parents, leaf = re.findall(r"\w+|\[0\]", path)
            node = tree
            for step in parents:
                node = node.setdefault(step, {})
            node[leaf] = column.json_type
    return ", ".join(f"`{name}` {_ddl(node)}" for name, node in tree.items())


def _ddl(node: Any) -> str:
    if isinstance(node, str):
        return node
    if "[0]" in node:
        return f"ARRAY<{_ddl(node['[0]'])}>"
    return "STRUCT<" + ", ".join(f"`{name}`: {_ddl(child)}" for name, child in node.items()) + ">"


def _access(resource: str, path: str) -> str:
    """``a.b[0].c`` -> ``get(r.`a`.`b`, 0).`c```: an empty array gives NULL."""
    expression = resource
    for step in re.findall(r"\w+|\[0\]", path):
        expression = f"get({expression}, 0)" if step == "[0]" else f"{expression}.`{step}`"
    return expression
