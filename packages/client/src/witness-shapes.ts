/** The shapes of the answers about who sees whom. */
import { outageShape, schedule } from "./answer-shapes.ts";
import {
  anything,
  exactly,
  flag,
  list,
  map,
  nullable,
  number,
  optional,
  type Shape,
  text,
  word,
} from "./shape.ts";
import type {
  CountJson,
  MatrixJson,
  NodeWitnessesJson,
  PulseNameJson,
  RegionMatrixJson,
  RobotWitnessesJson,
  VerdictJson,
  WitnessJson,
} from "./witness-json.ts";

const pulse: Shape<PulseNameJson> = map<PulseNameJson>({ boot: number, seq: number });
const count: Shape<CountJson> = map<CountJson>({ have: number, need: number });

const witness: Shape<WitnessJson> = map<WitnessJson>({
  node_id: text,
  name: text,
  region: text,
  self: flag,
  opinion: word(),
  pulse: nullable(pulse),
  age_ms: nullable(number),
  since: nullable(text),
});

const verdict: Shape<VerdictJson> = map<VerdictJson>({
  at: text,
  pulse,
  accusers: list(text),
  single_witness: flag,
  evidence: map<VerdictJson["evidence"]>({ accusations: number, objections: number, ups: number }),
  ended: nullable(map<NonNullable<VerdictJson["ended"]>>({ at: text, how: word() })),
});

export const nodeWitnessesShape: Shape<NodeWitnessesJson> = map<NodeWitnessesJson>({
  node_id: text,
  name: text,
  region: text,
  status: word(),
  reason: nullable(text),
  since: text,
  rule: text,
  needed: text,
  members: number,
  in_sight: count,
  accusers: count,
  ups: nullable(count),
  pulse: nullable(pulse),
  deadline: nullable(text),
  pulse_every_ms: nullable(number),
  settle_ms: number,
  unreachable: optional(nullable(outageShape)),
  witnesses: list(witness),
  verdicts: list(verdict),
});

export const robotWitnessesShape: Shape<RobotWitnessesJson> = map<RobotWitnessesJson>({
  robot_id: text,
  status: word(),
  reason: nullable(text),
  since: text,
  rule: text,
  word: map<RobotWitnessesJson["word"]>({
    last_check: nullable(text),
    age_ms: nullable(number),
    beats: number,
    running: flag,
    schedule: nullable(schedule),
    late_at: nullable(text),
    down_at: nullable(text),
  }),
  home: nullable(nodeWitnessesShape),
});

export const matrixShape: Shape<MatrixJson> = map<MatrixJson>({
  by: exactly("node"),
  nodes: list(
    map<MatrixJson["nodes"][number]>({ node_id: text, name: text, region: text, status: word() }),
  ),
  pairs: list(
    map<MatrixJson["pairs"][number]>({
      from: number,
      to: number,
      reach: word(),
      loss: nullable(number),
    }),
  ),
});

export const regionMatrixShape: Shape<RegionMatrixJson> = map<RegionMatrixJson>({
  by: exactly("region"),
  regions: list(text),
  pairs: list(
    map<RegionMatrixJson["pairs"][number]>({
      from: text,
      to: text,
      pairs: number,
      heard: number,
      lossy: number,
      missed: number,
      unknown: number,
      worst_loss: nullable(number),
      unreachable_since: optional(nullable(text)),
    }),
  ),
});

/** Enough to tell a bundle from the answer of something else; `pulsemesh verify-verdict` checks the rest. */
export const bundleShape: Shape<{ readonly format: string; readonly sig: unknown }> = map({
  format: text,
  sig: anything,
});
