// The Inspector's command line against the `everything` example: `node inspector.mjs EVERYTHING REVISION...`.
//
// It names eras, not revisions: "legacy" asks for the newest revision with a handshake, "modern" for the newest without.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Report, same } from './report.mjs';
import { PAGE, listening } from './server.mjs';

const NAME = '@modelcontextprotocol/inspector 2.12.0';
const ERAS = { '2025-11-25': 'legacy', '2026-07-28': 'modern' };
const SCRIPT = fileURLToPath(import.meta.resolve('@modelcontextprotocol/inspector/clients/launcher/build/index.js'));

const [everything, ...revisions] = process.argv.slice(2);
// It keeps its files in the home folder of whoever runs it.
const home = await mkdtemp(join(tmpdir(), 'inspector-'));

for (const revision of revisions) {
    const era = ERAS[revision];
    const [stdio, http] = ['stdio', 'http'].map(transport => new Report(NAME, revision, transport));
    if (era === undefined) {
        for (const report of [stdio, http]) report.skip('everything', 'it has no setting for this revision');
        continue;
    }
    const server = await listening(everything);
    await Promise.all([
        run(stdio, ['--protocol-era', era, everything, '--stdio']),
        run(http, ['--protocol-era', era, '--transport', 'http', '--server-url', server.url])
    ]);
    server.stop();
    if (stdio.failed || http.failed) process.exitCode = 1;
}
await rm(home, { recursive: true });

async function run(report, target) {
    const ask = async (...method) => {
        const [code, answer] = await inspect([...target, '--method', ...method]);
        same('exit code', code, 0);
        return answer.result;
    };
    await report.check('list tools', async () => {
        const { tools } = await ask('tools/list');
        same('number of tools', tools.length, 32);
        same('tools that are listed once', new Set(tools.map(({ name }) => name)).size, 32);
    });
    await report.check('list prompts', async () => {
        const { prompts } = await ask('prompts/list');
        same('number of prompts', prompts.length, 5);
    });
    await report.check('list resources', async () => {
        const uris = (await ask('resources/list')).resources.map(({ uri }) => uri).sort();
        same('resources', uris, ['test://static-binary', 'test://static-text', 'test://watched-resource']);
    });
    await report.check('list templates', async () => {
        const { resourceTemplates } = await ask('resources/templates/list');
        same('templates', resourceTemplates.map(({ uriTemplate }) => uriTemplate), ['test://template/{id}/data']);
    });
    await report.check('text', async () => {
        const { content } = await ask('tools/call', '--tool-name', 'test_simple_text');
        same('content', content, [{ type: 'text', text: 'This is a simple text response for testing.' }]);
    });
    await report.check('structured', async () => {
        const pairs = ['--tool-arg', 'a=19', '--tool-arg', 'b=23'];
        const { structuredContent } = await ask('tools/call', '--tool-name', 'test_structured_content', ...pairs);
        same('structure', structuredContent, { sum: 42 });
    });
    await report.check('argument in a header', async () => {
        const value = 'Grüße, =?base64?x?=';
        const { content } = await ask('tools/call', '--tool-name', 'test_custom_header', '--tool-arg', `value=${value}`);
        same('text', content[0].text, value);
    });
    await report.check('error of a tool', async () => {
        const [code, { result, error }] = await inspect([
            ...target, '--method', 'tools/call', '--tool-name', 'test_error_handling'
        ]);
        same('codes', [code, error.code, result.isError], [5, 'tool_is_error', true]);
        same('text', result.content[0].text, 'This tool intentionally returns an error for testing');
    });
    await report.check('unknown tool', async () => {
        const [code, { error }] = await inspect([...target, '--method', 'tools/call', '--tool-name', 'no_such_tool']);
        same('codes', [code, error.code], [5, 'tool_not_found']);
    });
    await report.check('read text', async () => {
        const { contents } = await ask('resources/read', '--uri', 'test://static-text');
        const text = 'This is the content of the static text resource.';
        same('contents', contents, [{ uri: 'test://static-text', mimeType: 'text/plain', text }]);
    });
    await report.check('read template', async () => {
        const { contents } = await ask('resources/read', '--uri', 'test://template/7/data');
        same('text', JSON.parse(contents[0].text), { id: '7', templateTest: true, data: 'Data for ID: 7' });
    });
    await report.check('read unknown', async () => {
        const [code, { error }] = await inspect([...target, '--method', 'resources/read', '--uri', 'test://absent']);
        same('exit code', code, 1);
        same('message', /resource not found/i.test(error.message), true);
    });
    await report.check('prompt', async () => {
        const pairs = ['--prompt-args', 'arg1=one', '--prompt-args', 'arg2=two'];
        const { messages } = await ask('prompts/get', '--prompt-name', 'test_prompt_with_arguments', ...pairs);
        const text = "Prompt with arguments: arg1='one', arg2='two'";
        same('messages', messages, [{ role: 'user', content: { type: 'text', text } }]);
    });
}

/** Runs it once: its exit code, and what it wrote as JSON, the answer and the error in one object. */
function inspect(words) {
    const options = ['--cli', '--quiet', '--format', 'json', '-e', `PAGE=${PAGE}`];
    const env = { PATH: process.env.PATH, HOME: home, MCP_CATALOG_PATH: join(home, 'catalog.json') };
    return new Promise((resolve, reject) => {
        execFile(process.execPath, [SCRIPT, ...options, ...words], { env }, (problem, stdout, stderr) => {
            try {
                const written = [stdout, stderr].filter(text => text.trim() !== '').map(text => JSON.parse(text));
                resolve([problem?.code ?? 0, Object.assign({}, ...written)]);
            } catch {
                reject(new Error(`not JSON: ${stdout}${stderr}`));
            }
        });
    });
}
