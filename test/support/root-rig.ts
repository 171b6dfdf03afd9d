/** A root's folder, the node that made the fleet, and a core that judges what they sign; for tests of root statements. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuthorityView, CommandResult, FleetId, NodeId } from "@pulsemesh/core";
import { CoreRig, createTestPorts } from "@pulsemesh/testkit";
import { tokenPort } from "../../packages/node/src/ports/tokens.ts";
import { START_S } from "../../packages/node/src/authority/enrolment.test-support.ts";
import {
  createFleetAuthority,
  type FleetAuthority,
} from "../../packages/node/src/authority/fleet-authority.ts";

/** Some node of a closed fleet, which holds what it is handed. */
export class JudgingNode {
  readonly #core: CoreRig;
  #command = 0;

  constructor(fleet: FleetId, statements: readonly string[]) {
    const ports = { ...createTestPorts("judge"), tokens: tokenPort };
    const config = { statements };
    this.#core = new CoreRig("judge", { fleet, ports, config, wallMs: START_S * 1_000 });
    this.#core.start();
  }

  /** What it answers: "ok", or the code with which it refuses. */
  take(token: string): string {
    const id = ++this.#command;
    const command = { type: "statement", token } as const;
    const effects = [...this.#core.input({ type: "command", id, command }), ...this.#core.settle()];
    const replies = effects.flatMap((effect): readonly CommandResult[] =>
      effect.type === "reply" && effect.id === id ? [effect.result] : [],
    );
    const [result] = replies;
    if (result === undefined) throw new Error("Nobody answered.");
    return result.ok ? "ok" : result.code;
  }

  get view(): AuthorityView {
    return this.#core.core.authority(this.#core.now);
  }

  standingOf(node: NodeId): string | undefined {
    return this.view.grants.find((grant) => grant.node === node)?.standing;
  }
}

/** Two folders as `init` leaves them. */
export class RootRig {
  readonly base: string = mkdtempSync(join(tmpdir(), "pulsemesh-root-"));
  readonly dir: string;
  readonly rootDir: string;
  made!: FleetAuthority;

  constructor(name: string = "") {
    this.dir = join(this.base, `${name}data`);
    this.rootDir = join(this.base, `${name}stick`);
  }

  async init(passphrase?: string): Promise<this> {
    const { dir, rootDir } = this;
    this.made = await createFleetAuthority({
      dir,
      rootDir,
      passphrase,
      region: "eu",
      nowS: START_S,
    });
    return this;
  }

  /** A node of this fleet, which knows what its first member does. */
  node(): JudgingNode {
    return new JudgingNode(this.made.fleet, this.made.statements);
  }

  path(name: string): string {
    return join(this.rootDir, name);
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true });
  }
}
