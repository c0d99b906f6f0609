#!/usr/bin/python3
"""The alerting rules that ship, in Prometheus's own hands: each fires on what it is for, not before its time, and not on what looks like it; and they
are of metrics that there are."""
import json
import os
import re
import subprocess
import tempfile

from harness import METERD

RULES = os.path.abspath("config/meterd.rules.yaml")
# alert: (series, values by the minute that are quiet, values that fire, minutes until it does). Both begin with ten minutes of `calm`.
CALM = {"meterd_watermark_seconds": "0+60x9", 'up{job="meterd"}': "1x9"}
CASES = {
    "MeterdDown": ('up{job="meterd"}', "1", "0", 1),
    "MeterdDiskFull": ("meterd_disk_full", "0", "1", 0),
    "MeterdStoreDamaged": ("meterd_store_damage", "0", "1", 0),
    "MeterdClockHeld": ("meterd_clock_held", "0", "1", 2),
    "MeterdAuthenticationFailures": ('meterd_authentication_failures_total{reason="unknown"}', "0", "0+20", 6),
    "MeterdSecurityLog": ("meterd_security_unwritten", "0", "1", 5),
    "MeterdBackupOverdue": ("meterd_backup_overdue", "0", "1", 10),
    "MeterdCertificateExpires": ('meterd_tls_certificate_expiry_seconds{listener="listen"}', "2000000", "1209600", 60),
    "MeterdCertificateNotReloaded": ('meterd_tls_reload_failed{listener="admin"}', "0", "1", 5),
    "MeterdFoldLag": ("meterd_fold_lag_events", "1000000", "2000000", 10),
    "MeterdUsageStale": ("meterd_watermark_seconds", None, "540", 15),
    "MeterdUnbilled": ('meterd_events_total{result="conflict"}', "0", "1", 0),
    "MeterdHeld": ("meterd_held_events", "0", "1", 60),
    "MeterdDimensionQuota": ("meterd_dimension_quota_held_events", "0", "1", 15),
    "MeterdPeriodsWaiting": ('meterd_periods_waiting{reason="missing_rate"}', "0", "1", 15),
    "MeterdPeriodsReleased": ("meterd_periods_released_total", "0", "1", 0),
    "MeterdPollerFailed": ("meterd_poller_failed", "0", "1", 0),
    "MeterdSourceUnreadable": ("meterd_sources_unreadable", "0", "1", 0),
    "MeterdSource": ('meterd_source_alarms{alarm="failing"}', "0", "1", 30),
    "MeterdSourceGap": ('meterd_source_alarms{alarm="gap"}', "0", "1", 5),
    "MeterdSourceStale": ('meterd_source_alarms{alarm="stale"}', "0", "1", 5),
    "MeterdSourceDrift": ('meterd_source_alarms{alarm="drift"}', "0", "1", 0),
    "MeterdSourceSkew": ('meterd_source_alarms{alarm="skew"}', "0", "1", 60),
    "MeterdUnreconciled": ("meterd_outbox_unreconciled", "0", "1", 10),
    "MeterdUndelivered": ('meterd_outbox_messages{state="rejected"}', "0", "1", 0),
}
# Of another metric's values, that no alert is for.
QUIET = ['meterd_tls_handshakes_total{result="failed"}', 'meterd_events_total{result="accepted"}', 'meterd_periods_waiting{reason="incomplete_source"}', 'meterd_source_alarms{alarm="after_end"}',
         'meterd_outbox_messages{state="pending"}']
CALM_M, LONG_M = 10, 90


def rules():
    with open(RULES, encoding="utf-8") as f:
        return f.read()


def labels(series):
    return dict(re.findall(r'(\w+)="([^"]*)"', series))


def case(alert):
    """Fires when its minutes are over, and not a minute before."""
    series, quiet, loud, minutes = CASES[alert]
    calm = CALM.get(series) or f"{quiet}x{CALM_M - 1}"
    at = CALM_M + minutes
    before = [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []} for minute in {CALM_M - 1, max(at - 1, CALM_M - 1)}]
    return {"name": alert, "interval": "1m", "input_series": [{"series": series, "values": f"{calm} {loud}x{LONG_M}"}], "alert_rule_test": before +
            [{"eval_time": f"{at}m", "alertname": alert, "exp_alerts": [{"exp_labels": labels(series), "exp_annotations": annotations(alert, series, loud)}]}]}


def annotations(alert, series, value):
    """As they stand in the file; the templates that they use are these three."""
    body = re.search(rf"- alert: {alert}\n(.*?)(?=\n      - alert:|\Z)", rules(), re.S).group(1)
    told = {name: text.strip().strip('"') for name, text in re.findall(r"^ {10}(\w+): (.*)$", body, re.M)}
    replaced = {name: text.replace("{{ $value }}", value).replace("{{ $value | humanize }}", "2M") for name, text in told.items()}
    return {name: re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels(series)[match.group(1)], text) for name, text in replaced.items()}


def quiet_case():
    names = re.findall(r"- alert: (\w+)", rules())
    series = [{"series": name, "values": f"0+7x{LONG_M}"} for name in QUIET] + [{"series": name, "values": values.split("x")[0] + f"x{LONG_M}"}
                                                                                 for name, values in CALM.items()]
    return {"name": "quiet", "interval": "1m", "input_series": series,
            "alert_rule_test": [{"eval_time": f"{LONG_M}m", "alertname": name, "exp_alerts": []} for name in names]}


def check_metrics():
    reference = subprocess.run([METERD, "reference", "metrics"], check=True, capture_output=True, text=True).stdout
    used = set(re.findall(r"\bmeterd_\w+", rules()))
    assert used and all(f"`{name}`" in reference for name in used), [name for name in used if f"`{name}`" not in reference]


def main():
    assert set(re.findall(r"- alert: (\w+)", rules())) == set(CASES), "an alert without a case, or the other way round"
    check_metrics()
    subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump({"rule_files": [RULES], "evaluation_interval": "1m", "tests": [quiet_case(), *map(case, CASES)]}, file)
        file.flush()
        ran = subprocess.run(["promtool", "test", "rules", file.name], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    print(f"{len(CASES)} alerts fire in their time")


main()
