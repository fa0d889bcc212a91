"""Secrets in the files of the repository, by their shape. Keys that documentation and tests show are listed by digest."""

import hashlib
import os
import re
import subprocess
import sys

SHAPES = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\n?[A-Za-z0-9+/=\\n\s]{100,}",
    "AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36,}\b",
    "GitHub token of a person": r"\bgithub_pat_[A-Za-z0-9_]{50,}\b",
    "key of this framework": r"\bmocopr_[A-Za-z0-9]{12}_[A-Za-z0-9]{49}\b",
    "JSON Web Token": r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    "token of a chat": r"\bxox[abprs]-[A-Za-z0-9-]{20,}",
    "key of an API for models": r"\bsk-[A-Za-z0-9_-]{32,}",
    "token of a registry": r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}|cio[A-Za-z0-9]{32})\b",
    "password in a URL": r"\b[a-z][a-z0-9+.-]*://[^\s/:@\"'`<>{}\\]+:(?!\[redacted\])[^\s/@\"'`<>{}$\\]{8,}@[a-z0-9.-]+\.(?:com|net|org|io|dev)\b",
}

# SHA-256 of what stands in a test or an example and opens nothing, one a line with where it is from.
KNOWN = os.path.join(os.path.dirname(__file__), "known_examples.txt")


def known():
    with open(KNOWN, encoding="utf-8") as file:
        return {line.split()[0] for line in file if line.strip() and not line.startswith("#")}


def find(text):
    for kind, shape in SHAPES.items():
        for found in re.finditer(shape, text):
            yield kind, found.group(), text.count("\n", 0, found.start()) + 1


def prove():
    """Each shape finds an example that is put together here, so that none stands in this file."""
    letters = "a1B2c3D4e5" * 8
    examples = [
        "-----BEGIN " + "PRIVATE KEY-----\n" + letters * 2, "AKIA" + "ABCDEFGHIJKLMNOP", "ghp" + "_" + letters[:36],
        "github" + "_pat_" + letters, "mocopr" + "_" + letters[:12] + "_" + letters[:49],
        ".".join(["eyJ" + letters] * 2 + [letters]), "xoxb" + "-" + letters, "sk" + "-" + letters, "npm" + "_" + letters[:36],
        "https://user:" + "verysecret1@" + "example.com",
    ]
    for (kind, _), example in zip(SHAPES.items(), examples, strict=True):
        assert any(one == kind for one, _, _ in find(f" {example} ")), kind
    assert not list(find("https://user@example.com AKIA mocopr_core ghp_short"))


def main():
    prove()
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout.decode().split("\0")
    opened, problems, fine = 0, [], known()
    for path in filter(os.path.isfile, listed):
        with open(path, "rb") as file:
            text = file.read().decode("utf-8", "replace")
        opened += 1
        for kind, secret, line in find(text):
            digest = hashlib.sha256(secret.encode()).hexdigest()
            if digest not in fine:
                problems.append(f"{path}:{line}: {kind} ({digest})")
    print(f"  {opened} files, {len(problems)} problems")
    if problems:
        sys.exit("\n".join(problems) + f"\nWhat opens nothing is listed by its digest in {KNOWN}.")


main()
