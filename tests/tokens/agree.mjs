// Judges the tokens on standard input with jose: it must agree with mocopr on each.
import { createInterface } from "node:readline";
import { createLocalJWKSet, jwtVerify } from "jose";

let rows = 0;
let disagreements = 0;
for await (const line of createInterface({ input: process.stdin })) {
    const row = JSON.parse(line);
    rows += 1;
    let verdict = "refused";
    try {
        const { payload } = await jwtVerify(row.token, createLocalJWKSet(row.keys), {
            algorithms: [row.algorithm],
            issuer: row.issuer,
            audience: row.audience,
            clockTolerance: 30,
            requiredClaims: ["exp", "iss", "aud", "sub"],
        });
        if (payload.sub === "alice" && payload.scope === "notes:read notes:write") verdict = "accepted";
    } catch (error) {
        if (!error.code?.startsWith("ERR_J")) throw error;
    }
    if (verdict !== row.verdict) {
        disagreements += 1;
        console.log(`${row.algorithm}, ${row.name}: ${row.verdict} by mocopr, ${verdict} by jose`);
    }
}
console.log(`jose: ${rows} tokens, ${disagreements} disagreements`);
process.exit(disagreements > 0 || rows < 100 ? 1 : 0);
