// What the clients answer to the server's questions, and what they were told without having asked.

const FIELDS = { username: 'ada', email: 'ada@example.org', name: 'Ada', color: 'green', context: 'the sea' };

/** Forms whose question says "no" are declined; in all others each known field is filled in. */
export function form(params) {
    if (params.message.includes('no')) return { action: 'decline' };
    const fields = Object.keys(params.requestedSchema.properties);
    const content = Object.fromEntries(fields.filter(name => name in FIELDS).map(name => [name, FIELDS[name]]));
    return { action: 'accept', content };
}

export const completion = {
    role: 'assistant',
    content: { type: 'text', text: 'Paris' },
    model: 'model-of-the-client',
    stopReason: 'endTurn'
};

export const roots = { roots: [{ uri: 'file:///first' }, { uri: 'file:///second' }] };

/** Notifications in the order in which they came. */
export class Told {
    #all = [];
    #waiting = [];

    note(kind, what) {
        this.#all.push([kind, what]);
        this.#waiting = this.#waiting.filter(({ kind, count, resolve }) => {
            const enough = this.of(kind).length >= count;
            if (enough) resolve();
            return !enough;
        });
    }

    of(kind) {
        return this.#all.filter(([of]) => of === kind).map(([, what]) => what);
    }

    /** Waits until there are that many of a kind. */
    async until(kind, count) {
        if (this.of(kind).length >= count) return;
        await new Promise(resolve => this.#waiting.push({ kind, count, resolve }));
    }
}
