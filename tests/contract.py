#!/usr/bin/env python3
"""Another program reads the OpenAPI document of a demo and asks every route for what it promises: no 5xx, no answer
that the document does not know, no answer in another shape, nothing without a sign-in.

    PYTHONPATH=target/schemathesis python3 tests/contract.py [EXAMPLES [REGEX OF PATHS]]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,ignored_auth"
# A stream that does not end is read by tests of its own; what dispatch centres send is signed, not signed in; and who finds
# its own sign-in in a list and ends it learns nothing any more.
LEFT_OUT = ["/api/v1/events", "/api/v1/dispatch/states", "/api/v1/sessions/{id}/end", "/api/v1/me/sessions/{id}/end"]


def main() -> int:
    examples = sys.argv[1] if len(sys.argv) > 1 else "10"
    paths = sys.argv[2] if len(sys.argv) > 2 else ""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    binary = os.environ.get("HEARTHLINE_BIN", os.path.join(root, "target/debug/hearthline"))
    with tempfile.TemporaryDirectory(prefix="hearthline-contract-") as folder:
        ready = os.path.join(folder, "ready.json")
        log = open(os.path.join(folder, "log"), "w+")
        command = [binary, "demo", "--quiet", "--homes", "12", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data", os.path.join(folder, "data"), "--ready-file", ready]
        demo = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "RUST_LOG": "warn"})
        try:
            return ask(demo, folder, log, examples, paths)
        finally:
            demo.terminate()
            demo.wait(30)


def ask(demo, folder, log, examples, paths) -> int:
    ready = os.path.join(folder, "ready.json")
    end = time.monotonic() + 120
    while not os.path.exists(ready) or not os.path.getsize(ready):
        if demo.poll() is not None or time.monotonic() > end:
            log.seek(0)
            print("the demo did not start:", log.read(), file=sys.stderr)
            return 1
        time.sleep(0.1)
    with open(ready) as file:
        facts = json.load(file)
    left_out = [word for path in LEFT_OUT for word in ("--exclude-path", path)]
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", facts["console"] + "/api/v1/openapi.json",
        "-H", "Authorization: Bearer " + facts["api_token"], "--checks", CHECKS, "--max-examples", examples,
        "--phases", "examples,coverage,fuzzing", "--request-timeout", "60", "--continue-on-failure", "--generation-database", "none", "--no-color",
        "--suppress-health-check", "all", "--warnings", "off", *left_out,
    ]
    if paths:
        command += ["--include-path-regex", paths]
    # Whatever it keeps between runs goes with the demo: the same question twice gets the same answers.
    status = subprocess.run(command, check=False, cwd=folder).returncode
    # A run that had lost its sign-in would have seen refusals only.
    me = urllib.request.Request(facts["console"] + "/api/v1/me", headers={"Authorization": "Bearer " + facts["api_token"]})
    with urllib.request.urlopen(me) as answer:
        return status if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
