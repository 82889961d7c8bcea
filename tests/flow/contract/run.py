#!/usr/bin/env python3
"""Is schemas/openapi.yaml true?  Sends requests made from it, valid and invalid, to a live node.

Valid: for each property of a request its default, its bounds and each branch of its alternatives.
Invalid: for each property another type and values just beyond its bounds; a missing required
property; an unknown one.  Every answer must have a documented status and match its schema; every
invalid request must be refused with 400 and, where one property is wrong, name it in `param`.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import SOURCE, Node, check, done, skip  # noqa: E402

try:
    import jsonschema
    import yaml
except ImportError as missing:
    skip(f"Debian's python3-{missing.name} is not installed")

with open(os.path.join(SOURCE, "schemas", "openapi.yaml"), encoding="utf-8") as f:
    API = yaml.safe_load(f)


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        target = API
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/")]
        node = target
    return node


def inline(node):
    """The schema without references, for jsonschema."""
    node = resolve(node)
    if isinstance(node, dict):
        return {k: inline(v) for k, v in node.items()}
    if isinstance(node, list):
        return [inline(v) for v in node]
    return node


def flat(schema):
    """Properties and required names of a request that is an allOf of objects."""
    schema = inline(schema)
    properties, required = {}, set()
    for part in schema.get("allOf", [schema]):
        properties.update(part.get("properties", {}))
        required |= set(part.get("required", []))
    return properties, required


# What a property needs beside it, and values that only this model can give meaning to.
WITH = {"stream_options": {"stream": True}, "top_logprobs": {"logprobs": True}}
SKIP_VALID = {"model", "tools", "tool_choice", "parallel_tool_calls", "response_format", "logit_bias", "metadata", "stream", "best_of"}
SAMPLE = {"messages": [{"role": "user", "content": "Hello"}], "prompt": "Hello", "stop": "zq", "user": "someone", "seed": 7}


def valid_values(name, schema):
    if name in SKIP_VALID:
        return
    if name in SAMPLE:
        yield SAMPLE[name]
    for branch in schema.get("oneOf", [schema]):
        kind = branch.get("type")
        if kind in ("integer", "number"):
            for key in ("minimum", "default"):
                if key in branch:
                    yield branch[key]
            if "maximum" in branch:
                yield branch["maximum"]
        elif kind == "boolean":
            yield from (True, False)
        elif kind == "array" and branch.get("items", {}).get("type") == "string":
            yield ["x"] * branch.get("minItems", 1)
        elif kind == "object" and "properties" in branch:
            yield {k: v["default"] for k, v in branch["properties"].items() if "default" in v}


WRONG = {"integer": ["one", 1.5, True, [1]], "number": ["hot", True, {}], "boolean": ["yes", 1],
         "string": [5, {}, ["x"]], "array": ["x", 5], "object": ["x", 5, [1]]}


def invalid_values(name, schema):
    branches = schema.get("oneOf", [schema])
    kinds = {b.get("type") for b in branches}
    if len(branches) == 1:
        yield from WRONG.get(schema.get("type"), [])
    elif kinds:
        yield 5 if "integer" not in kinds else "x"
    for b in branches:
        if "minimum" in b and b["type"] == "integer":
            yield b["minimum"] - 1
        elif "minimum" in b:
            yield b["minimum"] - 0.5
        if "maximum" in b:
            yield b["maximum"] + (1 if b["type"] == "integer" else 0.5)
        if b.get("type") == "array" and "maxItems" in b and b["maxItems"] <= 16 and b["items"].get("type") == "string":
            yield ["x"] * (b["maxItems"] + 1)
        if b.get("type") == "array" and b.get("minItems") and name != "content":
            yield []


def answer_fits(operation, status, headers, body):
    responses = operation["responses"]
    described = responses.get(str(status)) or responses.get(f"{status // 100}XX")
    if described is None:
        return f"status {status} is not documented"
    content = resolve(described).get("content", {})
    kind = (headers.get("Content-Type") or "").split(";")[0]
    if kind not in content:
        return f"content type {kind} is not documented for {status}"
    if kind == "application/json":
        try:
            jsonschema.validate(body, inline(content[kind]["schema"]))
        except jsonschema.ValidationError as e:
            return f"{'.'.join(map(str, e.path))}: {e.message}"
    return ""


def try_one(node, what, method, path, operation, body, wanted, param=None, **kw):
    status, headers, answer = node.call(method, path, body, **kw)
    wrong = answer_fits(operation, status, headers, answer)
    if status != wanted:
        wrong = f"status {status}, wanted {wanted}: {answer}"
    elif param and status == 400 and not str(answer["error"]["param"] or "").startswith(param):
        wrong = f"param {answer['error']['param']!r}: {answer['error']['message']}"
    check(what, not wrong, wrong)


def bodies(node, model, path, operation):
    properties, required = flat(operation["requestBody"]["content"]["application/json"]["schema"])
    base = {name: SAMPLE[name] for name in required if name in SAMPLE} | {"model": model, "max_tokens": 2}
    try_one(node, f"{path} smallest", "POST", path, operation, base, 200)
    for name, schema in properties.items():
        for value in valid_values(name, schema):
            body = {**base, **WITH.get(name, {}), name: value}
            if name == "max_completion_tokens":
                body.pop("max_tokens")
            try_one(node, f"{path} {name}={value!r}"[:100], "POST", path, operation, body, 200)
        for value in invalid_values(name, schema):
            body = {**base, **WITH.get(name, {}), name: value}
            try_one(node, f"{path} wrong {name}={value!r}"[:100], "POST", path, operation, body, 400, name)
    for name in required:
        body = {k: v for k, v in base.items() if k != name}
        try_one(node, f"{path} without {name}", "POST", path, operation, body, 400, name)
    try_one(node, f"{path} unknown parameter", "POST", path, operation, {**base, "best_of_breed": 1}, 400, "best_of_breed")
    for what, raw in (("no JSON", b"{"), ("an array", b"[]"), ("not UTF-8", b'{"model":"\xff"}'), ("twice", b'{"model":"a","model":"b"}'), ("nothing", b"")):
        try_one(node, f"{path} body is {what}", "POST", path, operation, raw, 400, headers={"Content-Type": "application/json"})
    try_one(node, f"{path} without a key", "POST", path, operation, base, 401, key=None)
    try_one(node, f"{path} unknown model", "POST", path, operation, {**base, "model": "no/such"}, 404, "model")


with Node() as node:
    models = node.call("GET", "/v1/models")[2]["data"]
    model = models[0]["id"]
    node.key = open(os.path.join(node.home, "keys", "cli.key"), encoding="ascii").read().strip()
    receipt = node.call("POST", "/v1/completions", {"model": model, "prompt": "a", "max_tokens": 1})[1]["X-B3IQ-Receipt"]
    fill = {"{model}": model, "{id}": receipt, "{name}": "cpu"}
    for path, item in API["paths"].items():
        for method in set(item) & {"get", "post"}:
            operation, real = item[method], path
            for k, v in fill.items():
                real = real.replace(k, v)
            if "requestBody" in operation:
                bodies(node, model, real, operation)
                continue
            try_one(node, f"{method} {path}", method.upper(), real, operation, None, 200)
            if operation.get("security") != []:
                try_one(node, f"{method} {path} without a key", method.upper(), real, operation, None, 401, key=None)
            if "{" in path and method == "get":
                try_one(node, f"{method} {path} of nothing", "GET", path.replace("{model}", "nope").replace("{id}", "rcpt_" + "0" * 32), operation, None, 404)
    check("nothing undocumented is served", node.call("GET", "/v1/nothing")[0] == 404)
done()
