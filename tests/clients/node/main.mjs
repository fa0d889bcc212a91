// One client against the `everything` example: `node main.mjs sdk|client EVERYTHING REVISION...`.

import { run } from './checks.mjs';
import { Report } from './report.mjs';
import { listening } from './server.mjs';

const [which, everything, ...revisions] = process.argv.slice(2);
const { NAME, open } = await import(`./${which}.mjs`);

for (const revision of revisions) {
    for (const transport of ['stdio', 'http']) {
        const report = new Report(NAME, revision, transport);
        const server = transport === 'http' ? await listening(everything) : undefined;
        let cell;
        await report.check('connection', async () => {
            cell = await open({ everything, url: server?.url, revision });
        });
        if (cell) await run({ ...cell, restart: server?.restart }, report);
        server?.stop();
        if (report.failed) process.exitCode = 1;
    }
}
// A failed check may have left a connection open, which would keep this process.
process.exit();
