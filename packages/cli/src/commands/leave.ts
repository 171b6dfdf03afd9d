/** `pulsemesh leave`: the asked node says goodbye to its fleet and ends. */
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { printableJson } from "../printable.ts";

/** Adds `leave` to the program. */
export function addLeaveCommand(program: Command, cli: Cli): void {
  const command = program
    .command("leave")
    .description("the asked node says goodbye to its fleet, counts no more, and ends");
  addFlags(command, [...clientFlags, { flags: "--json", text: "as JSON" }]);
  command.addHelpText(
    "after",
    `
Take it out of its supervisor first, or it is started again, and counts again. Its folder stays. A node that is gone already is
taken out at another one: pulsemesh node retire NAME.`,
  );
  setAction<ClientFlags & { readonly json?: boolean }>(cli, command, async (flags) => {
    cli.context = { ...cli.context, writes: true };
    const left = await connect(cli, flags).leave();
    if (flags.json === true) cli.terminal.out(printableJson(left));
    else cli.terminal.say(`Node ${left.id} says goodbye and ends.`);
    return EXIT.ok;
  });
}
