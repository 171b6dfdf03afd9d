/** `pulsemesh peers`: the nodes of the fleet as the asked one sees them. */
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { outageLines } from "../outage-line.ts";
import { peerTable } from "../status-table.ts";
import { printable, printableJson } from "../printable.ts";

/** Adds `peers` to the program. */
export function addPeersCommand(program: Command, cli: Cli): void {
  const command = program
    .command("peers")
    .description("the nodes of the fleet, and the addresses of the one that is asked");
  addFlags(command, [...clientFlags, { flags: "--json", text: "as JSON" }]);
  setAction<ClientFlags & { readonly json?: boolean }>(cli, command, async (flags) => {
    const peers = await connect(cli, flags).peers();
    const { terminal } = cli;
    if (flags.json === true) {
      terminal.out(printableJson(peers));
      return EXIT.ok;
    }
    const { fleet, self, view } = peers;
    for (const line of peerTable(peers, terminal.color)) terminal.out(line);
    terminal.out("");
    terminal.out(printable(`fleet ${fleet}`));
    terminal.out(
      `${view.in_sight} of ${view.roster} in sight, document hash ${view.document_hash}`,
    );
    for (const line of outageLines(view.unreachable, Date.now())) terminal.out(line);
    for (const address of self.addresses) terminal.out(printable(`address ${address}`));
    return EXIT.ok;
  });
}
