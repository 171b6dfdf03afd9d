import { expect, test } from "vitest";
import { listeningInodes } from "./port-holder.ts";

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1CFC 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1CFC 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
   2: 0100007F:1CFD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
`;

test("CLI44 only sockets that listen on the port are its holders'", () => {
  expect(listeningInodes(table, 7_420)).toEqual(["4711"]);
  expect(listeningInodes(table, 7_422)).toEqual([]);
  expect(listeningInodes("", 7_420)).toEqual([]);
});
