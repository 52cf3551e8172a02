"""A stub of Alibaba Cloud's voice service for the tests: checks the signature of each request by itself, answers, and pushes
what it was told to push. Standard library alone, written from the provider's pages; shares nothing with what it tests.

acs_stub.py KEY_ID SECRET SCENARIO    prints its port, reads the address of the pushes from standard input, then prints a line
of JSON for each request and each push. SCENARIO: {"status": 200, "answer": {...}, "pushes": [[{...}], ...]}; in the pushes
"$OUT" and "$CALL" stand for the call's own identifiers.
"""

import hashlib
import hmac
import json
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

key_id, secret, scenario = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
CALL = "116012854210^102814279"
told = threading.Lock()


def tell(what):
    with told:
        print(json.dumps(what, ensure_ascii=False), flush=True)


def quoted(text):
    return urllib.parse.quote(text, safe="-_.~")


def is_signed(request):
    """ACS3-HMAC-SHA256 as the provider describes it."""
    parts = request.headers.get("authorization", "").split(" ", 1)
    if parts[0] != "ACS3-HMAC-SHA256" or len(parts) != 2:
        return False
    given = dict(part.split("=", 1) for part in parts[1].split(","))
    path, _, query = request.path.partition("?")
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    names = given.get("SignedHeaders", "").split(";")
    if not {"host", "x-acs-action", "x-acs-date", "x-acs-version", "x-acs-content-sha256", "x-acs-signature-nonce"} <= set(names):
        return False
    lines = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
    digest = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join([request.command, path, "&".join(f"{quoted(k)}={quoted(v)}" for k, v in pairs), lines, ";".join(names), digest])
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    wanted = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return given.get("Credential") == key_id and hmac.compare_digest(wanted, given.get("Signature", "")) and digest == request.headers.get("x-acs-content-sha256")


def push(out_id):
    for entries in scenario.get("pushes", []):
        text = json.dumps(entries).replace("$OUT", out_id).replace("$CALL", CALL)
        sent = urllib.request.Request(address, text.encode(), {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(sent, timeout=60) as answer:
                tell({"pushed": answer.status, "answer": json.loads(answer.read())})
        except urllib.error.HTTPError as error:
            tell({"pushed": error.code})


class Service(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        action, signed = self.headers.get("x-acs-action"), is_signed(self)
        # The page says 1 to 15 bytes.
        signed = signed and len(query.get("OutId", "-")) in range(1, 16)
        status = scenario.get("status", 200) if signed else 403
        answer = scenario.get("answer", {"Code": "OK", "Message": "OK", "CallId": CALL}) if signed else {"Code": "SignatureDoesNotMatch"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        tell({"action": action, "signed": signed, "version": self.headers.get("x-acs-version"), "query": query})
        if action == "IvrCall" and answer.get("Code") == "OK":
            threading.Thread(target=push, args=(query["OutId"],), daemon=True).start()


server = HTTPServer(("127.0.0.1", 0), Service)
print(server.server_port, flush=True)
address = sys.stdin.readline().strip()
server.serve_forever()
