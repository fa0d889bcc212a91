// What a server of mocopr accepts and refuses of a real authorization server: `main.mjs SERVER` starts both, says each
// check in a line, and fails where any of them does not hold.
import { spawn } from "node:child_process";
import http from "node:http";
import { createInterface } from "node:readline";

import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";

import { asking, start } from "./authority.mjs";

const host = "mcp.example.com";
const url = `https://${host}/mcp`;
const elsewhere = "https://other.example.com/mcp";
let failures = 0;

function check(what, is, should) {
    const holds = JSON.stringify(is) === JSON.stringify(should);
    console.log(`${holds ? "ok  " : "FAIL"} ${what}${holds ? "" : `: ${JSON.stringify(is)}`}`);
    if (!holds) failures++;
}

const authority = await start();

/// Starts the server that is under test, and says how it is asked.
async function serve() {
    const child = spawn(process.argv[2], {
        env: {
            PUBLIC_URL: url,
            ISSUER: authority.issuer,
            INTROSPECTION_URL: authority.introspection,
            CLIENT_ID: asking.client_id,
            CLIENT_SECRET: asking.client_secret,
        },
        stdio: ["ignore", "inherit", "pipe"],
    });
    const lines = createInterface({ input: child.stderr });
    const port = await new Promise((found, lost) => {
        lines.on("line", (line) => {
            const address = /^listening on http:\/\/127\.0\.0\.1:(\d+)\/mcp$/.exec(line);
            if (address) found(Number(address[1]));
            else console.error(line);
        });
        child.on("exit", () => lost(new Error("the server does not start")));
    });
    return { port, stop: () => child.kill() };
}

/// The status of a call with these credentials, and what it answers or how long to wait.
function ask({ port }, authorization, dpop) {
    const message = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: {
            name: "whoami",
            arguments: {},
            _meta: {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    const headers = {
        host,
        authorization,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "whoami",
        ...(dpop && { dpop }),
    };
    return new Promise((done, failed) => {
        const request = http.request({ port, host: "127.0.0.1", path: "/mcp", method: "POST", headers }, (response) => {
            let text = "";
            response.on("data", (data) => (text += data));
            response.on("end", () => {
                const retry = response.headers["retry-after"];
                if (response.statusCode === 503 && retry) return done([503, Number(retry)]);
                if (response.statusCode !== 200) return done([response.statusCode]);
                const body = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text);
                done([200, body.result?.content?.[0]?.text ?? text]);
            });
        });
        request.on("error", failed);
        request.end(message);
    });
}

const server = await serve();
const bearer = (token) => ask(server, `Bearer ${token}`);
const asked = (line) => authority.asked.filter((one) => one === line).length;
const questions = () => asked("POST /token/introspection");

// Signed tokens: keys by discovery.
const signed = await authority.own("signed", url);
check("a signed token of a client is accepted", await bearer(signed), [200, "signed notes:read"]);
check("its keys were discovered", [
    asked("GET /.well-known/openid-configuration"),
    authority.asked.some((one) => one.startsWith("GET /jwks")),
], [1, true]);
const ofAlice = await authority.ofUser("signed", "alice", url);
check("a signed token of a user is accepted", await bearer(ofAlice.access_token), [200, "alice notes:read notes:write"]);
check("a signed token for another server is refused", await bearer(await authority.own("signed", elsewhere)), [401]);
const [head, claims, signature] = signed.split(".");
const other = JSON.parse(Buffer.from(claims, "base64url"));
const forged = Buffer.from(JSON.stringify({ ...other, sub: "root" })).toString("base64url");
check("a changed token is refused", await bearer(`${head}.${forged}.${signature}`), [401]);
check("an ID token is refused", await bearer(ofAlice.id_token), [401]);
check("nobody was asked about a signed token", questions(), 0);

// Opaque tokens: the issuer is asked.
const opaque = await authority.ofUser("opaque", "bob", url);
check("an opaque token of a user is accepted", await bearer(opaque.access_token), [200, "bob notes:read notes:write"]);
for (let again = 0; again < 20; again++) await bearer(opaque.access_token);
check("it was asked about once", questions(), 1);
check("an opaque token of a client is accepted", await bearer(await authority.own("opaque", url)), [
    200,
    "opaque notes:read",
]);
check("an opaque token for another server is refused", await bearer(await authority.own("opaque", elsewhere)), [401]);
check("an opaque token for no server is refused", await bearer(await authority.own("opaque")), [401]);
check("a refresh token is refused", await bearer(opaque.refresh_token), [401]);
check("a token that was made up is refused", await bearer("x".repeat(43)), [401]);
const revoked = await authority.own("opaque", url);
await authority.revoke("opaque", revoked);
check("a revoked token is refused", await bearer(revoked), [401]);
const before = questions();
check("a mistyped API key is refused", await bearer(`mocopr_${"x".repeat(40)}`), [401]);
check("and its issuer was not asked about it", questions(), before);

// Tokens that are bound to a key, of both kinds.
const prover = async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwk = await exportJWK(publicKey);
    const digest = async (text) =>
        Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("base64url");
    const proof = async (htm, htu, token) =>
        new SignJWT({ htm, htu, jti: crypto.randomUUID(), ...(token && { ath: await digest(token) }) })
            .setIssuedAt()
            .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
            .sign(privateKey);
    return { proof, thumbprint: await calculateJwkThumbprint(jwk) };
};
const [holder, thief] = [await prover(), await prover()];
for (const client of ["signed", "opaque"]) {
    const token = await authority.own(client, url, { dpop: await holder.proof("POST", authority.tokenUrl) });
    const bound = async (proof) => ask(server, `DPoP ${token}`, proof);
    check(`a bound ${client} token is refused as a bearer`, await bearer(token), [401]);
    check(`a bound ${client} token is refused without a proof`, await bound(), [401]);
    check(`a bound ${client} token is refused with another's proof`, await bound(await thief.proof("POST", url, token)), [
        401,
    ]);
    const proof = await holder.proof("POST", url, token);
    check(`a bound ${client} token is accepted with its proof`, await bound(proof), [200, `${client} notes:read`]);
    check(`a bound ${client} token is refused with a proof that was used`, await bound(proof), [401]);
}

// An issuer that is gone.
const unasked = await authority.own("opaque", url);
await authority.stop();
check("without the issuer, a signed token is accepted", await bearer(signed), [200, "signed notes:read"]);
check("and an opaque one that was accepted before", await bearer(opaque.access_token), [
    200,
    "bob notes:read notes:write",
]);
check("another one is told to come again", await bearer(unasked), [503, 5]);
server.stop();
const late = await serve();
check("a server that never saw its issuer tells a good token to come again", await ask(late, `Bearer ${signed}`), [503, 5]);
check("and refuses a token that no key could make good", await ask(late, "Bearer a.b.c"), [401]);
late.stop();

process.exit(failures ? 1 : 0);
