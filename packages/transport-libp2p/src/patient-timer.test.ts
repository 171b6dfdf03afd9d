import { expect, test } from "vitest";
import { patientTimer } from "./patient-timer.ts";

/** Lets the event loop turn until nothing that is due remains. */
async function turn(times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) await new Promise((done) => setImmediate(done));
}

/** Holds up the loop until everything is due that was set, whenever the machine let it be set. */
function stall(): void {
  const endMs = performance.now() + 5;
  while (performance.now() < endMs);
}

test("patientTimer runs its task once, after whatever is already due", async () => {
  const log: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  patientTimer(0, () => {
    log.push("limit");
    resolve();
  });
  setTimeout(() => setImmediate(() => log.push("answer")), 0);
  stall();
  await promise;
  await turn(5);
  expect(log).toEqual(["answer", "limit"]);
});

test("patientTimer can be called off until the last moment", async () => {
  const log: string[] = [];
  const callOff = patientTimer(0, () => void log.push("limit"));
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(
    () =>
      setImmediate(() => {
        callOff();
        resolve();
      }),
    0,
  );
  stall();
  await promise;
  await turn(5);
  expect(log).toEqual([]);
});
