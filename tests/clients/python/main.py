"""The Python SDK's client against the `everything` example: `main.py EVERYTHING REVISION...`.

Prints a line a check: client, revision, transport, what, `ok`, `skip` or `FAIL`, and why, with tabs between.
"""

import sys
import warnings
from contextlib import AsyncExitStack

import anyio

import checks
from cell import Server, connected

CLIENT = "mcp 2.3.0"
# The longest that any check may take on a busy machine, in seconds.
LONGEST = 30


class Report:
    def __init__(self, revision, transport):
        self._cell = (CLIENT, revision, transport)
        self.has_failed = False

    async def check(self, what, check, *arguments):
        """Runs one check; one that does not end has failed."""
        try:
            with anyio.fail_after(LONGEST):
                await check(*arguments)
        except Exception as error:
            self.failed(what, error)
        else:
            self.passed(what)

    def passed(self, what):
        self._line(what, "ok", "")

    def skip(self, what, why):
        self._line(what, "skip", why)

    def failed(self, what, error):
        self.has_failed = True
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self._line(what, "FAIL", f"{type(error).__name__}: {error}")

    def _line(self, what, word, why):
        print(*self._cell, what, word, " ".join(why.split()), sep="\t", flush=True)


async def main(everything, revisions):
    failed = False
    for revision in revisions:
        for transport in ("stdio", "http"):
            report = Report(revision, transport)
            try:
                async with AsyncExitStack() as stack:
                    server = await stack.enter_async_context(Server(everything)) if transport == "http" else None
                    async with connected(everything, server and server.url, revision) as cell:
                        await checks.run(cell, report)
                    if server is not None:
                        await report.check("server restarted", checks.restarted, cell, server)
            except Exception as error:
                report.failed("connection", error)
            else:
                # Everything was closed without an error.
                report.passed("end")
            failed = failed or report.has_failed
    return failed


if __name__ == "__main__":
    # What a later revision advises against is still spoken, and so is tried.
    warnings.simplefilter("ignore")
    sys.exit(anyio.run(main, sys.argv[1], sys.argv[2:]))
