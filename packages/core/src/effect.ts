/**
 * Everything core can ask of its driver, as data.
 * An effect with `after` waits for that commit to be durable while inputs go on (rule DU1). Order is kept among sync frames to one peer, gossip
 * of topic `state`, and events; everything else is complete in itself, and what needs no commit may overtake what does.
 */
import type { CommandResult } from "./command.ts";
import type { StoreOp, StoreRange } from "./driver/store.ts";
import type { AdmissionRefusal, Channel, Topic, Validation } from "./driver/transport.ts";
import type { CoreEvent } from "./event.ts";
import type { NodeId } from "./ids.ts";
import type { CommitId, LoadId, TimerId } from "./input.ts";

export type Effect =
  | { readonly type: "validate"; readonly result: Validation }
  | { readonly type: "admit"; readonly refusal: AdmissionRefusal | undefined }
  | {
      readonly type: "publish";
      readonly topic: Topic;
      readonly bytes: Uint8Array;
      readonly after?: CommitId | undefined;
    }
  | {
      readonly type: "send";
      readonly to: NodeId;
      readonly channel: Channel;
      readonly bytes: Uint8Array;
      readonly after?: CommitId | undefined;
    }
  | { readonly type: "persist"; readonly commit: CommitId; readonly ops: readonly StoreOp[] }
  | { readonly type: "load"; readonly load: LoadId; readonly range: StoreRange }
  | {
      readonly type: "set-timer";
      readonly id: TimerId;
      readonly generation: number;
      readonly atMonoMs: number;
    }
  | { readonly type: "emit"; readonly event: CoreEvent; readonly after?: CommitId | undefined }
  | {
      readonly type: "reply";
      readonly id: number;
      readonly result: CommandResult;
      readonly after?: CommitId | undefined;
    }
  /** Who has become a member of the roster, and who is none any more: only members are dialled again and told of (rule CH6). */
  | {
      readonly type: "members";
      readonly joined: readonly NodeId[];
      readonly left: readonly NodeId[];
    }
  /** Members that this node wants a standing connection to, all of them each time; none leaves the choice to the transport (rule PU8). */
  | { readonly type: "links"; readonly nodes: readonly NodeId[] }
  /** The grant that this node presents from now on (rule ME3). */
  | { readonly type: "present"; readonly grant: string | undefined }
  /**
   * Peers that are let in no longer: revoked, or their grant is over. Done at once; what waits for the commit is that they have been told what there is to
   * tell them, the statement by which they are out.
   */
  | {
      readonly type: "expel";
      readonly nodes: readonly NodeId[];
      readonly after?: CommitId | undefined;
    };
