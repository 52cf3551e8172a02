"""An emergency by my_dc09_spt (PyPI), in the clear (with AES that package cannot read any answer): dc09_spt.py PORT KEY. It is acknowledged, or it ends in an error."""
import sys

from my_dc09_spt import dc09_spt

port, account = int(sys.argv[1]), "1234"

spt = dc09_spt.dc09_spt(account, receiver=1, line=0)
spt.set_path("main", "primary", "127.0.0.1", port, account=account, key=None, type="TCP")
spt.send_msg("ADM-CID", {"account": account, "code": 101, "q": 1, "zone": 3})
if spt.notSent():
    raise SystemExit(f"not acknowledged: {spt.state()}")
