"""`autopay health`: whether charging is well, what is not, and which page says what to do."""

from datetime import datetime

import yaml

from app.context import opened_database
from app.output import say, write_json, write_table
from app.problems import Refused
from app.settings import load_settings
from billing import ALARMS, Alarm, Indicator, alarming, load_indicators, reading
from scheduler import SystemClock

__all__ = ["health", "rules"]

RUNBOOK = "docs/runbooks/{}.md"


def health(*, at: datetime | None, as_json: bool) -> None:
    """Print the alarming figures of all merchants; raises `Refused` when there is one."""
    with opened_database(load_settings()) as database, reading(database) as connection:
        found = load_indicators(connection, at=at or SystemClock().now())
    wrong = alarming(found)
    if as_json:
        document = {
            "well": not wrong,
            "alarms": [
                {
                    "alarm": each.alarm.name,
                    "severity": each.alarm.severity,
                    "above": each.alarm.above,
                    "runbook": RUNBOOK.format(each.alarm.runbook),
                    **_figure(each.indicator),
                }
                for each in wrong
            ],
            "indicators": [_figure(each) for each in found],
        }
        write_json(document)
    elif wrong:
        columns = ("severity", "alarm", "whose", "is", "at most", "what to do")
        rows = [
            (
                each.alarm.severity,
                each.alarm.name,
                each.indicator.labels[0][1],
                each.indicator.value,
                each.alarm.above,
                RUNBOOK.format(each.alarm.runbook),
            )
            for each in wrong
        ]
        write_table(columns, rows)
    else:
        say(f"All is well: {len(found)} figures read, none of {len(ALARMS)} alarms.")
    if wrong:
        raise Refused(f"{len(wrong)} figures are alarming; the runbooks named say what to do")


def rules() -> None:
    """Print the alarms as alerting rules of Prometheus."""
    document = {"groups": [{"name": "autopay", "rules": [_rule(each) for each in ALARMS]}]}
    say(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())


def _figure(indicator: Indicator) -> dict[str, object]:
    return {"indicator": indicator.name, **dict(indicator.labels), "value": indicator.value}


def _rule(alarm: Alarm) -> dict[str, object]:
    chosen = "" if alarm.label is None else '{{{}="{}"}}'.format(*alarm.label)
    return {
        "alert": f"Autopay{alarm.name}",
        "expr": f"{alarm.indicator}{chosen} > {alarm.above}",
        "for": "2m",
        "labels": {"severity": alarm.severity},
        "annotations": {
            "summary": f"{{{{ $labels.merchant }}}}: {alarm.name} ({{{{ $value }}}})",
            "runbook": RUNBOOK.format(alarm.runbook),
        },
    }
