"""Operations: whether all is well, and if not, where."""

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
        "nowcast-operations", "Operations", "Whether all is well, and if not, where.", 6
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
            ("Processes", processes()),
        ],
    )


def at_a_glance() -> Sequence[Panel]:
    firing = 'count(ALERTS{alertstate="firing"}) or vector(0)'
    alerts = 'ALERTS{alertstate=~"firing|pending"}'
    columns = {"severity": "severity", "alertname": "alert", "alertstate": "state"} | {
        name: name for name in ("model", "lead_minutes", "product", "queue")
    }
    return [
        number("Alerts", "How many are firing.", query(firing), unit="none",
               steps=((0, GREEN), (1, RED))),
        number("Newest radar", "Age of the newest frame. DWD's come after 3 to 5 minutes, every 5.",
               query("nowcast:frame_age:seconds"), unit="s",
               steps=((0, GREEN), (720, YELLOW), (1200, "orange"), (1800, RED))),
        number("Forecasts behind", "Of the newest frame, by the model that is most.",
               query("max(nowcast:forecast_lag:seconds)"), unit="s",
               steps=((0, GREEN), (301, YELLOW), (600, RED))),
        number("Longest wait", "Age of the oldest job that somebody waits for.",
               query('nowcast:queue_age:seconds{queue="interactive"}'), unit="s",
               steps=((0, GREEN), (30, YELLOW), (60, "orange"), (120, RED))),
        number("Workers", "Whether some serve each queue.", query(ALIVE, "{{queue}}"),
               unit="bool_on_off", steps=((0, RED), (1, GREEN)), none="none"),
        number("Ledger", "Whether it can be read.", query("max(nowcast_ledger_up)"),
               unit="bool_on_off", steps=((0, RED), (1, GREEN))),
        listing("Alerts that fire, or will unless it gets better",
                "docs/operations.md says of each what it means and what to do.",
                alerts, columns, width=24, height=6).no_value("none"),
    ]  # fmt: skip


def radar() -> Sequence[Panel]:
    files = "sum by (outcome) (nowcast:files:increase1h)"
    polls = "sum by (product, result) (rate(nowcast_ingest_polls_total[$__rate_interval]))"
    delay = "max by (product) (nowcast_ingest_publication_delay_seconds)"
    return [
        lines("Age of the newest frame", "A warning from 20 minutes on, critical from 30.",
              query("nowcast:frame_age:seconds", "radar"), unit="s", width=8, low=0,
              steps=((0, "transparent"), (1200, "orange"), (1800, RED))),
        stacked(
            lines("Files in an hour", "12 of a product are all. Late ones came after a newer one; "
                  "missing ones never came.", query(files, "{{outcome}}"), width=8, low=0),
            OUTCOMES,
        ),
        lines("Publication delay", "From the time of the newest frame to the arrival of its file.",
              query(delay, "{{product}}"), unit="s", width=8, low=0),
        lines("Area with data", "Of the newest frame. It drops where a radar is off.",
              query("nowcast:valid_area:ratio", "{{product}}"), unit="percentunit", low=0, high=1),
        lines("Looks at the provider's server", "A second, by how they ended.",
              query(polls, "{{product}} {{result}}"), unit="reqps", low=0),
    ]  # fmt: skip


def queues() -> Sequence[Panel]:
    jobs = "sum by (status) (max by (model, status) (increase(nowcast_jobs_total[1h])))"
    wait = "histogram_quantile({}, sum by (queue, le) (nowcast:queue_wait_seconds:bucket_rate15m))"
    lost = "sum by (reason) (max by (model, reason) (increase(nowcast_jobs_given_up_total[1h])))"
    heard = (
        "time() - max by (worker) (nowcast_worker_heartbeat_timestamp_seconds)"
        " * on (worker) group_right () max by (worker, queue, device) (nowcast_worker_info)"
    )
    workers = {"worker": "worker", "queue": "queue", "device": "device", "Value": "last heard of"}
    return [
        lines("Jobs that wait", "By queue.",
              query("max by (queue) (nowcast_queue_waiting)", "{{queue}}"), width=8, low=0),
        lines("Age of the oldest", "Of the jobs that wait; at NOWCAST_OLDEST_JOB_SECONDS, 120, no "
              "more are taken.", query("nowcast:queue_age:seconds", "{{queue}}"),
              unit="s", width=8, low=0, steps=((0, "transparent"), (120, RED))),
        lines("Wait before a job begins", "Half of the jobs wait less, and 19 of 20.",
              query(wait.format(0.5), "{{queue}}, half"),
              query(wait.format(0.95), "{{queue}}, 19 of 20"), unit="s", width=8, low=0),
        stacked(
            lines("Jobs in an hour", "By what they came to; running once for each delivery.",
                  query(jobs, "{{status}}"), width=8, low=0),
            STATUSES,
        ),
        lines("Jobs given up in an hour", "DeadLetter: their workers died. Expired: nobody had "
              "time while they were of use.", query(lost, "{{reason}}"), width=8, low=0),
        listing("Workers", "And when they were last heard of.", heard, workers, width=8,
                height=8).unit("s"),
    ]  # fmt: skip


def inference() -> Sequence[Panel]:
    took = "histogram_quantile({}, nowcast:inference_duration_seconds:bucket_rate1h)"
    forecasts = "sum by (model) (rate(nowcast_inference_duration_seconds_count[1h])) * 3600"
    falls = "sum by (model) (increase(nowcast_device_fallbacks_total[1h]))"
    return [
        lines("Time for a forecast", "Of the last hour: half take less, and 19 of 20.",
              query(took.format(0.5), "{{model}}, half"),
              query(took.format(0.95), "{{model}}, 19 of 20"), unit="s", low=0),
        lines("Forecasts in an hour", "12 are one for every frame.",
              query(forecasts, "{{model}}"), width=6, low=0),
        lines("Made by the processor instead", "In an hour, since the GPU failed.",
              query(falls, "{{model}}"), width=6, low=0),
    ]  # fmt: skip


def http() -> Sequence[Panel]:
    seconds = "nowcast:http_request_duration_seconds:bucket_rate5m"
    slow = f"histogram_quantile({{}}, sum by (route, le) ({seconds}))"
    asked = "rate(nowcast_cache_requests_total[5m])"
    hit_ratio = f'sum(rate(nowcast_cache_requests_total{{result="hit"}}[5m])) / sum({asked})'
    return [
        stacked(
            lines("Requests a second", "429 and 503 are refusals on purpose, other 5xx are faults.",
                  query("sum by (code) (nowcast:http_requests:rate5m)", "{{code}}"),
                  unit="reqps", width=8, low=0),
            CODES,
        ),
        lines("Requests a second by route", "Of all answers.",
              query("sum by (route) (nowcast:http_requests:rate5m)", "{{route}}"),
              unit="reqps", width=8, low=0),
        lines("Forecasts ready when asked for", "Share of representations that were held already.",
              query(hit_ratio, "held"), unit="percentunit", width=8, low=0, high=1),
        lines("Slowest of 100", "99 of 100 requests of a route took less. Those that wait for a "
              "job take as long as they were told to.", query(slow.format(0.99), "{{route}}"),
              unit="s", low=0),
        lines("Usual time", "Half of the requests of a route took less.",
              query(slow.format(0.5), "{{route}}"), unit="s", low=0),
    ]  # fmt: skip


def processes() -> Sequence[Panel]:
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
