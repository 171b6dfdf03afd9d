/** What counts as "this machine only". */
import { isIP } from "node:net";

/** Whether a host name or IP literal (without brackets) can only mean this machine. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === "localhost" || name === "::1") return true;
  return isIP(name) === 4 && name.startsWith("127.");
}
