// The client of the SDK's second major version, which speaks both eras.

import { Client, ResourceNotFoundError, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

import { Told, completion, form, roots } from './answers.mjs';
import { same } from './report.mjs';
import { child } from './server.mjs';

export const NAME = '@modelcontextprotocol/client 2.4.0';

/** Connects in a revision: to the URL, or to a process of its own where there is none. */
export async function open(place) {
    const mode = place.revision >= '2026-07-28' ? { pin: place.revision } : 'legacy';
    return connect(place, { supportedProtocolVersions: [place.revision], versionNegotiation: { mode } });
}

async function connect({ everything, url, revision }, negotiation) {
    const isStateless = revision >= '2026-07-28';
    const told = new Told();
    const sent = {};
    const client = new Client(
        { name: 'client', version: '2.4.0' },
        { capabilities: { roots: {}, sampling: {}, elicitation: {} }, ...negotiation }
    );
    answer(client, told);
    const transport = url ? new StreamableHTTPClientTransport(new URL(url)) : new StdioClientTransport(child(everything));
    const send = transport.send.bind(transport);
    transport.send = (message, options) => {
        if (message.method) sent[message.method] = (sent[message.method] ?? 0) + 1;
        return send(message, options);
    };
    await client.connect(transport);
    return {
        client,
        told,
        sent,
        revision,
        isStateless,
        negotiated: () => client.getNegotiatedProtocolVersion(),
        call: (params, options) => client.callTool(params, options),
        all: async list => {
            const lists = { tools: 'listTools', prompts: 'listPrompts', resources: 'listResources' };
            return (await client[lists[list] ?? 'listResourceTemplates']())[list];
        },
        listen: filter => client.listen(filter),
        // Both codes of a resource that is not there, the older -32002 too, become this error.
        absent: error => same('error', [error instanceof ResourceNotFoundError, error.uri], [true, 'test://absent']),
        sessionGone: error => same('status', error.status, 404),
        choosing: () => connect({ everything, url, revision }, { versionNegotiation: { mode: 'auto' } }),
        older: () => open({ everything, url, revision: '2025-11-25' }),
        another: () => open({ everything, url, revision }),
        end: async () => {
            if (url && !isStateless) await transport.terminateSession();
            await client.close();
        }
    };
}

function answer(client, told) {
    client.setRequestHandler('sampling/createMessage', ({ params }) => {
        told.note('sampling', params);
        return completion;
    });
    client.setRequestHandler('elicitation/create', ({ params }) => {
        told.note('form', params);
        return form(params);
    });
    client.setRequestHandler('roots/list', () => roots);
    client.setNotificationHandler('notifications/message', ({ params }) => told.note('log', [params.level, params.data]));
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => told.note('updated', params.uri));
    client.setNotificationHandler('notifications/tools/list_changed', () => told.note('tools changed'));
}
