// An authorization server of another maker, oidc-provider, on a free port of loopback: what it issues, and what it is
// asked.
import { createHash, randomBytes } from "node:crypto";
import http from "node:http";

import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

const callback = "http://127.0.0.1/callback";

/// Its clients: two that get tokens for themselves and for a user, signed and opaque ones, and the server, which asks.
const clients = ["signed", "opaque"].map((client_id) => ({
    client_id,
    client_secret: `the secret of ${client_id}`,
    application_type: "native",
    grant_types: ["client_credentials", "authorization_code", "refresh_token"],
    redirect_uris: [callback],
    response_types: ["code"],
}));
export const asking = { client_id: "weather/1", client_secret: "r@in: 100% & ~+/=?" };
clients.push({ ...asking, grant_types: [], redirect_uris: [], response_types: [] });

export async function start() {
    // Its address is part of its name, so it is known first.
    let handle = (_, response) => response.writeHead(503).end();
    const asked = [];
    const server = http.createServer((request, response) => {
        asked.push(`${request.method} ${request.url}`);
        handle(request, response);
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const key = { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: "one" };
    const provider = new Provider(issuer, {
        clients,
        jwks: { keys: [key] },
        enabledJWA: { userinfoSigningAlgValues: ["ES256"], idTokenSigningAlgValues: ["ES256"] },
        clientDefaults: { id_token_signed_response_alg: "ES256" },
        cookies: { keys: [randomBytes(32).toString("hex")] },
        scopes: ["openid", "offline_access", "notes:read", "notes:write"],
        extraTokenClaims: (_, token) => ({
            roles: ["user"],
            ...(token.kind === "ClientCredentials" ? { sub: token.clientId } : {}),
        }),
        features: {
            clientCredentials: { enabled: true },
            dPoP: { enabled: true, allowReplay: false },
            introspection: { enabled: true, allowedPolicy: (_, client) => client.clientId === asking.client_id },
            revocation: {
                enabled: true,
                allowedPolicy: (_, client, token) => token.clientId === client.clientId,
            },
            resourceIndicators: {
                enabled: true,
                getResourceServerInfo: (_, resource, client) => ({
                    audience: resource,
                    scope: "notes:read notes:write",
                    accessTokenTTL: 600,
                    accessTokenFormat: client.clientId === "signed" ? "jwt" : "opaque",
                    jwt: { sign: { alg: "ES256" } },
                }),
            },
        },
        ttl: {
            AccessToken: 600,
            AuthorizationCode: 60,
            ClientCredentials: 600,
            Grant: 3600,
            IdToken: 600,
            Interaction: 600,
            RefreshToken: 3600,
            Session: 3600,
        },
        findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    });
    provider.on("server_error", (_, error) => console.error(error));
    handle = provider.callback();

    const post = async (path, client, form, headers = {}) => {
        const basic = Buffer.from(`${encodeURIComponent(client)}:${encodeURIComponent(`the secret of ${client}`)}`);
        const response = await fetch(issuer + path, {
            method: "POST",
            headers: { authorization: `Basic ${basic.toString("base64")}`, ...headers },
            body: new URLSearchParams(form),
        });
        const text = await response.text();
        if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
        return text && JSON.parse(text);
    };

    return {
        issuer,
        asked,
        introspection: `${issuer}/token/introspection`,
        tokenUrl: `${issuer}/token`,
        /// A token of a client for itself.
        async own(client, resource, headers) {
            const form = { grant_type: "client_credentials", scope: "notes:read", ...(resource && { resource }) };
            return (await post("/token", client, form, headers)).access_token;
        },
        /// The tokens of a client for a user, who logs in and agrees in the usual pages.
        async ofUser(client, user, resource) {
            const verifier = randomBytes(32).toString("base64url");
            const code = await logIn(issuer, user, {
                client_id: client,
                redirect_uri: callback,
                response_type: "code",
                scope: "openid offline_access notes:read notes:write",
                prompt: "consent",
                resource,
                code_challenge: createHash("sha256").update(verifier).digest("base64url"),
                code_challenge_method: "S256",
            });
            const grant = { grant_type: "authorization_code", code, redirect_uri: callback, code_verifier: verifier };
            return post("/token", client, { ...grant, resource });
        },
        revoke: (client, token) => post("/token/revocation", client, { token }),
        async stop() {
            server.closeAllConnections();
            await new Promise((done) => server.close(done));
        },
    };
}

/// The code that a user's browser is sent back with.
async function logIn(issuer, user, query) {
    const cookies = new Map();
    const visit = async (url, form) => {
        const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
        const body = form && new URLSearchParams(form);
        const response = await fetch(url, { method: form ? "POST" : "GET", headers, body, redirect: "manual" });
        for (const cookie of response.headers.getSetCookie()) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
            if (value) cookies.set(name, value);
            else cookies.delete(name);
        }
        const location = response.headers.get("location");
        return { next: location && new URL(location, issuer).href, text: await response.text() };
    };
    let page = await visit(`${issuer}/auth?${new URLSearchParams(query)}`);
    let last = "";
    for (let steps = 0; steps < 20; steps++) {
        if (page.next?.startsWith(callback)) {
            const code = new URL(page.next).searchParams.get("code");
            if (!code) throw new Error(`no code: ${page.next}`);
            return code;
        }
        if (page.next) {
            last = page.next;
            page = await visit(last);
            continue;
        }
        const prompt = /name="prompt" value="(\w+)"/.exec(page.text)?.[1];
        if (!prompt) throw new Error(`no page to fill in at ${last}: ${page.text.slice(0, 2000)}`);
        page = await visit(last, { prompt, login: user, password: "any" });
    }
    throw new Error("the pages do not end");
}
