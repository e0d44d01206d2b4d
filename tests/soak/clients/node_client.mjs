// Shopify's client for Node, driven by lines of JSON: a step and what it needs come in, one answer goes out.

import { createInterface } from 'node:readline';
import '@shopify/shopify-api/adapters/web-api';
import { LogSeverity, shopifyApi } from '@shopify/shopify-api';

const [domain, apiKey, apiSecretKey, redirectUri, apiVersion] = process.argv.slice(2);
const { host, pathname } = new URL(redirectUri);
const logger = { level: LogSeverity.Error, log: (_severity, message) => console.error(message) };
let shopify;
let cookies;
let session;

async function authorize({ scopes }) {
  shopify = shopifyApi({ apiKey, apiSecretKey, apiVersion, scopes, hostName: host, isEmbeddedApp: false, logger });
  const rawRequest = new Request(`https://${host}/auth`);
  const begun = await shopify.auth.begin({ shop: domain, callbackPath: pathname, isOnline: false, rawRequest });
  cookies = begun.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ');
  return begun.headers.get('location');
}

async function exchange({ callback }) {
  const rawRequest = new Request(callback, { headers: { cookie: cookies } });
  ({ session } = await shopify.auth.callback({ rawRequest, expiring: true }));
  return session.scope.split(',').sort();
}

async function refresh() {
  const { accessToken, refreshToken } = session;
  ({ session } = await shopify.auth.refreshToken({ shop: domain, refreshToken }));
  return { accessToken: session.accessToken !== accessToken, refreshToken: session.refreshToken !== refreshToken };
}

async function graphql({ query, variables }) {
  return (await new shopify.clients.Graphql({ session }).request(query, { variables })).data;
}

async function validateWebhook({ headers, body }) {
  const rawRequest = new Request(redirectUri, { method: 'POST', headers });
  return shopify.webhooks.validate({ rawBody: body, rawRequest });
}

const steps = { authorize, exchange, refresh, graphql, validateWebhook };
for await (const line of createInterface({ input: process.stdin })) {
  const { step, given } = JSON.parse(line);
  const answer = await steps[step](given).then(
    (value) => ({ value }),
    (error) => ({ error: `${error.constructor.name}: ${error.message}` }),
  );
  console.log(JSON.stringify(answer));
}
