"""Emergencies by my_dc09_spt (PyPI), in the clear and with AES: dc09_spt.py PORT KEY. They are acknowledged, or it ends in an error."""
import sys

from my_dc09_spt import dc09_spt

port = int(sys.argv[1])
for account, key in [("1234", None), ("5678", bytes.fromhex(sys.argv[2]))]:
    spt = dc09_spt.dc09_spt(account, receiver=1, line=0)
    spt.set_path("main", "primary", "127.0.0.1", port, account=account, key=key, type="TCP")
    spt.send_msg("ADM-CID", {"account": account, "code": 101, "q": 1, "zone": 3})
    if spt.notSent():
        raise SystemExit(f"{account} is not acknowledged: {spt.state()}")
