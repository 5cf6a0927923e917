"""The JSON Schema takes what the loader takes, read as plain YAML, and refuses what is no word of the policy."""

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from config.loader import json_schema
from tests.unit.policy_files import AGENCY, agency

VALIDATOR = Draft202012Validator(json_schema())


def errors(text: str) -> list[Any]:
    return list(VALIDATOR.iter_errors(yaml.safe_load(text)))


def test_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_takes_the_agencys_policy() -> None:
    assert errors(AGENCY.read_text(encoding="utf-8")) == []


def test_takes_a_number_where_the_loader_reads_text() -> None:
    assert errors(agency(("    basis: tax code", "    basis: 5.3"))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("policy: kpi", "polcy: kpi"),
        ("same person: iin", "same persn: iin"),
        ("only: delays", "olny: delays"),
        ("    basis: tax code", "    bassis: tax code"),
        ("why: undo", "wy: undo"),
        ("        files: {root: recordings", "        fils: {root: recordings"),
        ("files: {root: scans,", "files: {rot: scans,"),
        ("people_per_night", "persons_per_night"),
        ("percent_of_table", "percentage"),
        ("writes: audit_log", "write: audit_log"),
        ("{default: UTC,", "{defalt: UTC,"),
        ("only: delays", "only: triggers"),
        ("review: {holds: 1 year}", "review: {hold: 1 year}"),
        ("review: {holds: 1 year}", "review: {holds: yearly}"),
        ("30 days", "30 dayz"),
        ("to year: [birth_date]", "to year: []"),
        ("  - payments.paid_at", "  - paid_at"),
        ("percent_of_table: 25", "percent_of_table: -25"),
        ('start: "01:30"', 'start: "1:30"'),
        ("term: 15 days", "term: 15 dayz"),
        ("30 working days", "30 bank days"),
        ("cancel window: 1 hour", "cancel window: soon"),
        ("bases: [withdrawn", "basis: [withdrawn"),
        ("delete: row}", "}"),
        ("delete: row}", "delete: row, depersonalise: {nothing: [phone]}}"),
        ("registration_forms: delete", "registration_forms: drop"),
    ],
)
def test_refuses(old: str, new: str) -> None:
    assert errors(agency((old, new)))
