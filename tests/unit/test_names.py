"""The code uses the field's words: none of the former names remains.

`FORMER` lists names that were replaced, with what replaced them. Identifiers, names of modules and
words of docstrings are counted in every package. What still has a former name is listed in
`PENDING`; a name that is not listed there fails the test, and the list may only become shorter.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.unit import packages
from tests.unit.packages import ROOT

PACKAGES = (*packages.PACKAGES, "tests")

FORMER = {
    "IDENTIFIER": {
        "Shelf": "ResponseCache",
        "Encoded": "EncodedCache",
        "Patience": "IdleTimeout",
        "place": "submit_request",
        "understand": "parse_request",
        "held": "etag_matches",
        "Asked": "RawRequest",
        "Order": "ForecastRequest",
        "Desk": "ApiContext",
        "desk": "context or deployment",
        "Maker": "JobContext",
        "take_in": "ingest_bytes",
        "tells": "is_significant",
        "chances": "exceedance probabilities",
        "told": "forecast_probability",
        "came": "observed_frequency, or by name",
        "standing": "compare_models",
        "JobBook": "JobTable",
        "book": "tables or job_table",
        "Threads": "ThreadTransport",
        "Messages": "CeleryTransport",
        "Watcher": "Waiter",
        "Round": "PeriodicThread",
        "Facts": "LedgerCollector or ReportData",
        "facts": "report_data",
        "drill": "simulated_time",
        "Drill": "SimulatedTime",
        "unfold": "parse_untrusted",
        "carry": "advect",
        "bring": "sample_at",
        "cuts": "probability_thresholds",
        "no_less": "preserve_area",
        "said": "prediction, or by name",
        "made": "by name",
        "Quickest": "AutotunedNetwork",
        "ways": "candidates",
        "AsItIs": "Unoptimised",
        "How": "Activation",
        "InTiles": "AmxBackend",
        "Narrow": "Bf16Backend",
        "Recorded": "CudaGraph",
        "Remembering": "RecomputedLSTMUpdate",
        "Showing": "GatedTanh",
        "Judge": "Validator",
        "Stock": "fake forecasters",
        "Crew": "worker fixture",
        "Stage": "process cluster",
        "Telling": "probabilistic fake",
        "together": "parallel runner",
        "one": "by name",
        "at": "by name",
    },
    "MODULE": {
        "shelf": "response_cache",
        "gate": "access",
        "shield": "security_headers",
        "head": "head_as_get",
        "connections": "idle_connections",
        "asking": "resolve",
        "finding": "lookup",
        "described": "openapi",
        "codes": "packed_fields",
        "sending": "static_files",
        "desk": "deployment",
        "arrivals": "ingest",
        "batch": "ingest_batch",
        "live": "poll",
        "gaps": "gap_filling",
        "choice": "model_selection or autotune",
        "chances": "probabilistic",
        "deviation": "continuous",
        "contingency": "categorical",
        "period": "period_summary",
        "windows": "rolling_windows",
        "facts": "ledger_collector or report_data",
        "job_book": "job_table",
        "messages": "celery_transport",
        "watcher": "waiter",
        "work": "run_job",
        "rounds": "periodic",
        "whole": "all_in_one",
        "show": "console",
        "picture": "plots",
        "figures": "plots",
        "sealed": "sandbox",
        "sealed_reader": "sandbox_worker",
        "trajectory": "advect",
        "native": "c_backend",
        "library": "c_library",
        "arithmetic": "torch_backend",
        "formula": "pointwise",
        "keeping": "checkpoints",
        "ranks": "distributed",
        "averaging": "ema",
        "sampling": "scheduled_sampling",
        "contenders": "forecasters",
        "contests": "comparisons",
        "stock": "fake_forecasters",
        "mortal": "killable_replay",
        "crowd": "load_client",
        "crew": "worker_fixture",
        "stage": "process_cluster",
        "together": "parallel",
        "kept": "state_snapshot or saved_activations",
        "telling": "fake_probabilities",
    },
    "DOCSTRING": {
        "clerk": "worker-verify",
        "drill": "simulated time",
        "drills": "simulated time",
        "desk": "context or deployment",
        "shelf": "response cache",
        "chances": "exceedance probabilities",
        "nobody": "by name",
        "somebody": "user, client or process by name",
        "whoever": "user, client or process by name",
        "anew": "again",
        "foretell": "predict",
        "foretells": "predicts",
        "foretold": "predicted",
        "lest": "so that not",
        "said": "stated, or by name",
        "told": "given, predicted or reported",
    },
}
"""Former names by kind, with their replacements. Identifiers are compared as a whole, without
leading underscores."""

OTHER_MEANING = {
    ("IDENTIFIER", "Threads", "benchmarks"): "number of threads of a measurement",
    ("IDENTIFIER", "at", "ingest"): "`ingest.at`, the series at a place, is a public name",
    ("IDENTIFIER", "at", "verification"): "`numpy.add.at`",
    ("IDENTIFIER", "place", "tests"): "a place on the map",
    ("IDENTIFIER", "unfold", "benchmarks"): "`torch.nn.functional.unfold`",
    ("IDENTIFIER", "unfold", "model_zoo"): "`Tensor.unfold`",
    ("IDENTIFIER", "unfold", "tests"): "`torch.nn.functional.unfold`",
    ("MODULE", "windows", "service"): "rolling windows are the standard term",
}
"""Uses of a former name that mean something else, with the reason."""

PENDING: dict[str, dict[str, tuple[str, ...]]] = {}
"""Packages in which a former name still occurs, by kind and name."""


def words_of(tree: ast.AST) -> Iterator[str]:
    """Yield all identifiers that a module defines or uses."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                yield name
            case ast.alias(name=name, asname=alias):
                yield alias or name
            case ast.keyword(arg=str(name)):
                yield name


def docstrings_of(tree: ast.AST) -> Iterator[str]:
    """Yield the docstrings of a module, its classes and functions, and of its constants."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text


@cache
def counts() -> Counter[tuple[str, str, str]]:
    """Return how often former names occur, by kind, name and package."""
    found: Counter[tuple[str, str, str]] = Counter()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path == Path(__file__):
                continue
            tree = ast.parse(path.read_text())
            words = {
                "IDENTIFIER": [word.lstrip("_") for word in words_of(tree)],
                "MODULE": [path.stem],
                "DOCSTRING": re.findall(r"[a-z]+", " ".join(docstrings_of(tree)).lower()),
            }
            for kind, names in FORMER.items():
                found.update((kind, word, package) for word in words[kind] if word in names)
    return Counter({key: n for key, n in found.items() if key not in OTHER_MEANING})


@pytest.mark.parametrize("kind", FORMER)
def test_former_names_remain_only_where_they_are_listed_as_pending(kind: str) -> None:
    new = [
        f"{package}: {name} ({n} times), should be {FORMER[kind][name]}"
        for (of, name, package), n in sorted(counts().items())
        if of == kind and package not in PENDING.get(kind, {}).get(name, ())
    ]
    assert not new, "\n".join(new)


def test_exceptions_name_a_former_name_and_a_package() -> None:
    for kind, name, package in OTHER_MEANING:
        assert name in FORMER[kind]
        assert package in PACKAGES
    for kind, names in PENDING.items():
        assert names.keys() <= FORMER[kind].keys()
        assert all(set(packages) <= set(PACKAGES) for packages in names.values())
