/** The passphrase of a key, kept in a file (rule ME6): for `--passphrase-file`, as a passphrase on a command line is seen by every user of the machine. */
import { PASSPHRASE_LENGTH_MAX, PASSPHRASE_LENGTH_MIN, PulsemeshError } from "@pulsemesh/core";
import { readSecret } from "./token-file.ts";

/**
 * The passphrase in a file: one line, of which blanks at both ends are part and the line feed is not. It may come through a pipe.
 * @throws PulsemeshError `passphrase-file-invalid`
 */
export function readPassphraseFile(path: string, what: string): string {
  const text = readSecret(path, what, "passphrase-file-invalid", { mayBePipe: true });
  const passphrase = text.replace(/\r?\n$/, "");
  const fault = faultOf(passphrase);
  if (fault === undefined) return passphrase;
  throw new PulsemeshError(
    "passphrase-file-invalid",
    `Cannot use ${what} '${path}' as ${fault}. Make one with: umask 077; head -c 24 /dev/urandom | base64 > ${path}`,
  );
}

function faultOf(passphrase: string): string | undefined {
  if (/[\r\n]/.test(passphrase)) return "it has several lines";
  const { length } = passphrase;
  return length < PASSPHRASE_LENGTH_MIN || length > PASSPHRASE_LENGTH_MAX
    ? `it holds ${length} characters, and a passphrase has ${PASSPHRASE_LENGTH_MIN} to ${PASSPHRASE_LENGTH_MAX}`
    : undefined;
}
