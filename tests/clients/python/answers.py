"""What the client answers to the server's questions, and what it was told without having asked."""

import anyio
import mcp_types as types

FIELDS = {"username": "ada", "email": "ada@example.org", "name": "Ada", "color": "green", "context": "the sea"}


class Answers:
    """The callbacks of one client; forms whose question says "no" are declined."""

    def __init__(self):
        self._told = []
        self._more = anyio.Event()

    def note(self, kind, what):
        self._told.append((kind, what))
        self._more.set()
        self._more = anyio.Event()

    def of(self, kind):
        """All notes of a kind, in the order in which they came."""
        return [what for of, what in self._told if of == kind]

    async def until(self, kind, count):
        """Waits until there are that many of a kind."""
        while len(self.of(kind)) < count:
            await self._more.wait()

    async def sampling(self, _context, params):
        self.note("sampling", plain(params))
        content = types.TextContent(type="text", text="Paris")
        return types.CreateMessageResult(role="assistant", content=content, model="m", stop_reason="endTurn")

    async def elicitation(self, _context, params):
        asked = plain(params)
        self.note("form", asked)
        if "no" in asked["message"]:
            return types.ElicitResult(action="decline")
        fields = asked["requestedSchema"]["properties"]
        return types.ElicitResult(action="accept", content={name: FIELDS[name] for name in fields if name in FIELDS})

    async def roots(self, _context):
        return types.ListRootsResult(roots=[types.Root(uri="file:///first"), types.Root(uri="file:///second")])

    async def logging(self, params):
        self.note("log", [params.level, params.data])

    async def message(self, message):
        kinds = {"notifications/resources/updated": "updated", "notifications/tools/list_changed": "tools changed"}
        kind = kinds.get(getattr(message, "method", None))
        if kind is not None:
            self.note(kind, plain(message).get("params", {}).get("uri"))


def plain(model):
    """The JSON that a model stands for."""
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)
