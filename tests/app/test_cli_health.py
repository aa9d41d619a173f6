"""`autopay health`: what a person, a cron job and Prometheus are told."""

import socket

import yaml
from cli_user import User, refusal

from billing import ALARMS


def test_quiet_books_are_well(autopay: User) -> None:
    autopay("migrate")
    said = autopay("health")
    assert (said.exit_code, "All is well" in said.output) == (0, True)
    assert autopay("health", "--json").json == {"well": True, "alarms": [], "indicators": []}


def test_what_is_alarming_names_its_runbook_and_the_exit_code_says_so(shop: User) -> None:
    autopay = shop
    autopay("brake", "pull", "--reason", "drill")
    said = autopay("health")
    assert (said.exit_code, "BrakePulled" in said.output) == (1, True)
    assert "1 figures are alarming" in said.errors
    document = autopay("health", "--json").json
    (alarm,) = document["alarms"]
    assert (document["well"], alarm["alarm"], alarm["value"]) == (False, "BrakePulled", 1)
    assert alarm["runbook"] == "docs/runbooks/suspected-double-charge.md"


def test_every_alarm_is_a_rule_of_prometheus(autopay: User) -> None:
    (group,) = yaml.safe_load(autopay("health", "--rules").output)["groups"]
    told = [(rule["alert"], rule["expr"], rule["labels"]["severity"]) for rule in group["rules"]]
    for alarm, (name, rule, severity) in zip(ALARMS, told, strict=True):
        assert (name, severity) == (f"Autopay{alarm.name}", alarm.severity)
        assert rule.startswith(alarm.indicator)
        assert rule.endswith(f"> {alarm.above}")


def test_a_worker_says_when_its_port_for_metrics_is_taken(shop: User) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal(shop("worker", "--metrics-port", port))
    assert f"--metrics-port {port}" in line
    assert "choose another port" in line
