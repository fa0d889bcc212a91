// The `everything` example: as a process that listens on a free port, or as the command of a child process.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** How many items the pages of the server's lists have: few enough that each test walks over several. */
export const PAGE = '5';

/** What starts the example over standard streams. */
export function child(everything) {
    return { command: everything, args: ['--stdio'], env: { PAGE }, stderr: 'ignore' };
}

/** Starts the example on a free port; `stop` ends it, and `restart` starts another one at the same address. */
export async function listening(everything) {
    let server = await start(everything, '0');
    return {
        url: server.url,
        stop: () => server.process.kill(),
        restart: async () => {
            const ended = once(server.process, 'exit');
            server.process.kill('SIGKILL');
            await ended;
            server = await start(everything, new URL(server.url).port);
        }
    };
}

async function start(everything, PORT) {
    const process = spawn(everything, [], { env: { PAGE, PORT }, stdio: ['ignore', 'ignore', 'pipe'] });
    const lines = createInterface({ input: process.stderr });
    const url = await new Promise((resolve, reject) => {
        process.once('error', reject);
        process.once('exit', code => reject(new Error(`the server ended before it listened: ${code}`)));
        lines.on('line', line => {
            if (line.startsWith('listening on ')) {
                // With the name of this machine, as people write it.
                resolve(line.slice('listening on '.length).replace('127.0.0.1', 'localhost'));
            }
        });
    });
    return { process, url };
}
