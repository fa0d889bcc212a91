// What came of each check, a line each on standard output: client, revision, transport, what, word and why.

import { isDeepStrictEqual } from 'node:util';

/** The longest that any check may take on a busy machine, in milliseconds. */
const LONGEST = 30_000;

/** The lines of one client in one revision over one transport. */
export class Report {
    failed = false;

    constructor(client, revision, transport) {
        this.cell = [client, revision, transport];
    }

    /** Runs one check; one that does not end has failed. */
    async check(what, check) {
        try {
            await soon(check(), LONGEST);
            this.#line(what, 'ok', '');
        } catch (error) {
            this.failed = true;
            this.#line(what, 'FAIL', error?.message ?? String(error));
        }
    }

    skip(what, why) {
        this.#line(what, 'skip', why);
    }

    #line(what, word, why) {
        console.log([...this.cell, what, word, why.replaceAll(/\s+/g, ' ')].join('\t'));
    }
}

/** The promise's value, or an error after that many milliseconds. */
export async function soon(promise, limit) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no end within ${limit} ms`)), limit);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}

/** Compares, and says both sides where they differ. */
export function same(what, got, expected) {
    if (!isDeepStrictEqual(got, expected)) {
        throw new Error(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(expected)}`);
    }
}

/** The error that a promise ends with. */
export async function refusal(promise) {
    let value;
    try {
        value = await promise;
    } catch (error) {
        return error;
    }
    throw new Error(`${JSON.stringify(value)} instead of a refusal`);
}
