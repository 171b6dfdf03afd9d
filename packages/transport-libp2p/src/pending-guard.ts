/** Puts {@link PendingCallers} in front of what a transport's listeners hand to libp2p. */
import type { Socket } from "node:net";
import type { Transport, Upgrader } from "@libp2p/interface";
import type { Libp2pOptions } from "libp2p";
import type { PendingCallers } from "./pending-callers.ts";

type TransportFactory = NonNullable<Libp2pOptions["transports"]>[number];
type Inbound = Parameters<Upgrader["upgradeInbound"]>;

/** The factory's transport, whose callers are pending until they are connections. */
export function guardPending(factory: TransportFactory, callers: PendingCallers): TransportFactory {
  return (components) => {
    const transport = factory(components) as Transport;
    const createListener = transport.createListener.bind(transport);
    return Object.assign(transport, {
      createListener: (options: Parameters<typeof createListener>[0]) =>
        createListener({ ...options, upgrader: guarded(options.upgrader, callers) }),
    });
  };
}

function guarded(upgrader: Upgrader, callers: PendingCallers): Upgrader {
  const upgradeInbound = async (...[connection, options]: Inbound): Promise<void> => {
    // A WebSocket has spoken before it is one.
    const socket: unknown = Reflect.get(connection, "socket");
    const hungUp = new AbortController();
    const settle = callers.admit({
      host: connection.remoteAddr.getComponents()[0]?.value ?? "",
      hasSpoken: () => ((socket as Socket | undefined)?.bytesRead ?? 1) > 0,
      hangUp: (why) => hungUp.abort(new Error(why)),
    });
    const signals = [hungUp.signal, ...(options.signal === undefined ? [] : [options.signal])];
    try {
      await upgrader.upgradeInbound(connection, { ...options, signal: AbortSignal.any(signals) });
    } finally {
      settle();
    }
  };
  return Object.assign(Object.create(upgrader) as Upgrader, { upgradeInbound });
}
