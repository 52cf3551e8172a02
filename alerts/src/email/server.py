"""A mail server by aiosmtpd for the tests: STARTTLS or TLS with a given certificate, an account, mailboxes that are not there.

server.py tls|starttls PEM    prints its port, then a line of JSON for each message it takes, as Python's own parser reads it.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

mode, pem = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(pem)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later@"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        tell = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": mail["subject"],
            "sender": mail["from"],
            "id": mail["message-id"],
            "text": mail.get_content().strip(),
            "user": session.auth_data.decode() if session.auth_data else None,
        }
        print(json.dumps(tell), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"duty", b"p4ss")
    return AuthResult(success=right, handled=False, auth_data=data.login if right else None)


def protocol():
    start = mode == "starttls"
    tls = {"tls_context": context, "require_starttls": True} if start else {}
    return SMTP(Handler(), authenticator=authenticate, auth_required=True, auth_require_tls=start, **tls)


async def main():
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
