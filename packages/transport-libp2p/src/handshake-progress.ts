/**
 * How far a connection that this node opened has come: it stands, and both sides have agreed on how to secure it. What fails in between fails whatever is
 * done about addresses, ports and firewalls: the other side is no node, hangs, or is in a private network that this one is not in (rule AD12), whose
 * cipher makes noise of every word. The error alone does not tell: it is a timeout, a reset or a line that is too long, as chance will have it.
 *
 * The host hands the dial's options, with its `onProgress`, to what it passes a connection through; so that is where it is said.
 */
import type { ConnectionEncrypter, ConnectionProtector } from "@libp2p/interface";
import { NO_HANDSHAKE } from "./dial-fault.ts";

const STANDS = "pulsemesh:stands";
const AGREED = "pulsemesh:agreed";

/** An event of a dial. */
export interface DialProgress {
  readonly type: string;
}

/** The protector, which sees every connection before its first byte. */
export function tellingProtector(
  create: () => ConnectionProtector,
): (components?: unknown) => ConnectionProtector {
  return () => {
    const protector = create();
    return {
      protect(connection, options) {
        tell(options, STANDS);
        return protector.protect(connection, options);
      },
    };
  };
}

/** The encrypter, which is called once both have agreed on it. */
export function tellingEncrypter<Components>(
  create: (components: Components) => ConnectionEncrypter,
): (components: Components) => ConnectionEncrypter {
  return (components) => {
    const encrypter = create(components);
    const secureOutbound = encrypter.secureOutbound.bind(encrypter);
    return Object.assign(encrypter, {
      secureOutbound: (...args: Parameters<typeof secureOutbound>) => {
        tell(args[1], AGREED);
        return secureOutbound(...args);
      },
    });
  };
}

/** One dial, from its events. */
export class HandshakeProgress {
  #stands = false;
  #isAgreed = false;

  /** Whether the other side speaks as a node does. */
  get isAgreed(): boolean {
    return this.#isAgreed;
  }

  /** To be told each event. */
  note({ type }: DialProgress): void {
    this.#stands ||= type === STANDS;
    this.#isAgreed ||= type === AGREED;
  }

  /** What a dial threw, under the name by which `dialFaultOf` knows that no handshake came about on a connection that stood. */
  named(error: unknown): unknown {
    if (!this.#stands || this.#isAgreed) return error;
    const fault = new Error("The connection stands, and no handshake comes about.", {
      cause: error,
    });
    fault.name = NO_HANDSHAKE;
    return fault;
  }
}

function tell(options: unknown, type: string): void {
  const { onProgress } = (options ?? {}) as { onProgress?: (event: DialProgress) => void };
  onProgress?.({ type });
}
