/** `pulsemesh key`: `show` says which keys are in a node's folder, by the names under which others know them; the others change them. */
import type { Command } from "commander";
import { join, resolve } from "node:path";
import { type Cli, setAction } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";
import { tableLines } from "../table.ts";
import { addMoveCommands } from "./key-move.ts";
import { addRotateCommands } from "./key-rotate.ts";
import { addVoidCommands } from "./key-void.ts";
import { dataFolder } from "./run-options.ts";

interface KeyFlags {
  readonly data?: string;
  readonly root?: string;
  readonly json?: boolean;
}

/** Adds `key` to the program. */
export function addKeyCommand(program: Command, cli: Cli): void {
  const key = program
    .command("key")
    .description(
      "keys of a node and of a fleet's authority: show, rotate, void, publish, move-root, seal-root, seal-issuer",
    );
  addShow(key, cli);
  addRotateCommands(key, cli);
  addVoidCommands(key, cli);
  addMoveCommands(key, cli);
}

function addShow(key: Command, cli: Cli): void {
  const command = key
    .command("show")
    .description("which keys are in a folder, by their public names; no secret is shown");
  addFlags(command, [
    {
      flags: "--data <dir>",
      text: "the node's folder (default as for `run`)",
      env: "PULSEMESH_DATA",
    },
    { flags: "--root <dir>", text: "where the root's keys are (default the node's folder)" },
    { flags: "--json", text: "as JSON" },
  ]);
  setAction<KeyFlags>(cli, command, async ({ data, root, json }) => {
    const dir = dataFolder(data, cli.terminal.env);
    const rootDir = root === undefined ? dir : resolve(root);
    cli.context = { ...cli.context, dataDir: dir };
    const { AUTHORITY_FILES: files, peerIdOfKey, secretKeyId } = await import("@pulsemesh/node");
    const places = [
      { key: "node", path: join(dir, "node.key") },
      { key: "audit", path: join(dir, files.audit) },
      { key: "cosign", path: join(dir, files.cosign) },
      { key: "issuer", path: join(dir, files.issuer) },
      { key: "root", path: join(rootDir, files.root) },
      { key: "next-root", path: join(rootDir, files.nextRoot) },
    ];
    const keys = places.flatMap(({ key: what, path }) => {
      const id = secretKeyId(path);
      if (id === undefined) return [];
      return [{ key: what, id: what === "node" ? peerIdOfKey(id) : id, path }];
    });
    if (json === true) cli.terminal.out(printableJson({ keys }));
    else if (keys.length === 0) cli.terminal.say(printable(`There is no key in ${dir}.`));
    else
      for (const line of tableLines(keys, [
        { title: "KEY", text: ({ key: what }) => what },
        { title: "ID", text: ({ id }) => id },
        { title: "FILE", text: ({ path }) => path },
      ]))
        cli.terminal.out(line);
    return keys.length === 0 ? EXIT.no : EXIT.ok;
  });
}
