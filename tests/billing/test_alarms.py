"""Alarms: one table of limits, each with a figure that exists and a runbook that can be opened."""

import re

import pytest
from support.house import ROOT

from billing import ALARMS, Alarm, Indicator, alarming

SOURCE = (ROOT / "billing" / "watch" / "indicators.py").read_text()


def figure(name: str, value: int, *labels: tuple[str, str]) -> Indicator:
    return Indicator(name, "", (("merchant", "shop"), *labels), value)


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_alarm_rings_above_its_limit_and_not_at_it(alarm: Alarm) -> None:
    labels = () if alarm.label is None else (alarm.label,)
    at_the_limit = figure(alarm.indicator, alarm.above, *labels)
    above = figure(alarm.indicator, alarm.above + 1, *labels)
    assert alarming([at_the_limit]) == ()
    assert alarm in [each.alarm for each in alarming([above])]


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_alarm_has_a_figure_and_a_runbook(alarm: Alarm) -> None:
    name = alarm.indicator.removeprefix("autopay_")
    assert re.search(rf'"{name}"|charges_{{state}}', SOURCE), name
    assert (ROOT / "docs" / "runbooks" / f"{alarm.runbook}.md").is_file()
    assert name in (ROOT / "docs" / "monitoring.md").read_text()


def test_another_label_is_another_alarm() -> None:
    pending = figure("autopay_attempts_open_oldest_seconds", 7_200, ("state", "pending"))
    in_doubt = figure("autopay_attempts_open_oldest_seconds", 7_200, ("state", "in_doubt"))
    assert [each.alarm.name for each in alarming([pending, in_doubt])] == ["InDoubtTooLong"]


def test_pages_come_before_tickets() -> None:
    wrong = [figure("autopay_charges_quarantined", 1), figure("autopay_charges_lost", 1)]
    assert [each.alarm.severity for each in alarming(wrong)] == ["page", "ticket"]
