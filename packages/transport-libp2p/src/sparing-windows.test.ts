import type { Stream } from "@libp2p/interface";
import { expect, test } from "vitest";
import { OWED_BYTES_MAX, spare } from "./sparing-windows.ts";

test("P6 credit is kept by stream up to OWED_BYTES_MAX; every other frame passes at once and unchanged", () => {
  const sent: object[] = [];
  const streams = [{ streamId: 1 }, { streamId: 3 }];
  const muxer = {
    streams: streams as unknown as Stream[],
    sendFrame: (header: object) => sent.push(header) > 0,
  };
  const { sendFrame } = spare(muxer);
  const update = { type: 1, flag: 0, streamID: 1, length: OWED_BYTES_MAX - 1 };
  sendFrame(update);
  sendFrame({ ...update, streamID: 3 });
  expect(sent).toEqual([]);
  sendFrame({ ...update, length: 1 });
  expect(sent).toEqual([{ ...update, length: OWED_BYTES_MAX }]);
  const others = [
    { ...update, flag: 4, length: 1 },
    { ...update, streamID: 5 },
    { type: 0, flag: 0, streamID: 1, length: 10 },
    { type: 2, flag: 1, streamID: 0, length: 7 },
  ];
  for (const header of others) sendFrame(header);
  expect(sent.slice(1)).toEqual(others);
  expect(spare({ streams: [] })).toEqual({ streams: [] });
});
