// What each client does with each server, and what must come of it.
//
// `cell` is one revision over one transport: `client`, with the methods that both SDKs have, `told`, `sent` (how many
// requests of each method went out), `revision`, `isStateless`, `call(params, options)`, `all(list)`, `listen(filter)`,
// `absent(error)`, `another()`, `restart()` where a server listens, `sessionGone(error)` and `end()`; a client that speaks
// both eras also has `choosing()`, which connects without saying how, and `older()`, which connects with a handshake.

import { isDeepStrictEqual } from 'node:util';

import { refusal, same, soon } from './report.mjs';

export async function run(cell, report) {
    const has = first => cell.revision >= first;
    const check = (what, check) => report.check(what, () => check(cell));
    await check('handshake', handshake);
    if (cell.choosing && cell.isStateless) await check('era chosen', eraChosen);
    await check('list tools', listTools);
    await check('list prompts', listPrompts);
    await check('list resources', listResources);
    await check('list templates', listTemplates);
    await check('text', text);
    await check('long text', longText);
    await check('structured', structured);
    await check('image', image);
    await check('audio', audio);
    await check('embedded resource', embeddedResource);
    await check('argument in a header', header);
    await check('error of a tool', toolError);
    await check('wrong arguments', wrongArguments);
    await check('unknown tool', unknownTool);
    await check('read text', readText);
    await check('read bytes', readBytes);
    await check('read template', readTemplate);
    await check('read unknown', readUnknown);
    await check('prompt', prompt);
    await check('prompt with image', promptWithImage);
    await check('unknown prompt', unknownPrompt);
    await check('completion', completion);
    await check('progress', progress);
    await check('cancellation', cancellation);
    await check('stream resumed', resumed);
    await check('logging', logging);
    const forms = {
        'form accepted': formAccepted,
        'form declined': formDeclined,
        'questions one by one': oneByOne,
        'questions at once': atOnce,
        'question of a prompt': promptAsks
    };
    if (!has('2025-06-18')) await check('form refused', formRefused);
    for (const [what, form] of Object.entries(forms)) {
        if (has('2025-06-18')) await check(what, form);
        else report.skip(what, 'the revision has no forms');
    }
    await check('sampling', sampling);
    await check('roots', roots);
    await check('resource updated', cell.isStateless ? listenResource : subscribe);
    await check('list changed', cell.isStateless ? listenTools : listChanged);
    if (cell.isStateless) report.skip('ping', 'the revision has no ping');
    else await check('ping', ping);
    await check('two clients', twoClients);
    if (cell.older && cell.isStateless) await check('two eras', twoEras);
    await check('end', end);
    if (cell.restart) await check('server restarted', restarted);
}

async function handshake({ client, revision, negotiated }) {
    same('revision', negotiated(), revision);
    same('name', client.getServerVersion().name, 'everything');
    const capabilities = client.getServerCapabilities();
    for (const name of ['tools', 'prompts', 'resources', 'logging']) same(name, typeof capabilities[name], 'object');
    // Completions became a capability in 2025-03-26.
    if (revision >= '2025-03-26') same('completions', typeof capabilities.completions, 'object');
    same('tools change', capabilities.tools.listChanged, true);
    same('subscriptions', capabilities.resources.subscribe, true);
}

async function eraChosen({ choosing, revision }) {
    const other = await choosing();
    same('revision', other.negotiated(), revision);
    await text(other);
    await other.end();
}

async function listTools(cell) {
    const tools = await cell.all('tools');
    same('requests', cell.sent['tools/list'], 7);
    same('number of tools', tools.length, 32);
    same('tools that are listed once', new Set(tools.map(({ name }) => name)).size, 32);
    const { inputSchema, outputSchema } = tools.find(({ name }) => name === 'test_structured_content');
    same('type of an argument', inputSchema.properties.a.type, 'integer');
    same('required', inputSchema.required, ['a', 'b']);
    same('schema of the answer', outputSchema?.properties.sum.type, cell.revision >= '2025-06-18' ? 'integer' : undefined);
}

async function listPrompts({ all }) {
    const prompts = await all('prompts');
    same('prompts', prompts.map(({ name }) => name).sort(), [
        'test_input_required_result_prompt',
        'test_prompt_with_arguments',
        'test_prompt_with_embedded_resource',
        'test_prompt_with_image',
        'test_simple_prompt'
    ]);
    const [first] = prompts.find(({ name }) => name === 'test_prompt_with_arguments').arguments;
    same('argument', [first.name, first.required], ['arg1', true]);
}

async function listResources({ all }) {
    const uris = (await all('resources')).map(({ uri }) => uri).sort();
    same('resources', uris, ['test://static-binary', 'test://static-text', WATCHED]);
}

async function listTemplates({ all }) {
    const templates = await all('resourceTemplates');
    const found = templates.map(({ uriTemplate, mimeType }) => [uriTemplate, mimeType]);
    same('templates', found, [['test://template/{id}/data', 'application/json']]);
}

async function text({ call }) {
    const result = await call({ name: 'test_simple_text', arguments: {} });
    same('content', result.content, [{ type: 'text', text: 'This is a simple text response for testing.' }]);
    same('error', result.isError ?? false, false);
}

async function longText({ call }) {
    const person = { name: 'ö"\n'.repeat(50_000), email: 'ada@example.org', contactMethod: 'email' };
    const { content } = await call({ name: 'json_schema_2020_12_tool', arguments: person });
    const text = content[0].text.slice('Reached: '.length);
    same('the person came back', isDeepStrictEqual(JSON.parse(text), person), true);
}

async function structured({ call, revision }) {
    const result = await call({ name: 'test_structured_content', arguments: { a: 19, b: 23 } });
    same('structure', result.structuredContent, revision >= '2025-06-18' ? { sum: 42 } : undefined);
    same('text', JSON.parse(result.content[0].text), { sum: 42 });
}

async function image({ call }) {
    const { content } = await call({ name: 'test_image_content', arguments: {} });
    same('content', content, [{ type: 'image', mimeType: 'image/png', data: PNG }]);
}

async function audio({ call, revision }) {
    const { content } = await call({ name: 'test_audio_content', arguments: {} });
    if (revision >= '2025-03-26') same('content', content, [{ type: 'audio', mimeType: 'audio/wav', data: WAV }]);
    // A revision without audio must still get something that it can read.
    else same('type', ['text', 'resource'].includes(content[0].type), true);
}

async function embeddedResource({ call }) {
    const [{ type, resource }] = (await call({ name: 'test_embedded_resource', arguments: {} })).content;
    const expected = ['resource', 'test://embedded-resource', 'This is an embedded resource content.'];
    same('content', [type, resource.uri, resource.text], expected);
}

async function header({ call }) {
    const value = 'Grüße, =?base64?x?=';
    const { content } = await call({ name: 'test_custom_header', arguments: { value } });
    same('text', content[0].text, value);
}

async function toolError({ call }) {
    const { isError, content } = await call({ name: 'test_error_handling', arguments: {} });
    same('error', isError, true);
    same('text', content[0].text, 'This tool intentionally returns an error for testing');
}

async function wrongArguments({ call }) {
    let result;
    try {
        result = await call({ name: 'test_structured_content', arguments: { a: 'nineteen', b: 23 } });
    } catch (error) {
        same('code', error.code, INVALID_PARAMS);
        return;
    }
    // Since 2025-11-25 the model is to see what is wrong with its arguments, and so it is a result.
    same('error', result.isError, true);
    same('the argument is named', result.content[0].text.includes('/a'), true);
}

async function unknownTool({ call }) {
    const error = await refusal(call({ name: 'no_such_tool', arguments: {} }));
    same('code', error.code, INVALID_PARAMS);
}

async function readText({ client }) {
    const { contents } = await client.readResource({ uri: 'test://static-text' });
    const text = 'This is the content of the static text resource.';
    same('contents', contents, [{ uri: 'test://static-text', mimeType: 'text/plain', text }]);
}

async function readBytes({ client }) {
    const { contents } = await client.readResource({ uri: 'test://static-binary' });
    same('contents', contents, [{ uri: 'test://static-binary', mimeType: 'image/png', blob: PNG }]);
}

async function readTemplate({ client }) {
    const uri = 'test://template/a%20b/data';
    const { contents } = await client.readResource({ uri });
    same('address', contents[0].uri, uri);
    same('text', JSON.parse(contents[0].text), { id: 'a b', templateTest: true, data: 'Data for ID: a b' });
}

async function readUnknown({ client, absent }) {
    absent(await refusal(client.readResource({ uri: 'test://absent' })));
}

async function prompt({ client }) {
    const asked = { name: 'test_prompt_with_arguments', arguments: { arg1: 'one', arg2: 'two' } };
    const { messages } = await client.getPrompt(asked);
    const text = "Prompt with arguments: arg1='one', arg2='two'";
    same('messages', messages, [{ role: 'user', content: { type: 'text', text } }]);
}

async function promptWithImage({ client }) {
    const { messages } = await client.getPrompt({ name: 'test_prompt_with_image' });
    same('content', messages.map(({ content }) => content), [
        { type: 'image', mimeType: 'image/png', data: PNG },
        { type: 'text', text: 'Please analyze the image above.' }
    ]);
}

async function unknownPrompt({ client }) {
    const error = await refusal(client.getPrompt({ name: 'no_such_prompt' }));
    same('code', error.code, INVALID_PARAMS);
}

async function completion({ client }) {
    const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
    const { completion } = await client.complete({ ref, argument: { name: 'arg1', value: 'par' } });
    same('values', completion.values, ['paris', 'park', 'party']);
}

async function progress({ call }) {
    const told = [];
    const onprogress = ({ progress, total }) => told.push([progress, total]);
    const { content } = await call({ name: 'test_tool_with_progress', arguments: {} }, { onprogress });
    same('text', content[0].text, 'Progress was told.');
    same('progress', told, STEPS);
}

async function cancellation({ call }) {
    const controller = new AbortController();
    const waiting = refusal(call({ name: 'test_waiting', arguments: {} }, { signal: controller.signal }));
    const begun = await call({ name: 'test_waiting_ended', arguments: { begun: 1, ended: 0 } });
    same('before', begun.content[0].text, 'begun 1, ended 0');
    controller.abort('nobody waits');
    await soon(waiting, PROMPTLY);
    const ended = await soon(call({ name: 'test_waiting_ended', arguments: { begun: 1, ended: 1 } }), PROMPTLY);
    same('after', ended.content[0].text, 'begun 1, ended 1');
}

async function resumed({ call }) {
    const { content } = await call({ name: 'test_reconnection', arguments: {} });
    same('text', content[0].text, 'The client came back for this.');
}

async function logging({ call, client, told, isStateless }) {
    const wanted = { name: 'test_tool_with_logging', arguments: {} };
    if (isStateless) {
        await call(wanted);
        same('logs that nobody asked for', told.of('log'), []);
        wanted._meta = { 'io.modelcontextprotocol/logLevel': 'info' };
    } else {
        await client.setLoggingLevel('error');
        await call(wanted);
        same('logs below the level', told.of('log'), []);
        await client.setLoggingLevel('info');
    }
    await call(wanted);
    await told.until('log', 3);
    const steps = ['Tool execution started', 'Tool processing data', 'Tool execution completed'];
    same('logs', told.of('log'), steps.map(step => ['info', step]));
}

async function formAccepted(cell) {
    await answered(cell, 'Who is it?', 'accept', { username: 'ada', email: 'ada@example.org' });
}

async function formDeclined(cell) {
    await answered(cell, 'Say no.', 'decline', null);
}

async function answered({ call, told }, message, action, expected) {
    const before = told.of('form').length;
    const { content } = await call({ name: 'test_elicitation', arguments: { message } });
    const [, did, form] = /^User response: action=(\w+), content=(.*)$/.exec(content[0].text);
    same('action', did, action);
    same('content', JSON.parse(form), expected);
    const asked = told.of('form').slice(before);
    same('questions', asked.map(({ message }) => message), [message]);
    same('field', asked[0].requestedSchema.properties.email.type, 'string');
}

/** In a revision without forms the call fails at once, whatever the client says that it can do. */
async function formRefused({ call, told }) {
    const error = await refusal(call({ name: 'test_elicitation', arguments: { message: 'Who is it?' } }));
    same('code', error.code, MISSING_CAPABILITY);
    same('questions', told.of('form'), []);
}

async function oneByOne({ call }) {
    const { content } = await call({ name: 'test_input_required_result_multi_round', arguments: {} });
    same('text', content[0].text, 'Ada likes green');
}

async function atOnce({ call }) {
    const { content } = await call({ name: 'test_input_required_result_multiple_inputs', arguments: {} });
    same('text', content[0].text, 'Paris Ada, 2 roots');
}

async function promptAsks({ client }) {
    const { messages } = await client.getPrompt({ name: 'test_input_required_result_prompt' });
    same('text', messages[0].content.text, 'Use this context: the sea');
}

async function sampling({ call, told }) {
    const { content } = await call({ name: 'test_sampling', arguments: { prompt: 'The capital of France?' } });
    same('text', content[0].text, 'LLM response: Paris');
    const asked = told.of('sampling').at(-1).messages[0].content;
    same('question', [asked].flat()[0].text, 'The capital of France?');
}

async function roots({ call }) {
    const { content } = await call({ name: 'test_input_required_result_list_roots', arguments: {} });
    same('text', content[0].text, 'file:///first\nfile:///second');
}

async function subscribe({ call, client, told }) {
    await client.subscribeResource({ uri: WATCHED });
    await call({ name: 'test_trigger_resource_update', arguments: {} });
    await told.until('updated', 1);
    await client.unsubscribeResource({ uri: WATCHED });
    await call({ name: 'test_trigger_resource_update', arguments: {} });
    // Over standard streams, what was told before the answer to a later request has arrived by then.
    await call({ name: 'test_simple_text', arguments: {} });
    same('updates', told.of('updated'), [WATCHED]);
}

async function listChanged({ call, told }) {
    await call({ name: 'test_trigger_tool_change', arguments: {} });
    await told.until('tools changed', 1);
}

async function listenResource({ call, listen, told }) {
    const stream = await listen({ resourceSubscriptions: [WATCHED] });
    same('what is granted', stream.honoredFilter, { resourceSubscriptions: [WATCHED] });
    await call({ name: 'test_trigger_resource_update', arguments: {} });
    await told.until('updated', 1);
    await stream.close();
    same('how it ended', await stream.closed, 'local');
    same('updates', told.of('updated'), [WATCHED]);
}

async function listenTools({ call, listen, told }) {
    const stream = await listen({ toolsListChanged: true });
    same('what is granted', stream.honoredFilter, { toolsListChanged: true });
    await call({ name: 'test_trigger_tool_change', arguments: {} });
    await told.until('tools changed', 1);
    await stream.close();
}

async function ping({ client }) {
    same('answer', await client.ping(), {});
}

/** Both clients call at the same time; each gets its own answers and its own progress. */
async function twoClients(cell) {
    await both(cell, await cell.another());
}

/** The same, with a client that has a session and one that has none. */
async function twoEras(cell) {
    await both(cell, await cell.older());
}

async function both(cell, other) {
    const pairs = [cell, other].map(async ({ call }, who) => {
        const sums = Array.from({ length: 10 }, async (_, number) => {
            const params = { name: 'test_structured_content', arguments: { a: who * 1000, b: number } };
            const { content } = await call(params);
            same('sum', JSON.parse(content[0].text), { sum: who * 1000 + number });
        });
        await Promise.all([...sums, progress({ call })]);
    });
    await Promise.all(pairs);
    await other.end();
    await text(cell);
}

async function end(cell) {
    await cell.end();
}

/** The session is gone with the server: its client is told so at once, and can connect anew. */
async function restarted({ another, restart, isStateless, sessionGone }) {
    const other = await another();
    await text(other);
    await restart();
    if (isStateless) return text(other);
    sessionGone(await refusal(text(other)));
    const anew = await another();
    await text(anew);
    await anew.end();
}

const INVALID_PARAMS = -32602;
const MISSING_CAPABILITY = -32021;
const WATCHED = 'test://watched-resource';
const STEPS = [[0, 100], [50, 100], [100, 100]];
/** What a cancelled call and its handler may take to end on a busy machine, in milliseconds. */
const PROMPTLY = 5000;
/** The picture of the example. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** The sound of the example. */
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA==';
