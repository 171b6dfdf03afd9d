/** `pulsemesh request`: what an issuer grants membership for, where this node cannot reach it. */
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { type PlaceFlags, placeFlags } from "./join.ts";
import { dataFolder, defaultName } from "./run-options.ts";

/** Adds `request` to the program. */
export function addRequestCommand(program: Command, cli: Cli): void {
  const command = program
    .command("request")
    .description("ask for membership without meeting anybody: prints one string to be carried");
  addFlags(command, placeFlags);
  command.addHelpText(
    "after",
    `
There is no secret in it.
  pulsemesh request > node.request                    here
  pulsemesh grant sign node.request > grant.json      where the issuer's node runs
  pulsemesh join grant.json                           here again`,
  );
  setAction<PlaceFlags>(
    cli,
    command,
    async ({ data, name = defaultName(), region = "default", sharedData }) => {
      const dir = dataFolder(data, cli.terminal.env);
      cli.context = { ...cli.context, dataDir: dir };
      const { requestMembership } = await import("@pulsemesh/node");
      const node = { dir, sharedData, name, region };
      cli.terminal.out(await requestMembership({ ...node, nowS: Date.now() / 1_000 }));
      return EXIT.ok;
    },
  );
}
