"""The public API of the crates as sorted lines, compared with what docs/public-api has.

Reads the sources: since the lint `unreachable_pub` is denied, whatever says `pub` is reachable from outside of its crate,
and what is not says `pub(crate)`. Functions, types with their public fields and variants, traits with their methods,
constants, re-exports and implementations of traits are told; what macros by example write is not.
"""

import argparse
import difflib
import os
import re
import sys

CRATES = {"mocopr": "src", "mocopr-core": "mocopr-core/src", "mocopr-security": "mocopr-security/src", "mocopr-server": "mocopr-server/src"}
FOLDER = "docs/public-api"
ITEM = re.compile(r"pub (?:(?:const|async|unsafe|extern \"\") )*(fn|struct|enum|trait|union|type|const|static|mod|use|macro)\b")


def cleaned(text):
    """The code without comments and attributes, with empty literals and single spaces."""
    out, at = [], 0
    while at < len(text):
        rest = text[at:at + 40]
        raw = re.match(r'b?r(#*)"', rest)
        if rest.startswith("//"):
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
        elif rest.startswith("/*"):
            at = text.index("*/", at) + 2
        elif raw and not (out and (out[-1].isalnum() or out[-1] == "_")):
            out.append('""')
            at = text.index('"' + raw.group(1), at + raw.end()) + 1 + len(raw.group(1))
        elif rest[0] == '"':
            at += 1
            while text[at] != '"':
                at += 2 if text[at] == "\\" else 1
            out.append('""')
            at += 1
        elif letter := re.match(r"b?'(?:\\(?:u\{[0-9a-f]+\}|x[0-9a-f]{2}|.)|[^\\'])'", rest):
            out.append("' '")
            at += letter.end()
        else:
            out.append(rest[0])
            at += 1
    text = "".join(out)
    # Attributes, whose brackets may be nested once or twice.
    inner = r"(?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*"
    marked = re.sub(rf"#\[cfg\((?:test|all\(doctest{inner})\)\]\s*", "@test ", text)
    return re.sub(r"\s+", " ", re.sub(rf"#!?\[{inner}\]", " ", marked))


def end_of(text, start):
    """One past the bracket that closes the one at `start`."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    raise ValueError("a bracket is open at the end")


def parts(body):
    """What stands between the commas that no bracket surrounds."""
    depth, part, found = 0, "", []
    for place, letter in enumerate(body):
        is_arrow = letter == ">" and body[place - 1] in "-="
        depth += 0 if is_arrow else {"{": 1, "(": 1, "[": 1, "<": 1, "}": -1, ")": -1, "]": -1, ">": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            found.append(part.strip())
            part = ""
        else:
            part += letter
    return [one for one in [*found, part.strip()] if one]


def items(text, path):
    """The lines of one scope."""
    at, head = 0, ""
    while at < len(text):
        letter = text[at]
        if letter not in ";{}":
            head += letter
            at += 1
            continue
        head = head.strip()
        body_end = end_of(text, at) if letter == "{" else at + 1
        body = text[at + 1:body_end - 1]
        if head.startswith("@test"):
            pass
        elif kind := ITEM.match(head):
            kind = kind.group(1)
            if kind == "use":
                end = text.index(";", at)
                yield f"{path}: {(head + text[at:end]).strip()}"
                body_end = end + 1
            elif kind in ("const", "static"):
                yield f"{path}: {head.split(' = ')[0]}"
                body_end = text.index(";", body_end - 1) + 1
            else:
                yield f"{path}: {shown(head)}"
                name = re.search(rf"\b{kind} (\w+)", head).group(1)
                if kind == "struct" and letter == "{":
                    yield from (f"{path}::{name}: {field}" for field in parts(body) if field.startswith("pub "))
                elif kind == "enum":
                    yield from (f"{path}::{name}: {variant}" for variant in parts(body))
                elif kind == "trait":
                    yield from methods(body, f"{path}::{name}")
                elif kind == "mod" and letter == "{":
                    yield from items(body, f"{path}::{name}")
        elif re.match(r"(?:unsafe )?impl\b", head):
            if re.search(r"\) for |[\w>] for ", re.sub(r"for<[^>]*>", "", head)):
                yield f"{path}: {head}"
            else:
                yield from items(body, f"{path}::{re.sub(r'^impl(?:<.*?>)? ', '', head).split(' where ')[0]}")
        head, at = "", body_end


def shown(head):
    """The head without what nobody outside sees: private fields of tuples, and `mut` before parameters."""
    head = re.sub(r"([(,] ?)mut ", r"\1", head)
    if not head.startswith("pub struct") or not head.endswith(")"):
        return head
    start = re.match(r"pub struct \w+(?:<[^(]*>)?", head).end()
    fields = parts(head[start:].strip()[1:-1])
    return head[:start] + "(" + ", ".join(field if field.startswith("pub ") else "_" for field in fields) + ")"


def methods(body, path):
    """What a trait asks for and offers; all of it is as public as the trait."""
    at, head = 0, ""
    while at < len(body):
        if body[at] not in ";{":
            head += body[at]
            at += 1
            continue
        yield f"{path}: {head.strip()}"
        at = end_of(body, at) if body[at] == "{" else at + 1
        head = ""


def api(folder):
    lines = []
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            relative = os.path.relpath(os.path.join(place, name), folder)
            if not name.endswith(".rs") or name == "tests.rs" or "tests" in relative.split(os.sep):
                continue
            with open(os.path.join(place, name), encoding="utf-8") as file:
                text = file.read()
            module = relative.removesuffix(".rs").removesuffix("mod").removesuffix("lib").strip(os.sep)
            path = "::".join(["crate", *filter(None, module.split(os.sep))])
            lines += items(cleaned(text), path)
    types = {found.group(1) for line in lines if (found := re.search(r": pub (?:struct|enum|type|union) (\w+)", line))}
    # An implementation for a type that nobody can name is nobody's business.
    names = lambda line: set(re.findall(r"\w+", line.rsplit(" for ", 1)[-1]))
    public = [line for line in lines if not re.search(r": (?:unsafe )?impl\b", line) or names(line) & types]
    return sorted(set(re.sub(r"\s+", " ", line).replace("( ", "(").replace(", )", ")") for line in public))


def prove():
    text = """
        /// Docs with pub fn no() {}
        pub struct A<T> { pub a: Vec<(u8, T)>, b: u8 }
        #[derive(Debug)] pub enum B { One, Two { x: u8 }, Three(Box<str>) }
        impl<T> A<T> { pub const fn new(text: &str) -> Self { let c = '{'; Self { a: "}", b } } fn hidden() {} pub(crate) fn inner() {} }
        impl<T: Fn() -> u8> Clone for A<T> { fn clone(&self) -> Self { todo() } }
        pub trait C: Send { const N: u8; fn f(&self) -> u8 { 1 } fn g(self); }
        pub use x::{a, b::C};
        pub const D: &str = r#"} pub fn no() {"#;
        #[cfg(test)] mod tests { pub fn no() {} }
        pub mod e { pub fn yes<'a>(of: &'a str) -> impl Iterator<Item = &'a str> + 'a { of } }
    """
    found = sorted(items(cleaned(text), "crate"))
    expected = [
        "crate: impl<T: Fn() -> u8> Clone for A<T>", "crate: pub const D: &str", "crate: pub enum B", "crate: pub mod e",
        "crate: pub struct A<T>", "crate: pub trait C: Send", "crate: pub use x::{a, b::C}",
        "crate::A: pub a: Vec<(u8, T)>", "crate::A<T>: pub const fn new(text: &str) -> Self", "crate::B: One",
        "crate::B: Three(Box<str>)", "crate::B: Two { x: u8 }", "crate::C: const N: u8", "crate::C: fn f(&self) -> u8",
        "crate::C: fn g(self)", "crate::e: pub fn yes<'a>(of: &'a str) -> impl Iterator<Item = &'a str> + 'a",
    ]
    assert found == expected, "\n".join(difflib.unified_diff(expected, found, lineterm=""))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--write", action="store_true")
    options = options.parse_args()
    prove()
    os.makedirs(FOLDER, exist_ok=True)
    changes = []
    for crate, folder in CRATES.items():
        path, lines = f"{FOLDER}/{crate}.txt", api(folder)
        print(f"  {crate}: {len(lines)} lines")
        if options.write:
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
            continue
        kept = open(path, encoding="utf-8").read().splitlines() if os.path.exists(path) else []
        changes += difflib.unified_diff(kept, lines, path, "the sources", lineterm="", n=0)
    if changes:
        sys.exit("\n".join(changes) + "\nWhere this is meant: tests/supply/run api, and a line in CHANGELOG.md.")


main()
