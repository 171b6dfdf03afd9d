/**
 * The bearer token of a gateway (rule CFG12). Digests of equal length are compared, so the time that it takes says nothing about the token,
 * nor about its length. The token may change while the gateway is open.
 */
import { hash, timingSafeEqual } from "node:crypto";

export class TokenGuard {
  #digest: Buffer | undefined;

  constructor(token: string | undefined) {
    this.set(token);
  }

  /** Takes another token from now on; none lets everybody in. */
  set(token: string | undefined): void {
    this.#digest = token === undefined ? undefined : digestOf(token);
  }

  /** Whether a request with this `Authorization` header may go on. */
  admits(authorization: string | undefined): boolean {
    if (this.#digest === undefined) return true;
    const token = /^Bearer +([^ ]+) *$/i.exec(authorization ?? "")?.[1];
    return token !== undefined && timingSafeEqual(digestOf(token), this.#digest);
  }
}

function digestOf(token: string): Buffer {
  return hash("sha256", token, "buffer");
}
