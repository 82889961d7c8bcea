#!/usr/bin/env python3
"""Wallet files without a daemon: made, refused, taken in, given out, never shown."""
import json
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import PASSWORD, Home  # noqa: E402
from harness import B3IQ, check, done  # noqa: E402

SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"  # RFC 8032, test 1


def create_and_list(home):
    home.cli("create", "alice", password=PASSWORD)
    address = home.address("alice")
    check("an address is bech32m of ait", address.startswith("ait1") and len(address) == 42, address)
    r = home.cli("create", "alice", password=PASSWORD, check=False)
    check("a wallet is never replaced", r.returncode == 1 and "already" in r.stderr, r.stderr)
    check("and stays as it was", home.address("alice") == address)
    file = home.path("wallets", "alice.json")
    check("its file is for its owner alone", stat.S_IMODE(os.stat(file).st_mode) == 0o600)
    check("its folder too", stat.S_IMODE(os.stat(home.path("wallets")).st_mode) == 0o700)
    wallets = home.json("list")["wallets"]
    check("list shows it", [w["name"] for w in wallets] == ["alice"] and wallets[0]["address"] == address, wallets)
    r = home.cli("create", "../evil", password=PASSWORD, check=False)
    check("a name is no path", r.returncode != 0 and "name" in r.stderr, r.stderr)
    r = home.cli("create", "weak", password="short", check=False)
    check("a short password is refused", r.returncode != 0 and "8 to 1024" in r.stderr, r.stderr)


def password_ways(home):
    r = subprocess.run([B3IQ, "wallet", "create", "x", "--password", PASSWORD], env=home.env(),
                       capture_output=True, text=True)
    check("a password has no place on the command line", r.returncode == 2, r.stderr)
    loose = home.write("loose", PASSWORD + "\n", 0o644)
    r = home.cli("create", "x", "--password-file", loose, check=False)
    check("a password file that others may read is refused", r.returncode == 4 and "chmod 600" in r.stderr, r.stderr)
    home.cli("create", "stdin", stdin=PASSWORD + "\n")
    r, w = os.pipe()
    os.write(w, (PASSWORD + "\n").encode())
    os.close(w)
    out = subprocess.run([B3IQ, "wallet", "create", "pipe", "--password-fd", str(r)], env=home.env(), pass_fds=[r],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True)
    os.close(r)
    check("a password comes from a descriptor", out.returncode == 0, out.stderr)
    r = home.cli("export", "pipe", "--raw", password=PASSWORD)
    check("and is the same one", len(r.stdout.strip()) == 64)


def import_and_export(home):
    home.cli("import", "hex", home.write("seed", SEED + "\n"), password=PASSWORD)
    shown = home.json("show", "hex")
    check("a seed in hex gives its key", shown["public_key"] == PUBLIC, shown)
    pem = home.cli("export", "hex", "--pem", password=PASSWORD).stdout
    home.cli("import", "pem", home.write("key.pem", pem), password=PASSWORD)
    check("PEM goes out and in", home.address("pem") == home.address("hex"))
    check("raw is what went in", home.cli("export", "hex", "--raw", password=PASSWORD).stdout.strip() == SEED)
    backup = home.cli("export", "hex").stdout
    check("a backup needs no password and holds no key", SEED not in backup and json.loads(backup)["name"] == "hex")
    r = home.cli("export", "hex", "--raw", password="not this one", check=False)
    check("the key itself needs the password", r.returncode == 4 and "wrong password" in r.stderr, r.stderr)
    file = home.write("backup.json", backup)
    r = home.cli("import", "back", file, password="not this one", check=False)
    check("so does a backup that is taken in", r.returncode == 4, r.stderr)
    home.cli("import", "back", file, password=PASSWORD)
    check("a backup restores the wallet", home.address("back") == home.address("hex"))
    r = home.cli("import", "other", home.write("junk", "not a key"), password=PASSWORD, check=False)
    check("what is no key is refused", r.returncode == 1 and "no wallet" in r.stderr, r.stderr)
    out = home.path("out.json")
    home.cli("export", "hex", "--out", out)
    check("an export file is private", stat.S_IMODE(os.stat(out).st_mode) == 0o600)
    r = home.cli("export", "hex", "--out", out, check=False)
    check("and replaces nothing", r.returncode == 1, r.stderr)


def change_password(home):
    fresh = home.write("fresh", "another password\n")
    r = home.cli("password", "hex", "--new-password-file", fresh, password="not this one", check=False)
    check("a password is changed with the old one only", r.returncode == 4, r.stderr)
    home.cli("password", "hex", "--new-password-file", fresh, password=PASSWORD)
    r = home.cli("export", "hex", "--raw", password=PASSWORD, check=False)
    check("the old one opens it no more", r.returncode == 4, r.stderr)
    check("the new one does", home.cli("export", "hex", "--raw", password="another password").stdout.strip() == SEED)


def damaged_files(home):
    file = home.path("wallets", "stdin.json")
    os.chmod(file, 0o644)
    r = home.cli("show", "stdin", check=False)
    check("a file that others may read is refused", r.returncode == 4 and "chmod 600" in r.stderr, r.stderr)
    os.chmod(file, 0o600)
    os.symlink(file, home.path("wallets", "linked.json"))
    r = home.cli("show", "linked", check=False)
    check("a link is not followed", r.returncode == 4 and "link" in r.stderr, r.stderr)
    os.unlink(home.path("wallets", "linked.json"))
    with open(file, "r+", encoding="ascii") as f:
        doc = json.load(f)
        doc["address"] = home.address("alice")
        f.seek(0)
        f.truncate()
        json.dump(doc, f)
    r = home.cli("show", "stdin", check=False)
    check("another's address in the file is found without a password", r.returncode == 1, r.stderr)
    wallets = {w["name"]: w for w in home.json("list")["wallets"]}
    check("list tells what is damaged", "damaged" in wallets["stdin"].get("error", ""), wallets["stdin"])
    r = home.cli("delete", "stdin", check=False)
    check("deleting asks", r.returncode != 0 and os.path.exists(file), r.stderr)
    home.cli("delete", "stdin", "--yes")
    check("a damaged one can be deleted", not os.path.exists(file))


def without_daemon(home):
    r = home.cli("unlock", "alice", password=PASSWORD, check=False)
    check("unlock says that no daemon runs", r.returncode == 5 and "b3iq wallet" in r.stderr, r.stderr)
    message = home.write("message", "b3iq.order/1\n" + json.dumps({"v": 1}, separators=(",", ":")))
    r = home.cli("sign", "alice", message, password=PASSWORD)
    check("a document is signed here", len(r.stdout.strip()) == 128, r.stdout)
    r = home.cli("sign", "alice", home.write("free", "pay everything"), password=PASSWORD, check=False)
    check("what cannot be read is not signed", r.returncode == 1 and "b3iq.tx/1" in r.stderr, r.stderr)
    r = home.cli("balance", "alice", check=False, env={**home.env(), "AITBC_BLOCKCHAIN_RPC_URL": "http://127.0.0.1:9"})
    check("a chain that is away is said", r.returncode != 0 and "chain is away" in r.stderr, r.stderr)


def main():
    home = Home()
    create_and_list(home)
    password_ways(home)
    import_and_export(home)
    change_password(home)
    damaged_files(home)
    without_daemon(home)
    done()


main()
