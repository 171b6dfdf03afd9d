/** Broken rules of the config file, its reload, and of who gets in by HTTP. */
import type { Killer, Mutation } from "./mutation.ts";

const CONFIG = "packages/cli/src/config/";

const unit = (file: string): Killer => ({ project: "unit", file });
const load = unit(`${CONFIG}load-config.test.ts`);
const reloader = unit(`${CONFIG}reloader.test.ts`);
const tls: Killer = { project: "integration", file: "test/integration/gateway-tls.test.ts" };

export const configMutations: readonly Mutation[] = [
  {
    id: "unset-is-empty",
    rules: ["CFG4"],
    breaks: "an unset variable is taken for an empty one",
    file: `${CONFIG}expand-variables.ts`,
    search: "name === undefined ? undefined : env[name] || fallback;",
    replacement: 'name === undefined ? undefined : (env[name] ?? fallback ?? "");',
    killer: { ...load, title: "CFG4 an unset" },
  },
  {
    id: "secrets-in-faults",
    rules: ["CFG6"],
    breaks: "a fault prints what came from a secret variable",
    file: `${CONFIG}walk-config.ts`,
    search: 'isSecret && text !== "" ? said.replaceAll(text, "***") : said',
    replacement: "said",
    killer: { ...load, title: "CFG6 a bad value" },
  },
  {
    id: "aliases-without-end",
    rules: ["CFG3", "P6"],
    breaks: "aliases are followed however many there are",
    file: `${CONFIG}walk-config.ts`,
    search: "if (this.#aliases > CONFIG_ALIASES_MAX) {",
    replacement: "if (this.#aliases < 0) {",
    killer: { ...load, title: "CONFIG_ALIASES_MAX" },
  },
  {
    id: "reload-forgets-the-start",
    rules: ["CFG8"],
    breaks: "a second reload no longer says what needs a restart",
    file: `${CONFIG}reloader.ts`,
    search: "needs_restart: restartNeeds(this.#started, setup),",
    replacement: "needs_restart: restartNeeds(before, setup),",
    killer: { ...reloader, title: "CFG8 log level" },
  },
  {
    id: "bad-reload-hidden",
    rules: ["CFG9"],
    breaks: "a bad reload does not show in the metrics",
    file: `${CONFIG}reloader.ts`,
    search: "      this.#isGood = false;\n",
    replacement: "",
    killer: { ...reloader, title: "CFG9 a bad reload" },
  },
  {
    id: "reloads-at-once",
    rules: ["CFG9"],
    breaks: "everybody who asks meanwhile gets a reload of their own",
    file: `${CONFIG}reloader.ts`,
    search: "if (this.#next !== undefined) return this.#next;",
    replacement: "",
    killer: { ...reloader, title: "CFG9 reloads come" },
  },
  {
    id: "any-token",
    rules: ["CFG12"],
    breaks: "whoever sends some token is let in",
    file: "packages/gateway/src/guard/token.ts",
    search: "return token !== undefined && timingSafeEqual(digestOf(token), this.#digest);",
    replacement: "return token !== undefined && digestOf(token).length === this.#digest.length;",
    killer: unit("packages/gateway/src/guard/token.test.ts"),
  },
  {
    id: "token-beside-the-routes",
    rules: ["CFG12"],
    breaks: "metrics are answered without the token",
    file: "packages/gateway/src/routes/metrics.ts",
    search: "      writes: false,\n",
    replacement: "      writes: false,\n      open: true,\n",
    killer: { ...tls, title: "CFG12 who sends no token" },
  },
  {
    id: "token-in-the-clear",
    rules: ["CFG11", "HT20"],
    breaks: "a token alone opens HTTP to other machines",
    file: "packages/gateway/src/gateway.ts",
    search: "(tls !== undefined && token !== undefined)",
    replacement: "token !== undefined",
    killer: { ...tls, title: "with only a" },
  },
  {
    id: "slow-handshakes-stay",
    rules: ["CFG11", "HT19"],
    breaks: "who makes no handshake need not make room",
    file: "packages/gateway/src/connections.ts",
    search: '      server.on("connection", (socket: Socket) => this.#shake(socket));\n',
    replacement: "",
    killer: { ...tls, title: "HT19 CFG11" },
  },
  {
    id: "open-folder-warned",
    rules: ["CFG13", "P5"],
    breaks: "a data folder that others may enter is a warning",
    file: "packages/node/src/open-directory.ts",
    search: "if (!isShared) {",
    replacement: 'if (dataDir === "") {',
    killer: unit("packages/node/src/open-directory.test.ts"),
  },
  {
    id: "emptied-config-taken",
    rules: ["CFG9"],
    breaks: "a config file that was emptied to be written anew is a good reload",
    file: `${CONFIG}set-up-again.ts`,
    search: 'read.hash !== hashBefore && read.text.trim() === ""',
    replacement: "read.hash === hashBefore",
    killer: {
      project: "integration",
      file: "test/integration/config-reload.test.ts",
      title: "CFG9 a file that was emptied",
    },
  },
];
