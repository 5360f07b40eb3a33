"""A real HTTP server on 127.0.0.1 that speaks the three wire formats and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LINEAGES = {"MS4A1": "B cell", "CD3D": "T cell", "LYZ": "monocyte", "GNLY": "natural killer cell"}


class Raw:
    """An answer of the server: status, body, headers, and what happens to the connection.

    ``trickle`` and ``slow_head`` are seconds between two bytes of the body, and of a header before it.
    """

    def __init__(
        self, status=200, body=b"", headers=None, delay=0.0, trickle=0.0, slow_head=0.0, cut=False, chunked=False
    ):
        self.chunked = chunked
        self.status, self.headers, self.delay = status, headers or {}, delay
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.trickle, self.slow_head, self.cut = trickle, slow_head, cut


class Request:
    """What came in: path, headers, body, the cluster ids asked about, and the text of the messages."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, {}, body
        self.headers = {name.lower(): ", ".join(headers.get_all(name)) for name in headers}
        if "contents" in body:
            instruction = body.get("systemInstruction", {"parts": [{"text": ""}]})
            self.system, self.user = instruction["parts"][0]["text"], body["contents"][0]["parts"][0]["text"]
        elif "anthropic-version" in self.headers:
            self.system, self.user = body.get("system", ""), body["messages"][0]["content"]
        else:
            *system, user = (m["content"] for m in body["messages"])
            self.system, self.user = "".join(system), user
        if not self.system:  # the instructions come before the question
            self.system, _, self.user = self.user.rpartition("\n\n")
        self.question = json.loads(self.user)
        self.ids = [c["cluster_id"] for c in self.question["clusters"]]

    def entries(self, label=None):
        """The right answer: each cluster's label is that of its own genes, so that a shift would show."""
        return [
            {
                "cluster_id": c["cluster_id"],
                "label": label or next(v for k, v in LINEAGES.items() if k in c["genes"].split()),
                "ontology_id": None,
                "confidence": 0.9,
                "rationale": "the genes say so",
                "supporting_genes": c["genes"].split()[:2],
                "alternatives": [],
                "caveats": [],
            }
            for c in self.question["clusters"]
        ]


def openai(content, finish="stop", **message):
    """A reply in OpenAI's format."""
    is_answer = isinstance(content, list) and content and "cluster_id" in content[0]
    text = _json(content) if is_answer else content
    return {
        "id": "x",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140},
    }


def anthropic(entries, stop="tool_use"):
    """A reply in Anthropic's format."""
    block = {"type": "tool_use", "id": "t", "name": "report_clusters", "input": {"clusters": entries}}
    return {"content": [block], "stop_reason": stop, "usage": {"input_tokens": 100, "output_tokens": 40}}


def gemini(entries, finish="STOP"):
    """A reply in Gemini's format."""
    return {
        "candidates": [{"content": {"parts": [{"text": _json(entries)}]}, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 40},
    }


def _json(entries):
    return json.dumps({"clusters": entries})


def right(request):
    """The right answer in the format that was asked in."""
    if "contents" in request.body:
        return Raw(body=gemini(request.entries()))
    if "anthropic-version" in request.headers:
        return Raw(body=anthropic(request.entries()))
    return Raw(body=openai(request.entries()))


class FaultServer:
    """``answer(request, number)`` gives each request's answer: a Raw, a JSON body, or None for the right one."""

    def __init__(self, answer=None):
        self.answer = answer or (lambda request, number: None)
        self.requests, self.most_at_once, self._now, self._lock = [], 0, 0, threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or each reply waits 40 ms for the client to acknowledge its headers

            def log_message(self, *arguments):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                request = Request(self.path, self.headers, body)
                with server._lock:
                    server.requests.append(request)
                    number = len(server.requests)
                    server._now += 1
                    server.most_at_once = max(server.most_at_once, server._now)
                try:
                    server._reply(self, request, number)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True
                finally:
                    with server._lock:
                        server._now -= 1

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._httpd.server_port}"

    def _reply(self, handler, request, number):
        made = self.answer(request, number)
        made = right(request) if made is None else made if isinstance(made, Raw) else Raw(body=made)
        time.sleep(made.delay)
        if made.cut == "before":
            handler.close_connection = True
            handler.connection.close()
            return
        if made.slow_head:
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1000:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(made.slow_head)
        handler.send_response(made.status)
        for name, value in {"content-type": "application/json", **made.headers}.items():
            handler.send_header(name, value)
        if made.chunked:
            handler.send_header("transfer-encoding", "chunked")
        else:
            handler.send_header("content-length", str(len(made.body) + (10 if made.cut else 0)))
        handler.end_headers()
        if made.chunked:
            end = b"" if made.cut else b"0\r\n\r\n"
            handler.wfile.write(f"{len(made.body):x}\r\n".encode() + made.body + b"\r\n" + end)
        elif made.trickle:
            for byte in made.body:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(made.trickle)
        else:
            handler.wfile.write(made.body)
        handler.close_connection = bool(made.cut)

    def close(self):
        """Stop listening."""
        self._httpd.shutdown()
        self._httpd.server_close()
