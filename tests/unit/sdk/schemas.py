#!/usr/bin/env python3
"""Holds schemas/*.json to JSON Schema 2020-12, and to what the project says about them.

Each schema has to be a valid one with a description, each sample below has to be admitted or refused
as its table says, and each manifest in the tree has to satisfy plugin-manifest.json and the config
it describes plugin-config-meta.json.  Exit status 77: python3-jsonschema is not here.
"""
import json
import pathlib
import sys

try:
    from jsonschema import Draft202012Validator
except ImportError:
    print("python3-jsonschema is missing: apt-get install python3-jsonschema")
    sys.exit(77)

ROOT = pathlib.Path(sys.argv[1])
SCHEMAS = ROOT / "schemas"
bad = 0

GOOD, BAD = True, False
USER = {"role": "user", "content": "hello"}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
MANIFEST = {"id": "org.example.x", "version": "1.0.0", "kind": "auth", "abi": "1.0",
            "license": "MIT", "summary": "x", "config": {}}
CONFIG = {"type": "object", "additionalProperties": False, "properties": {}}


def config(**fields):
    return CONFIG | {"properties": fields}


SAMPLES = {
    "devices.json": [
        (GOOD, []), (GOOD, [{"id": "cpu", "name": "x", "usable": True}]),
        (BAD, {}), (BAD, [{"id": "cpu", "name": "x"}]), (BAD, [{"id": "", "name": "x", "usable": True}]),
        (BAD, [{"id": "c", "name": "x", "usable": True, "other": 1}])],
    "models.json": [
        (GOOD, []), (GOOD, [{"id": "m", "context": 2048, "root": "0" * 64, "builtin": True}]),
        (BAD, [{"id": "m"}]), (BAD, [{"id": "m", "context": -1}]),
        (BAD, [{"id": "m", "context": 1, "root": "F" * 64}])],
    "chat-request.json": [
        (GOOD, {"messages": [USER]}), (GOOD, {"prompt": "once upon"}),
        (GOOD, {"messages": [USER], "stop": ["\n"], "logit_bias": {"17": -100.0}}),
        (GOOD, {"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [CALL]},
                             {"role": "tool", "content": "1", "tool_call_id": "c1"}],
                "tools": [FUNCTION], "tool_choice": "required", "tool_name": "f"}),
        (GOOD, {"messages": [USER], "response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}),
        (GOOD, {"messages": [USER], "thinking": False}), (BAD, {"messages": [USER], "thinking": 1}),
        (BAD, {"messages": []}), (BAD, {"messages": [{"role": "developer", "content": "x"}]}),
        (BAD, {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
        (BAD, {"messages": [USER], "stop": "x"}), (BAD, {"messages": [USER], "logit_bias": {"1": 101}}),
        (BAD, {"messages": [USER], "temperature": 1}), (BAD, {"messages": [USER], "tool_choice": "f"})],
    "chat-delta.json": [
        (GOOD, {}), (GOOD, {"tool_calls": [{"index": 0, "id": "c", "type": "function",
                                            "function": {"name": "f", "arguments": ""}}]}),
        (GOOD, {"logprobs": [{"token": "a", "bytes": [97], "logprob": -0.5,
                              "top": [{"token": "a", "bytes": [97], "logprob": -0.5}]}]}),
        (BAD, {"logprobs": {"token": "a"}}), (BAD, {"logprobs": [{"token": "a", "bytes": [256], "logprob": 0, "top": []}]}),
        (BAD, {"logprobs": [{"token": "a", "bytes": [97], "logprob": 0.5, "top": []}]}),
        (BAD, {"tool_calls": [{"id": "c"}]})],
    "ledger-query.json": [
        (GOOD, {"query": "height"}), (GOOD, {"query": "balance", "account": "a"}),
        (BAD, {}), (BAD, {"query": "everything"}), (BAD, {"query": "commitment", "digest": "xyz"})],
    "login-step.json": [
        (GOOD, {}), (GOOD, {"values": {"user": "a"}}), (GOOD, {"url": "https://id.example/", "wait_ms": 1000}),
        (BAD, {"values": {"user": 1}}), (BAD, {"wait_ms": 1}), (BAD, {"password": "x"})],
    "plugin-manifest.json": [
        (GOOD, MANIFEST), (GOOD, MANIFEST | {"needs": [{"library": "libcuda.so.1", "why": "driver"}]}),
        (BAD, {k: v for k, v in MANIFEST.items() if k != "summary"}), (BAD, MANIFEST | {"kind": "gpu"}),
        (BAD, MANIFEST | {"id": "x"}), (BAD, MANIFEST | {"abi": "1"}), (BAD, MANIFEST | {"other": 1}),
        (BAD, MANIFEST | {"version": "1.0"}), (BAD, MANIFEST | {"needs": [{"library": "libcuda.so.1"}]}),
        (BAD, MANIFEST | {"needs": [{"library": "/usr/lib/x.so", "why": "x"}]})],
    "plugin-config-meta.json": [
        (GOOD, CONFIG), (GOOD, config(a={"type": "string", "format": "secret", "x-level": "expert"})),
        (GOOD, config(a={"enum": ["f16", "q8_0"], "default": "f16"})),
        (GOOD, config(a=config(b={"type": "boolean"}))),
        (BAD, {"type": "object", "properties": {}}), (BAD, CONFIG | {"additionalProperties": True}),
        (BAD, config(a={"type": "null"})), (BAD, config(a={"$ref": "#/x"})),
        (BAD, config(a={"oneOf": []})), (BAD, config(a={"type": "string", "format": "email"})),
        (BAD, config(a={"type": "string", "x-colour": "red"}))],
}


def complain(text):
    global bad
    bad += 1
    print("not ok:", text)


def validator(name):
    return Draft202012Validator(json.loads((SCHEMAS / name).read_text()))


for name, samples in SAMPLES.items():
    schema = json.loads((SCHEMAS / name).read_text())
    Draft202012Validator.check_schema(schema)
    if not schema.get("description") or not schema.get("title"):
        complain(f"{name} has no title or description")
    check = Draft202012Validator(schema)
    for expected, sample in samples:
        if check.is_valid(sample) != expected:
            complain(f"{name} {'refuses' if expected else 'admits'} {json.dumps(sample)}")

manifests = sorted(p for p in ROOT.rglob("plugin.json") if "build" not in p.parts and "node_modules" not in p.parts)
if len(manifests) < 5:
    complain("the manifests of the tree were not found")
for path in manifests:
    document = json.loads(path.read_text())
    for error in validator("plugin-manifest.json").iter_errors(document):
        complain(f"{path.relative_to(ROOT)}: {error.message}")
    for error in validator("plugin-config-meta.json").iter_errors(document["config"]):
        complain(f"{path.relative_to(ROOT)}: config: {error.message}")

print(f"{sum(map(len, SAMPLES.values()))} samples, {len(manifests)} manifests, {bad} complaints")
sys.exit(1 if bad else 0)
