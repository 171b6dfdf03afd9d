/**
 * How links behave, as data. Two models of loss (DESIGN §9 asks for both): independent loss of each transmission, as on radio or UDP,
 * and stalls, because what TCP and yamux make of lost packets is not a gap but a link that stands still and then delivers everything in order.
 */

export interface NetworkModel {
  readonly name: string;
  /**
   * `plain`: every link carries every message once each way, at once, and payloads alone are counted: harsher than the transport, and cheap.
   * `libp2p`: as the transport does it, see `gossip-mesh.ts`, and with the bytes that libp2p adds. `bench/calibration.bench.ts` compares it with real hosts.
   */
  readonly gossip: "plain" | "libp2p";
  /** One-way delay of one hop: uniform between these, in milliseconds. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Share of transmissions that take up to ten times as long, and so overtake nothing and are overtaken. */
  readonly slowShare: number;
  /** Probability that one gossip transmission over one hop is lost. Streams retransmit instead, for 200 ms a loss. */
  readonly lossShare: number;
  /** Probability that a gossip message reaches a core twice (the cache of seen messages had forgotten it). */
  readonly duplicateShare: number;
  /** Mean time between two stalls of one direction of one link, 0 for none, and how long they last. */
  readonly stallEveryMs: number;
  readonly stallMsMin: number;
  readonly stallMsMax: number;
  /** Share of `verdict` messages that never reach a core, each judged by itself at each receiver. */
  readonly verdictLossShare: number;
}

/** One site: fast, no loss. */
export const calmNetwork: NetworkModel = {
  name: "calm",
  gossip: "plain",
  delayMsMin: 0.5,
  delayMsMax: 5,
  slowShare: 0.01,
  lossShare: 0,
  duplicateShare: 0.001,
  stallEveryMs: 0,
  stallMsMin: 200,
  stallMsMax: 3_000,
  verdictLossShare: 0,
};

/**
 * Some fifteen nodes a process on one machine, over loopback, as libp2p carries it: a hop is the work at both ends, and waiting for a turn. Fitted to what
 * `bench/calibration.bench.ts` measured of 50 real nodes.
 */
export const loopbackNetwork: NetworkModel = {
  ...calmNetwork,
  name: "loopback",
  gossip: "libp2p",
  delayMsMin: 10,
  delayMsMax: 40,
  slowShare: 0,
};

/** Independent loss of 5% per hop, over a wide area. */
export const lossyNetwork: NetworkModel = {
  ...calmNetwork,
  name: "lossy",
  delayMsMin: 2,
  delayMsMax: 60,
  slowShare: 0.03,
  lossShare: 0.05,
  duplicateShare: 0.01,
};

/** No gaps, but each direction of each link stands still for 0.2–3 s about once a minute: 2.7% of the time. */
export const stallingNetwork: NetworkModel = {
  ...lossyNetwork,
  name: "stalling",
  lossShare: 0,
  stallEveryMs: 60_000,
};
