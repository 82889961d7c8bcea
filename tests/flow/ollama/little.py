"""little: an Ollama for tests, in this process.  It speaks the protocol and says words, one a step.

    little = Little()          # listens on a port of its own
    little.port, little.stop()
"""
import http.server
import json
import threading
import time

NAME, CONTEXT = "words:latest", 4096
WORDS = "the cat sat on the mat and looked at the sea until evening came. \u00e9\u6f22\U0001f999 ".split(" ")


class Ollama(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def line(self, body):
        data = json.dumps(body).encode() + b"\n"
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def do_GET(self):
        tag = {"name": NAME, "model": NAME, "size": 1000, "digest": "ab" * 32,
               "details": {"quantization_level": "Q8_0"}}
        known = {"/api/version": {"version": "0.12.11"}, "/api/tags": {"models": [tag]},
                 "/api/ps": {"models": [tag]}}
        self.answer(200 if self.path in known else 404, known.get(self.path, {"error": "not found"}))

    def do_POST(self):
        ask = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if ask.get("model") not in (NAME, NAME.split(":")[0]):
            self.answer(404, {"error": f"model '{ask.get('model')}' not found"})
        elif self.path == "/api/show":
            self.answer(200, {"details": {"quantization_level": "Q8_0"},
                              "model_info": {"general.architecture": "words",
                                             "words.context_length": CONTEXT}})
        elif ask.get("stream") is False:  # load, unload
            self.answer(200, {"model": ask["model"], "done": True, "done_reason": "load"})
        else:
            self.generate(ask, self.path == "/api/chat")

    def generate(self, ask, chat):
        options = ask["options"]
        prompt = json.dumps(ask["messages"]) if chat else ask["prompt"]
        tokens = len(prompt) // 4 + 1
        if tokens >= options["num_ctx"]:
            self.answer(400, {"error": "the input length exceeds the context length"})
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        said, n, reason = "", 0, "length"
        logprobs = {"logprobs": []} if ask.get("logprobs") else {}

        def step(text, **more):
            part = {"message": {"role": "assistant", "content": text}} if chat else {"response": text}
            self.line({"model": ask["model"], "created_at": "2026-01-01T00:00:00Z", **part,
                       "done": False, **more})

        for n in range(1, min(options["num_predict"], 20000) + 1):
            word = WORDS[n % len(WORDS)] + " "
            said += word
            stop = next((s for s in options.get("stop", []) if s in said), None)
            if stop:
                rest = said[len(said) - len(word):said.index(stop)]
                reason = "stop"
                if rest:
                    step(rest)
                break
            if logprobs:
                one = {"token": word, "logprob": -0.25, "bytes": list(word.encode())}
                logprobs = {"logprobs": [{**one, "top_logprobs":
                            [{**one, "token": word} for _ in range(ask.get("top_logprobs", 0))]}]}
            step(word, **logprobs)
            time.sleep(0.001)
        self.line({"model": ask["model"], "done": True, "done_reason": reason,
                   **({"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}),
                   "total_duration": 5000000, "load_duration": 1000, "prompt_eval_count": tokens,
                   "prompt_eval_duration": 1000000, "eval_count": n, "eval_duration": 3000000})
        self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass  # a client that leaves is the point of several tests


class Little:
    def __init__(self):
        self.server = Server(("127.0.0.1", 0), Ollama)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
