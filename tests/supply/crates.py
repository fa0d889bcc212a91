"""Licences, sources, banned crates and duplicates of what a workspace is built from, and its bill of materials.

Reads `cargo metadata`, which has every platform, for the crates; `cargo tree` says which of them this platform builds.
"""

import argparse
import json
import re
import subprocess
import sys

PERMISSIVE = {
    "MIT", "MIT-0", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "ISC", "NCSA", "OpenSSL", "Unicode-3.0", "Unlicense", "Zlib",
}

# What must not be there, and why.
BANNED = {
    "openssl": "a second crypto stack", "openssl-sys": "a second crypto stack", "native-tls": "a second crypto stack",
    "ring": "a second crypto stack", "rsa": "a second crypto stack", "jsonwebtoken": "a second crypto stack",
    "ed25519-dalek": "a second crypto stack", "p256": "a second crypto stack", "sha2": "a second crypto stack",
    "hmac": "a second crypto stack", "aes-gcm": "a second crypto stack", "chacha20poly1305": "a second crypto stack",
    "reqwest": "a client that follows redirects to anywhere", "ureq": "a client that follows redirects to anywhere",
    "serde_yaml": "is not maintained", "atty": "is not maintained", "failure": "is not maintained",
}

# Crates of two versions in one build, where nothing of ours can change it, and who brings the other one.
TWICE = {
    "getrandom": "the schema validator that fuzz targets compare with has an older one",
    "hashbrown": "dashmap has an older one",
    "syn": "macros of others have a newer one, at build time alone",
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def allowed(licence):
    licence = licence.replace("/", " OR ")
    choices = re.split(r"\s+AND\s+", re.sub(r"[()]", " ", licence))
    return bool(licence) and all(any(one.strip() in PERMISSIVE for one in re.split(r"\s+OR\s+", all_)) for all_ in choices)


def built(manifest):
    """Names and versions that this platform builds, without what only tests need and with it."""
    host = next(line[6:] for line in run("rustc", "-vV").splitlines() if line.startswith("host: "))
    tree = ["cargo", "tree", "--manifest-path", manifest, "--locked", "--all-features", "--target", host, "--workspace"]
    tree += ["--prefix", "none", "--format", "{p}"]
    read = lambda text: {tuple(line.split()[:2]) for line in text.splitlines() if line}
    return read(run(*tree, "--edges", "normal,build")), read(run(*tree))


def check(manifest):
    metadata = json.loads(run("cargo", "metadata", "--manifest-path", manifest, "--all-features", "--locked", "--format-version", "1"))
    packages = {(package["name"], "v" + package["version"]): package for package in metadata["packages"]}
    shipped, tested = built(manifest)
    problems = []
    for name, version in sorted(tested):
        package = packages[(name, version)]
        if not allowed(package["license"] or ""):
            problems.append(f"{name} {version}: licence {package['license']}")
        source = package["source"]
        if source is not None and source != "registry+https://github.com/rust-lang/crates.io-index":
            problems.append(f"{name} {version}: comes from {source}")
        if name in BANNED:
            problems.append(f"{name} {version}: {BANNED[name]}")
    names = {}
    for name, version in shipped:
        names.setdefault(name, []).append(version)
    twice = {name for name, versions in names.items() if len(versions) > 1}
    problems += [f"{name}: {' and '.join(sorted(names[name]))}" for name in sorted(twice - TWICE.keys())]
    print(f"  {manifest}: {len(shipped)} crates ship, {len(tested)} with those of tests, {len(problems)} problems")
    return problems, [packages[one] for one in sorted(shipped)], twice


def bill(packages):
    """CycloneDX 1.5, without a time and a random number, so that the same crates are the same file."""
    components = []
    for package in packages:
        name, version = package["name"], package["version"]
        component = {
            "type": "library", "name": name, "version": version, "bom-ref": f"pkg:cargo/{name}@{version}",
            "purl": f"pkg:cargo/{name}@{version}", "licenses": [{"expression": (package["license"] or "").replace("/", " OR ")}],
        }
        if package["repository"]:
            component["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
        components.append(component)
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}


def prove():
    """What is refused is refused."""
    assert allowed("MIT") and allowed("MIT/Apache-2.0") and allowed("(MIT OR GPL-3.0) AND Zlib")
    assert not any(map(allowed, ["", "GPL-3.0", "MIT AND LGPL-2.1", "SSPL-1.0"]))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("manifests", nargs="+")
    options.add_argument("--bom")
    options = options.parse_args()
    prove()
    problems, met = [], set()
    for place, manifest in enumerate(options.manifests):
        more, packages, twice = check(manifest)
        problems += more
        met |= twice
        if place == 0 and options.bom:
            with open(options.bom, "w", encoding="utf-8") as file:
                json.dump(bill(packages), file, indent=1)
            print(f"  {options.bom}: the bill of materials, {len(packages)} components")
    problems += [f"{name}: is there once, so TWICE need not name it" for name in sorted(TWICE.keys() - met)]
    if problems:
        sys.exit("\n".join(problems))


main()
