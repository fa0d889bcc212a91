"""One revision over one transport: a server of its own, and clients that speak to it."""

from contextlib import asynccontextmanager
from subprocess import DEVNULL, PIPE

import anyio
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from answers import Answers

# How many items the pages of the server's lists have: few enough that each test walks over several.
PAGE = "5"


class Cell:
    """A connected client, and how to connect another one to the same server."""

    def __init__(self, client, answers, revision, another):
        self.client = client
        self.answers = answers
        self.revision = revision
        self.another = another
        self.is_stateless = revision >= "2026-07-28"


class Server:
    """The example on a free port."""

    def __init__(self, everything):
        self._everything = everything
        self._process = None
        self.url = None

    async def start(self, port="0"):
        environment = {"PAGE": PAGE, "PORT": port}
        self._process = await anyio.open_process(
            [self._everything], env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
        )
        log = ""
        while "listening on " not in log or not log.endswith("\n"):
            log += (await self._process.stderr.receive()).decode()
        # With the name of this machine, as people write it.
        self.url = log.split("listening on ", 1)[1].split("\n", 1)[0].replace("127.0.0.1", "localhost")

    async def restart(self):
        """Ends it at once and starts another at the same address, which knows nothing of the first one's sessions."""
        await self.stop()
        await self.start(self.url.removesuffix("/mcp").rsplit(":", 1)[1])

    async def stop(self):
        self._process.kill()
        await self._process.aclose()

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *error):
        await self.stop()


@asynccontextmanager
async def connected(everything, url, revision):
    """A client in that revision: of the URL, or of a process of its own where there is none."""
    if url is None:
        parameters = StdioServerParameters(command=everything, args=["--stdio"], env={"PAGE": PAGE})
        with open("/dev/null", "w") as log:
            async with _client(stdio_client(parameters, errlog=log), everything, url, revision) as cell:
                yield cell
        return
    async with _client(streamable_http_client(url), everything, url, revision) as cell:
        yield cell


@asynccontextmanager
async def _client(transport, everything, url, revision):
    answers = Answers()
    handshake = revision < "2026-07-28"
    client = Client(
        _of_revision(transport, revision) if handshake else transport,
        mode="legacy" if handshake else "auto",
        read_timeout_seconds=30,
        sampling_callback=answers.sampling,
        list_roots_callback=answers.roots,
        logging_callback=answers.logging,
        elicitation_callback=answers.elicitation,
        message_handler=answers.message,
    )
    async with client:
        yield Cell(client, answers, revision, lambda: connected(everything, url, revision))


@asynccontextmanager
async def _of_revision(transport, revision):
    """A transport whose handshake asks for that revision; the client has no setting for it."""
    async with transport as (read, write):
        yield read, _Asking(write, revision)


class _Asking:
    def __init__(self, write, revision):
        self._write = write
        self._revision = revision

    async def send(self, item):
        if getattr(item.message, "method", None) == "initialize":
            item.message.params["protocolVersion"] = self._revision
        await self._write.send(item)

    async def __aenter__(self):
        await self._write.__aenter__()
        return self

    async def __aexit__(self, *error):
        return await self._write.__aexit__(*error)

    def __getattr__(self, name):
        return getattr(self._write, name)
