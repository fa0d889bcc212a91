"""What the client does with each server, and what must come of it."""

import json

import anyio
import mcp_types as types
from mcp import MCPError
from mcp.client.subscriptions import ResourceUpdated, ToolsListChanged

from answers import plain

INVALID_PARAMS = -32602
MISSING_CAPABILITY = -32021
RESOURCE_NOT_FOUND = -32002
WATCHED = "test://watched-resource"
# What a cancelled call and its handler may take to end on a busy machine, in seconds.
PROMPTLY = 5
# The picture and the sound of the example.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA=="


async def run(cell, report):
    """Runs every check that the revision has."""
    checks = {
        "handshake": handshake,
        "list tools": list_tools,
        "list prompts": list_prompts,
        "list resources": list_resources,
        "list templates": list_templates,
        "text": text,
        "long text": long_text,
        "structured": structured,
        "image": image,
        "audio": audio,
        "embedded resource": embedded_resource,
        "argument in a header": header,
        "error of a tool": tool_error,
        "wrong arguments": wrong_arguments,
        "unknown tool": unknown_tool,
        "read text": read_text,
        "read bytes": read_bytes,
        "read template": read_template,
        "read unknown": read_unknown,
        "prompt": prompt,
        "prompt with image": prompt_with_image,
        "unknown prompt": unknown_prompt,
        "completion": completion,
        "progress": progress,
        "cancellation": cancellation,
        "stream resumed": resumed,
        "logging": logging,
        "form refused": form_refused,
        "form accepted": form_accepted,
        "form declined": form_declined,
        "questions one by one": one_by_one,
        "questions at once": at_once,
        "question of a prompt": prompt_asks,
        "sampling": sampling,
        "roots": roots,
        "resource updated": listen_resource if cell.is_stateless else subscribe,
        "list changed": listen_tools if cell.is_stateless else list_changed,
        "ping": ping,
        "two clients": two_clients,
    }
    forms = {"form accepted", "form declined", "questions one by one", "questions at once", "question of a prompt"}
    for what, check in checks.items():
        if what == "form refused" and cell.revision >= "2025-06-18":
            continue
        if what in forms and cell.revision < "2025-06-18":
            report.skip(what, "the revision has no forms")
        elif what == "ping" and cell.is_stateless:
            report.skip(what, "the revision has no ping")
        else:
            await report.check(what, check, cell)


async def handshake(cell):
    same("revision", cell.client.protocol_version, cell.revision)
    same("name", cell.client.server_info.name, "everything")
    capabilities = plain(cell.client.server_capabilities)
    # Completions became a capability in 2025-03-26.
    since = ["completions"] if cell.revision >= "2025-03-26" else []
    for name in ["tools", "prompts", "resources", "logging", *since]:
        same(name, isinstance(capabilities.get(name), dict), True)
    same("tools change", capabilities["tools"]["listChanged"], True)
    same("subscriptions", capabilities["resources"]["subscribe"], True)


async def every(cell, method, member):
    """All pages of a list: the items, and how many pages they were on."""
    items, cursor, pages = [], None, 0
    while True:
        page = plain(await getattr(cell.client, method)(cursor=cursor))
        items += page[member]
        pages += 1
        cursor = page.get("nextCursor")
        if cursor is None:
            return items, pages


async def list_tools(cell):
    tools, pages = await every(cell, "list_tools", "tools")
    same("pages", pages, 7)
    same("number of tools", len(tools), 32)
    same("tools that are listed once", len({tool["name"] for tool in tools}), 32)
    tool = next(tool for tool in tools if tool["name"] == "test_structured_content")
    same("type of an argument", tool["inputSchema"]["properties"]["a"]["type"], "integer")
    same("required", tool["inputSchema"]["required"], ["a", "b"])


async def list_prompts(cell):
    prompts, _ = await every(cell, "list_prompts", "prompts")
    expected = [
        "test_input_required_result_prompt",
        "test_prompt_with_arguments",
        "test_prompt_with_embedded_resource",
        "test_prompt_with_image",
        "test_simple_prompt",
    ]
    same("prompts", sorted(prompt["name"] for prompt in prompts), expected)
    prompt = next(prompt for prompt in prompts if prompt["name"] == "test_prompt_with_arguments")
    same("argument", [prompt["arguments"][0]["name"], prompt["arguments"][0]["required"]], ["arg1", True])


async def list_resources(cell):
    resources, _ = await every(cell, "list_resources", "resources")
    uris = sorted(resource["uri"] for resource in resources)
    same("resources", uris, ["test://static-binary", "test://static-text", WATCHED])


async def list_templates(cell):
    templates, _ = await every(cell, "list_resource_templates", "resourceTemplates")
    found = [(template["uriTemplate"], template["mimeType"]) for template in templates]
    same("templates", found, [("test://template/{id}/data", "application/json")])


async def text(cell):
    result = await call(cell, "test_simple_text")
    same("content", result["content"], [{"type": "text", "text": "This is a simple text response for testing."}])
    same("error", result.get("isError", False), False)


async def long_text(cell):
    person = {"name": 'ö"\n' * 50_000, "email": "ada@example.org", "contactMethod": "email"}
    result = (await call(cell, "json_schema_2020_12_tool", person))["content"][0]["text"]
    same("the person came back", json.loads(result.removeprefix("Reached: ")) == person, True)


async def structured(cell):
    result = await call(cell, "test_structured_content", {"a": 19, "b": 23})
    same("structure", result.get("structuredContent"), {"sum": 42} if cell.revision >= "2025-06-18" else None)
    same("text", json.loads(result["content"][0]["text"]), {"sum": 42})


async def image(cell):
    result = await call(cell, "test_image_content")
    same("content", result["content"], [{"type": "image", "mimeType": "image/png", "data": PNG}])


async def audio(cell):
    content = (await call(cell, "test_audio_content"))["content"]
    if cell.revision >= "2025-03-26":
        same("content", content, [{"type": "audio", "mimeType": "audio/wav", "data": WAV}])
    else:
        # A revision without audio must still get something that it can read.
        same("type", content[0]["type"] in ("text", "resource"), True)


async def embedded_resource(cell):
    resource = (await call(cell, "test_embedded_resource"))["content"][0]["resource"]
    expected = ["test://embedded-resource", "This is an embedded resource content."]
    same("content", [resource["uri"], resource["text"]], expected)


async def header(cell):
    value = "Grüße, =?base64?x?="
    result = await call(cell, "test_custom_header", {"value": value})
    same("text", result["content"][0]["text"], value)


async def tool_error(cell):
    result = await call(cell, "test_error_handling")
    same("error", result["isError"], True)
    same("text", result["content"][0]["text"], "This tool intentionally returns an error for testing")


async def wrong_arguments(cell):
    try:
        result = await call(cell, "test_structured_content", {"a": "nineteen", "b": 23})
    except MCPError as error:
        same("code", error.code, INVALID_PARAMS)
        return
    # Since 2025-11-25 the model is to see what is wrong with its arguments, and so it is a result.
    same("error", result["isError"], True)
    same("the argument is named", "/a" in result["content"][0]["text"], True)


async def unknown_tool(cell):
    await refused(INVALID_PARAMS, call(cell, "no_such_tool"))


async def read_text(cell):
    contents = plain(await cell.client.read_resource("test://static-text"))["contents"]
    expected = "This is the content of the static text resource."
    same("contents", contents, [{"uri": "test://static-text", "mimeType": "text/plain", "text": expected}])


async def read_bytes(cell):
    contents = plain(await cell.client.read_resource("test://static-binary"))["contents"]
    same("contents", contents, [{"uri": "test://static-binary", "mimeType": "image/png", "blob": PNG}])


async def read_template(cell):
    uri = "test://template/a%20b/data"
    contents = plain(await cell.client.read_resource(uri))["contents"]
    same("address", contents[0]["uri"], uri)
    same("text", json.loads(contents[0]["text"]), {"id": "a b", "templateTest": True, "data": "Data for ID: a b"})


async def read_unknown(cell):
    code = INVALID_PARAMS if cell.is_stateless else RESOURCE_NOT_FOUND
    await refused(code, cell.client.read_resource("test://absent"))


async def prompt(cell):
    result = plain(await cell.client.get_prompt("test_prompt_with_arguments", {"arg1": "one", "arg2": "two"}))
    expected = "Prompt with arguments: arg1='one', arg2='two'"
    same("messages", result["messages"], [{"role": "user", "content": {"type": "text", "text": expected}}])


async def prompt_with_image(cell):
    messages = plain(await cell.client.get_prompt("test_prompt_with_image"))["messages"]
    expected = [
        {"type": "image", "mimeType": "image/png", "data": PNG},
        {"type": "text", "text": "Please analyze the image above."},
    ]
    same("content", [message["content"] for message in messages], expected)


async def unknown_prompt(cell):
    await refused(INVALID_PARAMS, cell.client.get_prompt("no_such_prompt"))


async def completion(cell):
    ref = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
    result = await cell.client.complete(ref, {"name": "arg1", "value": "par"})
    same("values", result.completion.values, ["paris", "park", "party"])


async def progress(cell):
    told = []

    async def note(progress, total, _message):
        told.append((progress, total))

    result = plain(await cell.client.call_tool("test_tool_with_progress", {}, progress_callback=note))
    same("text", result["content"][0]["text"], "Progress was told.")
    same("progress", told, [(0, 100), (50, 100), (100, 100)])


async def cancellation(cell):
    async with anyio.create_task_group() as group:
        group.start_soon(call, cell, "test_waiting")
        begun = await call(cell, "test_waiting_ended", {"begun": 1, "ended": 0})
        same("before", begun["content"][0]["text"], "begun 1, ended 0")
        asked = anyio.current_time()
        group.cancel_scope.cancel()
    same("the call ends at once", anyio.current_time() - asked < PROMPTLY, True)
    with anyio.fail_after(PROMPTLY):
        ended = await call(cell, "test_waiting_ended", {"begun": 1, "ended": 1})
    same("after", ended["content"][0]["text"], "begun 1, ended 1")


async def resumed(cell):
    result = await call(cell, "test_reconnection")
    same("text", result["content"][0]["text"], "The client came back for this.")


async def logging(cell):
    meta = None
    if cell.is_stateless:
        await call(cell, "test_tool_with_logging")
        same("logs that nobody asked for", cell.answers.of("log"), [])
        meta = {"io.modelcontextprotocol/logLevel": "info"}
    else:
        await cell.client.set_logging_level("error")
        await call(cell, "test_tool_with_logging")
        same("logs below the level", cell.answers.of("log"), [])
        await cell.client.set_logging_level("info")
    await cell.client.call_tool("test_tool_with_logging", {}, meta=meta)
    await cell.answers.until("log", 3)
    steps = ["Tool execution started", "Tool processing data", "Tool execution completed"]
    same("logs", cell.answers.of("log"), [["info", step] for step in steps])


async def form_accepted(cell):
    await answered(cell, "Who is it?", "accept", {"username": "ada", "email": "ada@example.org"})


async def form_declined(cell):
    await answered(cell, "Say no.", "decline", None)


async def answered(cell, question, action, expected):
    before = len(cell.answers.of("form"))
    result = (await call(cell, "test_elicitation", {"message": question}))["content"][0]["text"]
    start, content = result.split(", content=", 1)
    same("action", start, f"User response: action={action}")
    same("content", json.loads(content), expected)
    asked = cell.answers.of("form")[before:]
    same("questions", [form["message"] for form in asked], [question])
    same("field", asked[0]["requestedSchema"]["properties"]["email"]["type"], "string")


async def form_refused(cell):
    """In a revision without forms the call fails at once, whatever the client says that it can do."""
    await refused(MISSING_CAPABILITY, call(cell, "test_elicitation", {"message": "Who is it?"}))
    same("questions", cell.answers.of("form"), [])


async def one_by_one(cell):
    result = await call(cell, "test_input_required_result_multi_round")
    same("text", result["content"][0]["text"], "Ada likes green")


async def at_once(cell):
    result = await call(cell, "test_input_required_result_multiple_inputs")
    same("text", result["content"][0]["text"], "Paris Ada, 2 roots")


async def prompt_asks(cell):
    result = plain(await cell.client.get_prompt("test_input_required_result_prompt"))
    same("text", result["messages"][0]["content"]["text"], "Use this context: the sea")


async def sampling(cell):
    result = await call(cell, "test_sampling", {"prompt": "The capital of France?"})
    same("text", result["content"][0]["text"], "LLM response: Paris")
    asked = cell.answers.of("sampling")[-1]["messages"][0]["content"]
    same("question", (asked[0] if isinstance(asked, list) else asked)["text"], "The capital of France?")


async def roots(cell):
    result = await call(cell, "test_input_required_result_list_roots")
    same("text", result["content"][0]["text"], "file:///first\nfile:///second")


async def subscribe(cell):
    await cell.client.subscribe_resource(WATCHED)
    await call(cell, "test_trigger_resource_update")
    await cell.answers.until("updated", 1)
    await cell.client.unsubscribe_resource(WATCHED)
    await call(cell, "test_trigger_resource_update")
    # Over standard streams, what was told before the answer to a later request has arrived by then.
    await call(cell, "test_simple_text")
    same("updates", cell.answers.of("updated"), [WATCHED])


async def list_changed(cell):
    await call(cell, "test_trigger_tool_change")
    await cell.answers.until("tools changed", 1)


async def listen_resource(cell):
    async with cell.client.listen(resource_subscriptions=[WATCHED]) as stream:
        same("what is granted", plain(stream.honored), {"resourceSubscriptions": [WATCHED]})
        await call(cell, "test_trigger_resource_update")
        same("event", await anext(aiter(stream)), ResourceUpdated(uri=WATCHED))


async def listen_tools(cell):
    async with cell.client.listen(tools_list_changed=True) as stream:
        same("what is granted", plain(stream.honored), {"toolsListChanged": True})
        await call(cell, "test_trigger_tool_change")
        same("event", await anext(aiter(stream)), ToolsListChanged())


async def ping(cell):
    same("answer", plain(await cell.client.send_ping()), {})


async def two_clients(cell):
    """Both clients call at the same time; each gets its own answers and its own progress."""

    async def sum_of(cell, who, number):
        result = await call(cell, "test_structured_content", {"a": who * 1000, "b": number})
        same("sum", json.loads(result["content"][0]["text"]), {"sum": who * 1000 + number})

    async with cell.another() as other:
        async with anyio.create_task_group() as group:
            for who, one in enumerate([cell, other]):
                group.start_soon(progress, one)
                for number in range(10):
                    group.start_soon(sum_of, one, who, number)
    await text(cell)


async def restarted(cell, server):
    """The session is gone with the server: its client is told so at once, and can connect anew."""
    async with cell.another() as other:
        await text(other)
        await server.restart()
        if cell.is_stateless:
            await text(other)
            return
        try:
            await text(other)
        except MCPError as error:
            same("message", error.message, "session not found")
        else:
            raise AssertionError("a result of a session that is gone")
    async with cell.another() as anew:
        await text(anew)


async def call(cell, name, arguments=None):
    return plain(await cell.client.call_tool(name, arguments or {}))


async def refused(code, call):
    try:
        result = await call
    except MCPError as error:
        same("code", error.code, code)
        return
    raise AssertionError(f"{result!r} instead of a refusal")


def same(what, got, expected):
    """Compares, and says both sides where they differ."""
    if got != expected:
        raise AssertionError(f"{what}: {got!r} instead of {expected!r}")
