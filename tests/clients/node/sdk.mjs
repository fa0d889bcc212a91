// The SDK's first major version, which speaks the revisions with a handshake.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
    CreateMessageRequestSchema,
    ElicitRequestSchema,
    ListRootsRequestSchema,
    LoggingMessageNotificationSchema,
    ResourceUpdatedNotificationSchema,
    ToolListChangedNotificationSchema
} from '@modelcontextprotocol/sdk/types.js';

import { Told, completion, form, roots } from './answers.mjs';
import { same } from './report.mjs';
import { child } from './server.mjs';

export const NAME = '@modelcontextprotocol/sdk 1.32.2';

/** Connects in a revision: to the URL, or to a process of its own where there is none. */
export async function open({ everything, url, revision }) {
    const told = new Told();
    const sent = {};
    const capabilities = { roots: {}, sampling: {}, elicitation: {} };
    const client = new Client({ name: 'sdk', version: '1.32.2' }, { capabilities });
    answer(client, told);
    const transport = url ? new StreamableHTTPClientTransport(new URL(url)) : new StdioClientTransport(child(everything));
    let negotiated;
    const send = transport.send.bind(transport);
    transport.send = (message, options) => {
        if (message.method) sent[message.method] = (sent[message.method] ?? 0) + 1;
        // The client always asks for its newest revision and has no setting for another.
        if (message.method === 'initialize') message.params.protocolVersion = revision;
        return send(message, options);
    };
    const setProtocolVersion = transport.setProtocolVersion?.bind(transport);
    transport.setProtocolVersion = version => {
        negotiated = version;
        setProtocolVersion?.(version);
    };
    await client.connect(transport);
    return {
        client,
        told,
        sent,
        revision,
        isStateless: false,
        negotiated: () => negotiated,
        call: (params, options) => client.callTool(params, undefined, options),
        all: list => all(client, list),
        absent: error => same('code', error.code, -32002),
        sessionGone: error => same('status', error.code, 404),
        another: () => open({ everything, url, revision }),
        end: async () => {
            if (url) await transport.terminateSession();
            await client.close();
        }
    };
}

function answer(client, told) {
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
        told.note('sampling', params);
        return completion;
    });
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
        told.note('form', params);
        return form(params);
    });
    client.setRequestHandler(ListRootsRequestSchema, () => roots);
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
        told.note('log', [params.level, params.data]);
    });
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => told.note('updated', params.uri));
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => told.note('tools changed'));
}

/** Every page of a list. */
async function all(client, list) {
    const method = { tools: 'listTools', prompts: 'listPrompts', resources: 'listResources' }[list] ?? 'listResourceTemplates';
    const items = [];
    let cursor;
    do {
        const page = await client[method](cursor === undefined ? undefined : { cursor });
        items.push(...page[list]);
        cursor = page.nextCursor;
    } while (cursor !== undefined);
    return items;
}
