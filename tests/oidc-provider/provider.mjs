// A certified OpenID provider on loopback that issues what a node takes: a JWT for one audience, the node's name.
//   node provider.mjs     prints its issuer URL on one line and serves until it is killed
// A client asks with the client_credentials grant, resource=urn:custodian:<node_id> and scope=custody. The clients are CLIENTS, a JSON
// object { client_id: client_secret } in the environment.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider, { errors } from 'oidc-provider';

const RESOURCE = 'urn:custodian:';
const LIFETIME_SECONDS = 600;

const client = ([client_id, client_secret]) => ({
  client_id,
  client_secret,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
});

const resourceServer = (resource) => {
  if (!resource.startsWith(RESOURCE)) {
    throw new errors.InvalidTarget(`a resource is ${RESOURCE}<node_id>`);
  }
  return {
    scope: 'custody other',
    audience: resource.slice(RESOURCE.length),
    accessTokenFormat: 'jwt',
    accessTokenTTL: LIFETIME_SECONDS,
    jwt: { sign: { alg: 'ES256' } },
  };
};

const signingKey = () => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  use: 'sig',
  alg: 'ES256',
});

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: Object.entries(JSON.parse(process.env.CLIENTS)).map(client),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    scopes: ['custody', 'other'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => resourceServer(resource),
      },
    },
  });
  provider.on('server_error', (_context, error) => console.error(error));
  server.on('request', provider.callback());
  console.log(issuer);
});
