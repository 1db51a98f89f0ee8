"""Dashboard of operations: state of the service and location of faults."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.boards import board, note, rows
from dashboards.panels import (
    BLUE,
    GREEN,
    GREY,
    RED,
    YELLOW,
    Panel,
    lines,
    listing,
    number,
    query,
    stacked,
)

OUTCOMES = {
    "accepted": GREEN,
    "late": BLUE,
    "duplicate": GREY,
    "quarantined": RED,
    "missing": "orange",
}
STATUSES = {
    "accepted": GREY,
    "running": YELLOW,
    "successful": GREEN,
    "failed": RED,
    "dismissed": BLUE,
}
CODES = {"2xx": GREEN, "3xx": BLUE, "4xx": YELLOW, "429": "orange", "503": "purple", "5xx": RED}
ALIVE = "nowcast:heartbeat_age:seconds < bool 60"
STARTED = "changes(process_start_time_seconds[1m]) > 0"


def operations() -> Dashboard:
    """The dashboard of the operator."""
    dashboard = board(
        "nowcast-operations", "Operations", "State of the service and location of faults.", 6
    )
    dashboard = dashboard.annotation(note("Start of a process", STARTED, BLUE))
    dashboard = dashboard.annotation(note("Alert", 'ALERTS{alertstate="firing"}', RED))
    return rows(
        dashboard,
        [
            ("At a glance", at_a_glance()),
            ("Radar", radar()),
            ("Queues and workers", queues()),
            ("Inference", inference()),
            ("HTTP", http()),
            ("Alerts about rain", rain_alerts()),
            ("Processes", processes()),
        ],
    )


def at_a_glance() -> Sequence[Panel]:
    """Make the panels of alerts and of the state of the service."""
    firing = 'count(ALERTS{alertstate="firing"}) or vector(0)'
    alerts = 'ALERTS{alertstate=~"firing|pending"}'
    columns = {"severity": "severity", "alertname": "alert", "alertstate": "state"} | {
        name: name for name in ("model", "lead_minutes", "product", "queue")
    }
    return [
        number("Alerts", "Number of firing alerts.", query(firing), unit="none",
               steps=((0, GREEN), (1, RED))),
        number("Newest radar", "Age of the newest frame; DWD publishes one every 5 minutes.",
               query("nowcast:frame_age:seconds"), unit="s",
               steps=((0, GREEN), (720, YELLOW), (1200, "orange"), (1800, RED))),
        number("Forecast lag", "Behind the newest frame, of the slowest model.",
               query("max(nowcast:forecast_lag:seconds)"), unit="s",
               steps=((0, GREEN), (301, YELLOW), (600, RED))),
        number("Longest wait", "Age of the oldest waiting interactive job.",
               query('nowcast:queue_age:seconds{queue="interactive"}'), unit="s",
               steps=((0, GREEN), (30, YELLOW), (60, "orange"), (120, RED))),
        number("Workers", "Whether each queue has a live worker.", query(ALIVE, "{{queue}}"),
               unit="bool_on_off", steps=((0, RED), (1, GREEN)), none="none"),
        number("Ledger", "Whether the database is reachable.", query("max(nowcast_ledger_up)"),
               unit="bool_on_off", steps=((0, RED), (1, GREEN))),
        listing("Firing and pending alerts",
                "docs/operations.md has the meaning of each and what to do.",
                alerts, columns, width=24, height=6).no_value("none"),
    ]  # fmt: skip


def radar() -> Sequence[Panel]:
    """Make the panels of radar files and polls."""
    files = "sum by (outcome) (nowcast:files:increase1h)"
    polls = "sum by (product, result) (rate(nowcast_ingest_polls_total[$__rate_interval]))"
    delay = "max by (product) (nowcast_ingest_publication_delay_seconds)"
    return [
        lines("Age of the newest frame", "Warning from 20 minutes, critical from 30.",
              query("nowcast:frame_age:seconds", "radar"), unit="s", width=8, low=0,
              steps=((0, "transparent"), (1200, "orange"), (1800, RED))),
        stacked(
            lines("Files per hour", "A product has 12. Late files arrived after a newer one; "
                  "missing ones never arrived.", query(files, "{{outcome}}"), width=8, low=0),
            OUTCOMES,
        ),
        lines("Publication delay", "Time from the newest frame to the arrival of its file.",
              query(delay, "{{product}}"), unit="s", width=8, low=0),
        lines("Area with data", "Fraction of the newest frame; lower while a radar is off.",
              query("nowcast:valid_area:ratio", "{{product}}"), unit="percentunit", low=0, high=1),
        lines("Polls of the provider's server", "Per second, by result.",
              query(polls, "{{product}} {{result}}"), unit="reqps", low=0),
    ]  # fmt: skip


def queues() -> Sequence[Panel]:
    """Make the panels of jobs, queues and workers."""
    jobs = "sum by (status) (max by (model, status) (increase(nowcast_jobs_total[1h])))"
    wait = "histogram_quantile({}, sum by (queue, le) (nowcast:queue_wait_seconds:bucket_rate15m))"
    lost = "sum by (reason) (max by (model, reason) (increase(nowcast_jobs_given_up_total[1h])))"
    heard = (
        "time() - max by (worker) (nowcast_worker_heartbeat_timestamp_seconds)"
        " * on (worker) group_right () max by (worker, queue, device) (nowcast_worker_info)"
    )
    workers = {"worker": "worker", "queue": "queue", "device": "device", "Value": "heartbeat age"}
    return [
        lines("Waiting jobs", "By queue.",
              query("max by (queue) (nowcast_queue_waiting)", "{{queue}}"), width=8, low=0),
        lines("Age of the oldest waiting job", "From NOWCAST_OLDEST_JOB_SECONDS, 120, requests "
              "are refused.", query("nowcast:queue_age:seconds", "{{queue}}"),
              unit="s", width=8, low=0, steps=((0, "transparent"), (120, RED))),
        lines("Waiting time of jobs", "Median and 95th percentile.",
              query(wait.format(0.5), "{{queue}}, median"),
              query(wait.format(0.95), "{{queue}}, 95 %"), unit="s", width=8, low=0),
        stacked(
            lines("Jobs per hour", "By status; running counts once per attempt.",
                  query(jobs, "{{status}}"), width=8, low=0),
            STATUSES,
        ),
        lines("Jobs given up per hour", "DeadLetter: their workers died. Expired: no worker was "
              "free in time.", query(lost, "{{reason}}"), width=8, low=0),
        listing("Workers", "With the age of their last heartbeat.", heard, workers, width=8,
                height=8).unit("s"),
    ]  # fmt: skip


def inference() -> Sequence[Panel]:
    """Make the panels of forecasts and their duration."""
    took = "histogram_quantile({}, nowcast:inference_duration_seconds:bucket_rate1h)"
    forecasts = "sum by (model) (rate(nowcast_inference_duration_seconds_count[1h])) * 3600"
    falls = "sum by (model) (increase(nowcast_device_fallbacks_total[1h]))"
    return [
        lines("Duration of a forecast", "Median and 95th percentile of the last hour.",
              query(took.format(0.5), "{{model}}, median"),
              query(took.format(0.95), "{{model}}, 95 %"), unit="s", low=0),
        lines("Forecasts per hour", "12 are one for every frame.",
              query(forecasts, "{{model}}"), width=6, low=0),
        lines("Fallbacks to the CPU", "Per hour, after failures of the GPU.",
              query(falls, "{{model}}"), width=6, low=0),
    ]  # fmt: skip


def http() -> Sequence[Panel]:
    """Make the panels of requests."""
    seconds = "nowcast:http_request_duration_seconds:bucket_rate5m"
    slow = f"histogram_quantile({{}}, sum by (route, le) ({seconds}))"
    asked = "rate(nowcast_cache_requests_total[5m])"
    hit_ratio = f'sum(rate(nowcast_cache_requests_total{{result="hit"}}[5m])) / sum({asked})'
    return [
        stacked(
            lines("Requests per second", "429 and 503 are intended refusals, other 5xx are faults.",
                  query("sum by (code) (nowcast:http_requests:rate5m)", "{{code}}"),
                  unit="reqps", width=8, low=0),
            CODES,
        ),
        lines("Requests per second by route", "All responses.",
              query("sum by (route) (nowcast:http_requests:rate5m)", "{{route}}"),
              unit="reqps", width=8, low=0),
        lines("Cache hits", "Share of representations served from the cache.",
              query(hit_ratio, "hits"), unit="percentunit", width=8, low=0, high=1),
        lines("99th percentile of durations", "By route. Requests that wait for a job take as long "
              "as they allow.", query(slow.format(0.99), "{{route}}"),
              unit="s", low=0),
        lines("Median duration", "By route.",
              query(slow.format(0.5), "{{route}}"), unit="s", low=0),
    ]  # fmt: skip


def rain_alerts() -> Sequence[Panel]:
    """Make the panels of subscriptions to alerts about rain and of their messages."""
    messages = (
        "sum by (channel, outcome)"
        " (max by (channel, outcome) (increase(nowcast_alert_messages_total[1h])))"
    )
    waiting = "time() - min(nowcast_alert_oldest_unsent_timestamp_seconds) or vector(0)"
    return [
        lines("Subscriptions", "All of them, and those whose rain is announced or lasts.",
              query("max(nowcast_alert_subscriptions)", "subscriptions"),
              query("max(nowcast_alert_events)", "events"), width=8, low=0),
        lines("Messages per hour", "By channel; failed ones were tried for an hour, or their "
              "receiver has gone.", query(messages, "{{channel}} {{outcome}}"), width=8, low=0),
        lines("Wait of the oldest unsent message", "Since it was first due. Messages are sent "
              "every few seconds.", query(waiting, "wait"), unit="s", width=8, low=0,
              steps=((0, "transparent"), (60, YELLOW), (600, RED))),
    ]  # fmt: skip


def processes() -> Sequence[Panel]:
    """Make the panels of processes."""
    return [
        lines("Memory", "Resident, by process.",
              query("process_resident_memory_bytes", "{{job}} {{instance}}"), unit="bytes",
              width=8, low=0),
        lines("Processor", "Cores in use, by process.",
              query("rate(process_cpu_seconds_total[$__rate_interval])", "{{job}} {{instance}}"),
              width=8, low=0),
        lines("Open files", "By process.",
              query("process_open_fds", "{{job}} {{instance}}"), width=8, low=0),
    ]  # fmt: skip
