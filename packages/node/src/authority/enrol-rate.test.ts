import { expect, test } from "vitest";
import { ENROLS_MAX, ENROLS_PER_PEER_MAX, EnrolRate } from "./enrol-rate.ts";

test("ME7 P6 ENROLS_PER_PEER_MAX attempts of one peer a minute, and a peer over it leaves the others theirs", () => {
  const rate = new EnrolRate();
  const tries = (peer: string, atMs: number): number =>
    Array.from({ length: 1_000 }, () => rate.admit(peer, atMs)).filter(Boolean).length;
  expect(tries("a", 1)).toBe(ENROLS_PER_PEER_MAX);
  expect(tries("b", 2)).toBe(ENROLS_PER_PEER_MAX);
  expect(tries("a", 59_999)).toBe(0);
  expect(tries("a", 60_000)).toBe(ENROLS_PER_PEER_MAX);
});

test("ME7 P6 ENROLS_MAX attempts of all peers a minute, however many names one has", () => {
  const rate = new EnrolRate();
  const admitted = (atMs: number): number =>
    Array.from({ length: 10_000 }, (_, at) => rate.admit(`peer ${at}`, atMs)).filter(Boolean)
      .length;
  expect(admitted(0)).toBe(ENROLS_MAX);
  expect(rate.admit("honest", 1)).toBe(false);
  expect(rate.admit("honest", 60_000)).toBe(true);
  expect(admitted(60_001)).toBe(ENROLS_MAX - 1);
});
