"""Judges the tokens on standard input with PyJWT: it must agree with mocopr on each."""

import json
import sys

import jwt

rows = disagreements = 0
for line in sys.stdin:
    row = json.loads(line)
    rows += 1
    try:
        kid = jwt.get_unverified_header(row["token"]).get("kid")
        key = next(key for key in row["keys"]["keys"] if key["kid"] == kid)
        claims = jwt.decode(
            row["token"],
            # A key that names no algorithm would be one of RS256 to PyJWT.
            jwt.PyJWK(key, algorithm=row["algorithm"]),
            algorithms=[row["algorithm"]],
            issuer=row["issuer"],
            audience=row["audience"],
            leeway=30,
            options={"require": ["exp", "iss", "aud", "sub"], "strict_aud": False},
        )
        verdict = "accepted"
        assert claims["sub"] == "alice" and claims["roles"] == ["editor"]
        assert claims["scope"] == "notes:read notes:write"
    except (jwt.PyJWTError, StopIteration):
        verdict = "refused"
    # PyJWT turns text into a number, which mocopr does not.
    stricter = row["name"] == "expiry as text" and row["verdict"] == "refused"
    if verdict != row["verdict"] and not stricter:
        disagreements += 1
        print(f"{row['algorithm']}, {row['name']}: {row['verdict']} by mocopr, {verdict} by PyJWT")
print(f"PyJWT {jwt.__version__}: {rows} tokens, {disagreements} disagreements")
sys.exit(disagreements > 0 or rows < 100)
