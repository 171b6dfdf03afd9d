/** Commands under way, each with the caller who waits for its reply. */
import type { Command, CommandResult } from "@pulsemesh/core";

/** Commands under way at most; further callers are told to come back. */
export const COMMANDS_MAX: number = 10_000;

interface Caller {
  readonly type: Command["type"];
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: Error) => void;
}

export class CommandTable {
  readonly #callers = new Map<number, Caller>();
  #nextId = 1;

  get size(): number {
    return this.#callers.size;
  }

  get isFull(): boolean {
    return this.#callers.size >= COMMANDS_MAX;
  }

  /** Registers a caller under a fresh id. */
  open(type: Command["type"]): { readonly id: number; readonly answer: Promise<CommandResult> } {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
    this.#callers.set(id, { type, resolve, reject });
    return { id, answer: promise };
  }

  resolve(id: number, result: CommandResult): void {
    this.#callers.get(id)?.resolve(result);
    this.#callers.delete(id);
  }

  /** Whoever waits for the disk will not be answered; a stop needs no disk. */
  rejectWrites(error: Error): void {
    for (const [id, caller] of this.#callers) {
      if (caller.type === "stop") continue;
      caller.reject(error);
      this.#callers.delete(id);
    }
  }

  /** Nobody will be answered any more. */
  rejectAll(error: Error): void {
    for (const caller of this.#callers.values()) caller.reject(error);
    this.#callers.clear();
  }
}
