// The `everything` example: as a process that listens on a free port, or as the command of a child process.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How many items the pages of the server's lists have: few enough that each test walks over several. */
export const PAGE = '5';

/** What starts the example over standard streams. */
export function child(everything) {
    return { command: everything, args: ['--stdio'], env: { PAGE }, stderr: 'ignore' };
}

/** Starts the example on a free port; `stop` ends it. */
export async function listening(everything) {
    const process = spawn(everything, [], { env: { PAGE, PORT: '0' }, stdio: ['ignore', 'ignore', 'pipe'] });
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
    return { url, stop: () => process.kill() };
}
