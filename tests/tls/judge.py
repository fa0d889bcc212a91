"""Judges what testssl.sh found: nothing of medium severity or above, and every audit that was asked for took place."""

import json
import sys

# One finding of each audit that `tests/tls/run` asks for; one that is missing did not take place. Forward secrecy has another
# name in other versions.
ASKED = """
    SSLv2 SSLv3 TLS1 TLS1_1 TLS1_2 TLS1_3 ALPN_HTTP2
    cipherlist_NULL cipherlist_aNULL cipherlist_EXPORT cipherlist_LOW cipherlist_3DES_IDEA PFS|FS cipher_order
    heartbleed CCS ticketbleed ROBOT secure_renego secure_client_renego CRIME_TLS BREACH POODLE_SSL fallback_SCSV SWEET32
    FREAK DROWN LOGJAM BEAST LUCKY13 RC4
""".split()

# What is good, what is neither good nor bad, and what is below the severity that counts.
HARMLESS = ["OK", "INFO", "LOW"]

# A warning about the machine that the audit runs on, which has no use for Russian suites.
OF_THE_AUDITOR = ["engine_problem"]

findings = json.load(open(sys.argv[1]))
problems = [f"{one['id']}: {one['severity']}: {one['finding']}" for one in findings
            if one["severity"] not in HARMLESS and one["id"] not in OF_THE_AUDITOR]
found = {one["id"] for one in findings}
problems += [f"{audit}: did not take place" for audit in ASKED if found.isdisjoint(audit.split("|"))]
print("\n".join(problems) or f"testssl.sh has {len(findings)} findings, and none of medium severity or above")
sys.exit(bool(problems))
