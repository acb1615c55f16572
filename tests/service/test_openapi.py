"""The account's side as an OpenAPI document: whole, and what a tool that reads it makes of the service."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from convo_widgets.service.account.door import ROUTES
from convo_widgets.service.local import LocalService

from .http import Account

CHECKS = (
    *("not_a_server_error", "unsupported_method", "allow_header_conformance", "content_type_conformance"),
    *("response_schema_conformance", "status_code_conformance"),
)


async def describe(service: LocalService) -> Any:
    """The document."""
    return (await Account(service).ask("GET", "/openapi.json")).body


async def test_whole(service: LocalService) -> None:
    """Every route is in it, in both places where it is in two, with its fields; and every service that there is."""
    sid = (await Account(service).post("/Services", {"FriendlyName": "second"}))["sid"]
    told = await describe(service)
    assert told["servers"] == [{"url": f"{service.url}/v1"}]
    assert told["components"]["parameters"]["service"]["schema"]["enum"] == [service.service_sid, sid]
    places: set[tuple[str, str]] = set()
    for route in ROUTES:
        for below, prefix in (("account", ""), ("service", "/Services/{service}")):
            if route.below not in (below, "either"):
                continue
            places.add((prefix + route.address, route.method.lower()))
            operation = told["paths"][prefix + route.address][route.method.lower()]
            asked = {one.get("name") for one in operation["parameters"] if one.get("in") == "query"}
            if route.method == "GET":
                assert set(route.fields or ()) == asked - {"PageSize", "Page", "PageToken"}
            elif route.method == "POST" and route.fields is not None:
                form = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
                assert set(form["properties"]) == set(route.fields)
    assert {(path, method) for path, methods in told["paths"].items() for method in methods} == places
    names = [one["operationId"] for methods in told["paths"].values() for one in methods.values()]
    assert len(set(names)) == len(names)


async def test_schemathesis(tmp_path: Path) -> None:
    """Whatever schemathesis tries of every operation, no answer is a fault, and all are as the document says.

    Our own fuzzer gets further: it knows what fits together, and meets the good end of every route.
    """
    pytest.importorskip("schemathesis")
    with LocalService(seed="demo") as service:
        document = await describe(service)
        del document["paths"]["/_local/faults"]  # it would do as it is told
        file = tmp_path / "openapi.json"
        file.write_text(json.dumps(document))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", f"{service.url}/v1"),
            *("--auth", f"{service.api_key}:{service.api_secret}", "--seed", "1", "--phases", "coverage"),
            *("--checks", ",".join(CHECKS), "--no-color"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said[:5000]
    assert f"Tested: {sum(map(len, document['paths'].values()))}" in said, said[-2000:]
