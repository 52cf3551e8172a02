"""Sends three emergencies and an encrypted link test by siadc09 (PyPI) and reads the answers with it: dc09_sender.py PORT KEY."""
import datetime
import socket
import sys

from siadc09.account import Account
from siadc09.admcid import DataCid
from siadc09.message import Message, NullMessage, parse_frame

port, key = int(sys.argv[1]), sys.argv[2]
now = datetime.datetime.fromtimestamp(1_800_000_000, datetime.timezone.utc)
peer = socket.create_connection(("127.0.0.1", port), timeout=60)


def hear():
    heard = b""
    while not heard.endswith(b"\r"):
        more = peer.recv(1024)
        if not more:
            raise SystemExit("the receiver closed the connection")
        heard += more
    return heard


def send(acct, seq, with_key, content):
    account = Account(acct=acct, pref=0, rcvr=1, key=with_key)
    if content is None:
        message = NullMessage(account, now, seqno=seq)
    else:
        message = Message(account, {"idtoken": "ADM-CID", "seqno": seq, "data": DataCid(content=f"#{acct:04X}|{content}".encode()), "timestamp": now})
    peer.sendall(message.encode(encrypt=with_key is not None))
    answer = parse_frame(hear(), bytes.fromhex(with_key) if with_key else None)
    if answer.idtoken != "ACK" or answer.seq != seq:
        raise SystemExit(f"{answer.idtoken} {answer.seq} for {seq}")


try:
    send(0x1234, 41, None, "1101 00 003")
    send(0x1234, 42, None, "1100 00 001")
    send(0x5678, 43, key, "1101 00 003")
    send(0x5678, 44, key, None)
except (AttributeError, TypeError) as error:
    raise SystemExit(f"siadc09 is used wrongly: {error!r}")
