/** `pulsemesh leave`: the asked node says goodbye to its fleet and ends. */
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";

interface LeaveFlags extends ClientFlags {
  readonly withoutIssuer?: boolean;
  readonly json?: boolean;
}

/** Adds `leave` to the program. */
export function addLeaveCommand(program: Command, cli: Cli): void {
  const command = program
    .command("leave")
    .description("the asked node says goodbye to its fleet, counts no more, and ends");
  addFlags(command, [
    {
      flags: "--without-issuer",
      text: "also where it is the fleet's only issuer: nobody is let in or revoked from then on, and grants end",
    },
    ...clientFlags,
    { flags: "--json", text: "as JSON" },
  ]);
  command.addHelpText(
    "after",
    `
Take it out of its supervisor first, or it is started again, and counts again. Its folder stays, and with it whoever has that is this
node until its grant ends, which nobody renews: pulsemesh revoke NODE, where the issuer's key is, ends it at once. A node that is gone
already is taken out at another one: pulsemesh node retire NAME.
The only issuer stays until another member issues, with the root's keys: pulsemesh key rotate issuer --data ITS-FOLDER --replaces KEY.`,
  );
  setAction<LeaveFlags>(cli, command, async (flags) => {
    cli.context = { ...cli.context, writes: true };
    const left = await connect(cli, flags).leave({ withoutIssuer: flags.withoutIssuer });
    if (flags.json === true) cli.terminal.out(printableJson(left));
    else
      for (const line of saidOf(left.id, flags.withoutIssuer === true))
        cli.terminal.say(printable(line));
    return EXIT.ok;
  });
}

/** Where there is an issuer at all; an open fleet grants nothing. */
function saidOf(id: string, withoutIssuer: boolean): readonly string[] {
  const revoke = `pulsemesh revoke ${id} --reason left`;
  return [
    `Node ${id} says goodbye and ends.`,
    "In a closed fleet its grant is not renewed from now on. Until that ends, in 14 days unless it was granted for longer, who starts this folder, or a copy of it, is this node again.",
    // Where it was the only issuer nobody could.
    withoutIssuer
      ? `Where it was the only issuer nobody is let in, renewed or revoked until another member issues, with the root's keys: pulsemesh key rotate issuer --root DIR --data ITS-FOLDER --replaces KEY   and then, there: ${revoke}`
      : `To end it at once and for good, where the issuer's key is: ${revoke}`,
  ];
}
