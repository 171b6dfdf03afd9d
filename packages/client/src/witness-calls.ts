/** Operations about who sees whom, and what a verdict rests on (rules VE10, PU7). */
import { answerInvalid, type CallOptions, type HttpOptions, send, sendForJson } from "./http.ts";
import type {
  MatrixJson,
  NodeWitnessesJson,
  RegionMatrixJson,
  RobotWitnessesJson,
} from "./witness-json.ts";
import {
  bundleShape,
  matrixShape,
  nodeWitnessesShape,
  regionMatrixShape,
  robotWitnessesShape,
} from "./witness-shapes.ts";

export interface WitnessCalls {
  /** Who sees a node, by its id, and by which rule that counts. */
  nodeWitnesses(id: string, options?: CallOptions): Promise<NodeWitnessesJson>;
  /** What a robot's status rests on. */
  robotWitnesses(robot: string, options?: CallOptions): Promise<RobotWitnessesJson>;
  /** The newest verdict about a node as a bundle, byte for byte as it was signed. */
  verdictBundle(id: string, options?: CallOptions): Promise<string>;
  /** Who hears whom, link by link. */
  matrix(options?: CallOptions): Promise<MatrixJson>;
  /** The same, counted from region to region. */
  regionMatrix(options?: CallOptions): Promise<RegionMatrixJson>;
}

export function witnessCalls(http: HttpOptions): WitnessCalls {
  const ofNode = (id: string, what: string): string =>
    `/api/v1/nodes/${encodeURIComponent(id)}/${what}`;
  return {
    nodeWitnesses: (id, call = {}) =>
      sendForJson(http, { ...call, path: ofNode(id, "witnesses") }, nodeWitnessesShape),
    robotWitnesses: (robot, call = {}) => {
      const path = `/api/v1/robots/${encodeURIComponent(robot)}/witnesses`;
      return sendForJson(http, { ...call, path }, robotWitnessesShape);
    },
    verdictBundle: async (id, call = {}) => {
      const response = await send(http, { ...call, path: ofNode(id, "evidence") });
      const text = await response.text();
      const fault = bundleFault(text);
      if (fault !== undefined) throw answerInvalid(http, response, fault);
      return text;
    },
    matrix: (call = {}) => sendForJson(http, { ...call, path: "/api/v1/matrix" }, matrixShape),
    regionMatrix: (call = {}) => {
      const asked = { ...call, path: "/api/v1/matrix", query: { by: "region" } };
      return sendForJson(http, asked, regionMatrixShape);
    },
  };
}

function bundleFault(text: string): string | undefined {
  try {
    return bundleShape.fault(JSON.parse(text), "");
  } catch {
    return "it is no JSON or broke off";
  }
}
