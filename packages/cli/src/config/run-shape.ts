/** The shape of the config file of `run`: its settings, and as many robots as a node hosts. */
import { ROBOTS_PER_NODE_MAX } from "@pulsemesh/core";
import { runFlags } from "../commands/run-options.ts";
import { type MapShape, configShape } from "./shape.ts";

export const runShape: MapShape = configShape(runFlags, ROBOTS_PER_NODE_MAX);
