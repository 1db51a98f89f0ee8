"""The example of a proxy with TLS passes on what the service wants and fits its limits."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from service.api.middleware.request_log import HEADER
from service.settings import Settings

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx" / "nowcast.conf"


def directive(name: str) -> str:
    found = re.search(rf"^\s*{re.escape(name)}\s+([^;]+);", CONFIGURATION.read_text(), re.MULTILINE)
    assert found, name
    return found[1].strip()


def test_the_client_is_named_by_the_proxy_and_not_by_itself() -> None:
    assert directive("proxy_set_header X-Forwarded-For") == "$remote_addr"
    assert directive("proxy_set_header X-Forwarded-Proto") == "$scheme"
    assert directive("proxy_set_header Host") == "$host"
    assert directive(f"proxy_set_header {HEADER}") == "$request_id"


def test_its_limits_fit_those_of_the_service() -> None:
    settings = Settings()
    assert int(directive("client_max_body_size")) == settings.largest_upload_bytes
    assert int(directive("keepalive_timeout").rstrip("s")) < settings.keep_alive_seconds
    assert int(directive("proxy_read_timeout").rstrip("s")) > settings.request_seconds
    assert directive("server").endswith(f":{settings.port}")


def test_it_names_the_settings_that_belong_to_it() -> None:
    lines = re.findall(r"^#\s+NOWCAST_(\w+)=", CONFIGURATION.read_text(), re.MULTILINE)
    assert lines == ["TRUSTED_PROXIES", "ALLOWED_HOSTS"]
    assert all(name.lower() in Settings.model_fields for name in lines)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs the program nginx")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the program openssl")
def test_nginx_takes_it(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
    subprocess.run([*words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    text = CONFIGURATION.read_text()
    text = re.sub(r"(ssl_certificate) [^;]+;", rf"\1 {certificate};", text)
    text = re.sub(r"(ssl_certificate_key) [^;]+;", rf"\1 {key};", text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {tmp_path / kind};" for kind in kinds)
    head = f"pid {tmp_path}/pid; error_log stderr; events {{}}"
    content = f"{head} http {{ access_log off; {folders} {text} }}"
    (tmp_path / "nginx.conf").write_text(content)
    subprocess.run(["nginx", "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], check=True)
