/**
 * A core that never learns that its process stood still: what it would have done meanwhile is done at once when it wakes, at the times at which
 * it was due. So the same run shows what self-doubt is worth (rule PU6).
 */
import type { Effect, Input, Now } from "@pulsemesh/core";
import type { CoreFactory } from "./sim-node.ts";

type TimerEffect = Extract<Effect, { readonly type: "set-timer" }>;

/** Timers that fire no later than this fired in time. */
const IN_TIME_MS = 50;

export function withoutSelfDoubt(createCore: CoreFactory): CoreFactory {
  return (ports, identity, config) => {
    const core = createCore(ports, identity, config);
    const timers = new Map<string, TimerEffect>();
    let last: Now | undefined;
    const take = (input: Input, now: Now): readonly Effect[] => {
      const effects = core.handle(input, now);
      for (const effect of effects) if (effect.type === "set-timer") timers.set(effect.id, effect);
      return effects;
    };
    const handle = (input: Input, real: Now): readonly Effect[] => {
      // A suspended machine would see its clocks part; this one goes by one of them.
      const apartMs = last === undefined ? real.wallMs - real.monoMs : last.wallMs - last.monoMs;
      const at = (monoMs: number): Now => ({ monoMs, wallMs: monoMs + apartMs });
      const effects: Effect[] = [];
      for (;;) {
        const due = [...timers.values()].toSorted((a, b) => a.atMonoMs - b.atMonoMs)[0];
        if (due === undefined || due.atMonoMs > real.monoMs - IN_TIME_MS) break;
        timers.delete(due.id);
        last = at(Math.max(due.atMonoMs, last?.monoMs ?? due.atMonoMs));
        effects.push(...take({ type: "timer", id: due.id, generation: due.generation }, last));
      }
      last = at(real.monoMs);
      effects.push(...take(input, last));
      return effects;
    };
    // The rest of a core changes nothing.
    return new Proxy(core, {
      get: (target, key) => {
        if (key === "handle") return handle;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  };
}
