#!/usr/bin/env python3
"""The node with plugins that misbehave: every failure is a typed error with a receipt, keys and auth
providers decide, config.json is followed while it runs, and a client that leaves stops the work."""
import json
import os
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import BUILD, SLOW, Node, check, done  # noqa: E402

TOKEN = "a-token-of-somebody"
CONFIG = {
    "node": {"limits": {"body_bytes": 65536, "drain_s": 5}},
    "require_pin": False,
    "plugin_dirs": [os.path.join(BUILD, "examples")],
    "plugins": {"echo": {"plugin": "echo"}, "flaky": {"plugin": "flaky"},
                "slow": {"plugin": "flaky", "config": {"token_ms": 50}}},
}
ASK = [{"role": "user", "content": "hello \u00e9\u4e16"}]


def chat(node, model, **more):
    kw = {k: more.pop(k) for k in ("headers", "key") if k in more}
    return node.call("POST", "/v1/chat/completions", {"model": model, "messages": ASK, **more}, **kw)


def receipt_of(answer):
    return answer["b3iq"]["receipt"]["receipt"]


def wait_for(what, condition, seconds=20):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        if condition():
            return check(what, True)
        time.sleep(0.05)
    return check(what, False)


def raw(node, data, shut=False):
    with socket.create_connection(("127.0.0.1", node.port), timeout=20 * SLOW) as s:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                return got
            got += piece


def models(node):
    def listed():
        return {m["id"] for m in node.call("GET", "/v1/models")[2]["data"]}

    wait_for("models of all are listed, as their plugins get ready", lambda: {"echo", "flaky/ok", "slow/ok"} <= listed())
    check("an id that two instances have must be qualified", chat(node, "ok")[0] == 404)
    check("a qualified id works alone", node.call("GET", "/v1/models/flaky%2Fok")[0] == 200
          and node.call("GET", "/v1/models/flaky/ok")[0] == 200)
    check("a qualified id works where it need not be", chat(node, "echo/echo")[0] == 200)
    check("an unknown one is 404", chat(node, "nothing")[2]["error"]["code"] == "model_not_found")
    check("default is nobody's here", chat(node, "default")[0] == 404)
    check("a request needs a model", node.call("POST", "/v1/chat/completions", {"messages": ASK})[2]["error"]["param"] == "model")


def answers(node):
    status, headers, body = chat(node, "echo")
    wanted = json.dumps({"messages": ASK}, ensure_ascii=False, separators=(",", ":"))
    check("echo answers with what a backend gets", status == 200 and body["choices"][0]["message"]["content"] == wanted, body)
    check("the header names the receipt", headers["X-B3IQ-Receipt"] == body["b3iq"]["receipt_id"])
    stored = node.call("GET", f"/v1/receipts/{headers['X-B3IQ-Receipt']}")[2]
    check("and it is stored", stored == body["b3iq"]["receipt"])
    check("tier T0, as nothing here can be recomputed", receipt_of(body)["runtime"]["tier"] == "T0")
    events = list(node.stream("/v1/chat/completions", {"model": "echo", "messages": ASK}))
    text = "".join(e["choices"][0]["delta"].get("content", "") for e in events[:-1] if e["choices"])
    check("the stream never breaks a character", text == wanted, text)
    check("it ends with [DONE], after the receipt", events[-1] == "[DONE]" and "b3iq" in events[-2])
    many = chat(node, "echo", n=3, seed=9, max_tokens=4)[2]
    check("n choices with a receipt each", [c["b3iq"]["receipt"]["receipt"]["seed"]["value"] for c in many["choices"]] == ["9", "10", "11"], many)
    several = node.call("POST", "/v1/completions", {"model": "echo", "prompt": ["a", "bb"], "max_tokens": 100})[2]
    check("several prompts", [c["text"] for c in several["choices"]] == ['{"prompt":"a"}', '{"prompt":"bb"}'], several)
    bundle = chat(node, "echo", headers={"X-B3IQ-Bundle": "1"})[2]["b3iq"]
    check("a bundle opens prompt and output", bundle["version"] == "b3iq.bundle/1" and bundle["openings"]["output"] == wanted)


def failures(node):
    for model, status, code in (("internal", 500, "internal"), ("busy", 429, "overloaded"), ("unavailable", 503, "unavailable"),
                                ("unsupported", 400, "unsupported"), ("no_memory", 503, "out_of_memory"), ("denied", 403, "denied"),
                                ("timeout", 504, "timeout"), ("bad-delta", 500, "internal"), ("lying-usage", 500, "internal"),
                                ("unknown-code", 500, "internal"), ("crash", 502, "backend_died")):
        got, headers, body = chat(node, f"flaky/{model}")
        ok = got == status and body["error"]["code"] == code
        kind = receipt_of(body)["kind"] if "b3iq" in body else None
        check(f"{model}: {status} {code} with a failure receipt", ok and kind == "failure", f"{got} {body}")
        if status == 429:
            check("busy says when to try again", int(headers["Retry-After"]) >= 1)
        wait_for(f"{model}: the instance serves again", lambda: chat(node, "flaky/ok")[0] == 200)
    events = list(node.stream("/v1/chat/completions", {"model": "flaky/crash", "messages": ASK}))
    check("a death in a stream is an event with a receipt", events[-1]["error"]["code"] == "backend_died"
          and receipt_of(events[-1])["failure"] == "E_DIED", events[-1])
    wait_for("the instance serves again", lambda: chat(node, "flaky/ok")[0] == 200)
    status, _, body = chat(node, "flaky/bad-utf8")
    check("text that is none is replaced, not sent", status == 200 and "\ufffd" in body["choices"][0]["message"]["content"], body)


def keys(node):
    admin = open(os.path.join(node.home, "keys", "cli.key"), encoding="ascii").read().strip()
    check("no key: 401", chat(node, "echo", key=None)[2]["error"]["code"] == "invalid_api_key")
    check("a wrong key: 401", chat(node, "echo", key="b3iq_local_" + "0" * 64)[0] == 401)
    check("administration needs its scope", node.call("GET", "/api/status")[0] == 403)
    check("the CLI's key has it", node.call("GET", "/api/status", key=admin)[2]["ready"] is True)
    limited = node.cli("key", "create", "limited", "--models", "echo", "--scopes", "chat", "--rate", "2", "--quiet").stdout.strip()
    check("a key for one model", chat(node, "echo", key=limited)[0] == 200)
    check("and no other", chat(node, "flaky/ok", key=limited)[0] == 403)
    status, headers, _ = chat(node, "echo", key=limited)
    check("two requests a minute", status == 429 and int(headers["Retry-After"]) > 1, status)
    node.cli("key", "revoke", "limited")
    check("revoked at once", chat(node, "echo", key=limited)[0] == 401)
    return admin


def reload(node, admin):
    status = lambda: {p["name"]: p["state"] for p in node.call("GET", "/api/plugins", key=admin)[2]["plugins"]}  # noqa: E731
    secrets = os.path.join(node.home, "secrets", "people")
    os.makedirs(secrets, mode=0o700, exist_ok=True)
    with open(os.open(os.path.join(secrets, "tokens"), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write(f"{TOKEN} alice chat,models.read\n")
    changed = json.loads(json.dumps(CONFIG))
    changed["plugins"]["people"] = {"plugin": "auth-static", "config": {"tokens": {"secret": "tokens"}}}
    del changed["plugins"]["slow"]
    changed["node"]["default_model"] = "echo"
    check("before: nobody knows the token", chat(node, "echo", key=TOKEN)[0] == 401)
    node.write_config(changed)
    report = node.call("POST", "/api/reload", key=admin)
    check("reload takes plugins and default model", report[0] == 200 and report[2]["restart_needed"] == [], report[2])
    wait_for("the new provider vouches for it", lambda: chat(node, "echo", key=TOKEN)[0] == 200)
    check("with its scopes only", node.call("POST", "/v1/completions", {"model": "echo", "prompt": "a"}, key=TOKEN)[0] == 403)
    check("the instance that is gone is gone", "slow" not in status() and chat(node, "slow/ok")[0] == 404)
    check("an id is plain where it is one instance's", chat(node, "ok")[0] == 200)
    check("the default model is there", node.call("POST", "/v1/chat/completions", {"messages": ASK})[0] == 200)
    node.write_config({**changed, "nonsense": 1})
    report = node.call("POST", "/api/reload", key=admin)
    check("a faulty config is refused by name", report[0] == 400 and "nonsense" in report[2]["error"]["message"], report[2])
    check("and changes nothing", status().get("people") == "ready", status())
    node.write_config({**CONFIG, "node": {"listen": {"port": 9}}})
    node.process.send_signal(signal.SIGHUP)
    wait_for("SIGHUP reloads, too", lambda: status().get("slow") == "ready")
    node.write_config(CONFIG)
    before = {p["name"]: p["pid"] for p in node.call("GET", "/api/plugins", key=admin)[2]["plugins"]}
    node.call("POST", "/api/plugins/echo/restart", key=admin)
    after = {p["name"]: p["pid"] for p in node.call("GET", "/api/plugins", key=admin)[2]["plugins"]}
    check("one instance restarts, the other does not", before["echo"] != after["echo"] and before["flaky"] == after["flaky"])


def leaving(node, admin):
    """A client that leaves stops the work: the failure receipt says so."""
    def newest():
        return node.call("GET", "/api/receipts?limit=1", key=admin)[2]["receipts"][0]

    seq = newest()["seq"]
    response, connection = node.request("POST", "/v1/chat/completions", {"model": "slow/ok", "messages": ASK, "max_tokens": 4000, "stream": True})
    response.readline()
    response.close()
    connection.close()
    wait_for("a stream whose client left ends", lambda: newest()["seq"] > seq)
    check("as cancelled", newest()["receipt"].get("failure") == "E_CANCELLED", newest())
    check("within a token or two", int(newest()["receipt"]["usage"]["output"]) < 10, newest())
    seq = newest()["seq"]
    with socket.create_connection(("127.0.0.1", node.port)) as s:
        body = json.dumps({"model": "slow/ok", "messages": ASK, "max_tokens": 4000})
        s.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {node.key}\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        time.sleep(0.3 * SLOW)
    wait_for("so does an answer in one piece", lambda: newest()["seq"] > seq and newest()["receipt"].get("failure") == "E_CANCELLED")


def hostile(node):
    for what, data, status in (
            ("no host", b"GET /health HTTP/1.1\r\n\r\n", 400),
            ("a foreign host", b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
            ("a foreign page", b"GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", 403),
            ("two lengths", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
            ("length and chunks", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("a long body", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413)):
        got = raw(node, data)
        check(f"{what}: {status}", got.startswith(b"HTTP/1.1 %d" % status), got[:200])
    check("a body just over the limit: 413", node.call("POST", "/v1/completions", b"x" * 70000)[0] == 413)
    deep = node.call("POST", "/v1/completions", b'{"a":' * 5000)
    check("a deep document: 400", deep[0] == 400 and deep[2]["error"]["code"] == "invalid_json", deep)
    check("noise is no crash", raw(node, os.urandom(4000) + b"\r\n\r\n", shut=True) is not None and node.call("GET", "/health")[0] == 200)


def stopping(node):
    """SIGTERM lets a stream end; a second node cannot take the home meanwhile; kill -9 loses nothing."""
    second = Node()
    second.home = node.home
    second.start(ready=False)
    check("a second node refuses the home", second.process.wait(20 * SLOW) != 0 and f"pid {node.process.pid}" in second.log_text())
    second.process = None
    second.home += "-none"
    events, got = node.stream("/v1/chat/completions", {"model": "slow/ok", "messages": ASK, "max_tokens": 20}), []
    got.append(next(events))
    reader = threading.Thread(target=lambda: got.extend(events))
    reader.start()
    code = node.kill(signal.SIGTERM)
    reader.join()
    check("SIGTERM lets the stream end", got[-1] == "[DONE]" and code == 0, (code, got[-1]))
    node.start()
    events = node.stream("/v1/chat/completions", {"model": "slow/ok", "messages": ASK, "max_tokens": 400})
    next(events)
    node.kill()
    try:
        list(events)
    except Exception:  # noqa: BLE001  a broken stream is what we want
        pass
    node.start()
    admin = open(os.path.join(node.home, "keys", "cli.key"), encoding="ascii").read().strip()
    newest = node.call("GET", "/api/receipts?limit=1", key=admin)[2]["receipts"][0]["receipt"]
    check("what kill -9 cut has its failure receipt", newest["kind"] == "failure" and newest["failure"] == "E_DIED", newest)
    events = [e["kind"] for e in node.call("GET", "/api/audit", key=admin)[2]["events"]]
    check("and its audit event", "job.lost" in events and "node.started" in events, events)
    check("the next request is served", chat(node, "echo")[0] == 200)


with Node(CONFIG) as node:
    models(node)
    answers(node)
    failures(node)
    admin = keys(node)
    reload(node, admin)
    node.call("POST", "/api/reload", key=admin)
    wait_for("all instances are back", lambda: chat(node, "slow/ok", max_tokens=1)[0] == 200)
    leaving(node, admin)
    hostile(node)
    stopping(node)
    noise = node.log_text()
    check("no content in the log", "hello" not in noise and TOKEN not in noise and node.key not in noise)
done()
