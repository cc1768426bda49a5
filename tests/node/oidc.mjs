// An OpenID provider for the tests: oidc-provider with its own pages for login and consent. Writes its address when it listens.
// Usage: node oidc.mjs CALLBACK SECRET
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [callback, secret] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "passerby", client_secret: secret, redirect_uris: [callback],
      grant_types: ["authorization_code"], response_types: ["code"],
    }],
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: id === "ann" ? ["guards"] : ["visitors"] }),
    }),
    cookies: { keys: ["only for tests"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
  });
  server.on("request", provider.callback());
  process.stdout.write(issuer + "\n");
});
