"""Connections that can never be made: the error names the cause and what to do."""

from __future__ import annotations

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import gca_scanpy as gca
from gca_scanpy.errors import AccessError, ModelError, ModelWarning

CERTIFICATE = Path(__file__).with_name("certificate.pem")  # self-signed, for 127.0.0.1, with its key
MARKERS = {"0": ["MS4A1", "CD79A", "CD79B", "CD19"]}


class Refusing(BaseHTTPRequestHandler):
    """A proxy that wants a password."""

    def log_message(self, *_):
        """Print nothing."""

    def do_CONNECT(self):
        """Refuse a tunnel."""
        self.send_response(407)
        self.send_header("content-length", "0")
        self.end_headers()


@pytest.fixture
def listen():
    """Start a server with a handler, under TLS if asked; gives its port."""
    started = []

    def start(handler, *, tls=False):
        server = HTTPServer(("127.0.0.1", 0), handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        started.append(server)
        return server.server_port

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def asked(url):
    """Ask a model at an address, and raise what stops it."""
    model = gca.LanguageModel("openai:any", base_url=url, api_key="sk-test-0123456789", timeout=30, deadline=60)
    gca.annotate_markers(MARKERS, model=gca.Asking(model, cache=False, on_error="raise"))


def free_port():
    """A port of this machine on which nothing listens."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def test_a_certificate_that_is_not_trusted(listen, monkeypatch):
    """The error names the variable for the certificate."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    port = listen(Refusing, tls=True)
    with pytest.raises(AccessError, match=r"certificate of 127\.0\.0\.1:\d+ is not trusted; set SSL_CERT_FILE"):
        asked(f"https://127.0.0.1:{port}")


def test_a_certificate_that_the_user_trusts(listen, monkeypatch):
    """With SSL_CERT_FILE the connection is made: the server itself answers, that it does not know the method."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    port = listen(Refusing, tls=True)
    with pytest.raises(ModelError) as caught:
        asked(f"https://127.0.0.1:{port}")
    assert "certificate" not in str(caught.value)


def test_a_server_without_tls(listen):
    """An https address of a server that speaks http."""
    port = listen(Refusing)
    with pytest.raises(AccessError, match="does not use TLS; should base_url start with http://"):
        asked(f"https://127.0.0.1:{port}")


def test_a_server_that_is_not_there():
    """Nothing listens on the port of this machine."""
    with pytest.raises(AccessError, match="is it running"):
        asked(f"http://127.0.0.1:{free_port()}")


def test_a_proxy_that_wants_a_password(listen, monkeypatch):
    """The error names the proxy, without the password that was given."""
    port = listen(Refusing)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret-word@127.0.0.1:{port}")
    with pytest.raises(AccessError, match=rf"the proxy 127\.0\.0\.1:{port} refuses the connection") as caught:
        asked("https://models.example.org")
    assert "secret-word" not in str(caught.value)


def test_a_proxy_that_is_not_there(monkeypatch):
    """The error says through which proxy, and not that the server is down."""
    port = free_port()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    with pytest.raises(ModelError, match=rf"through the proxy 127\.0\.0\.1:{port}; check HTTPS_PROXY"):
        asked("https://models.example.org")


def test_one_of_two_models_is_down(serve, model_of, many):
    """``on_error="raise"`` does not raise as long as another model answers, and says which one does not."""
    markers, truth = many(4)
    down = gca.LanguageModel("openai:down", base_url=f"http://127.0.0.1:{free_port()}", api_key="k" * 20)
    asking = gca.Asking([model_of(serve()), down], cache=False, on_error="raise")
    with pytest.warns(ModelWarning, match="is it running"):
        report = gca.annotate_markers(markers, tissue="blood", model=asking)
    assert {c.cluster_id: c.annotation.primary_label for c in report.clusters} == truth
