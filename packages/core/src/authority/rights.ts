/**
 * What each author may write, as it was when the parts of this node were last told (rules ME1, ME3): whose entries count, and about which robots of a
 * document they count. All of them ask here and none asks the statements, so that within one input everybody works by the same word; who is
 * touched by a change is looked at while the old word still holds, and {@link Rights.renew} makes the new one hold.
 */
import type { DocumentName, NodeId, RobotId } from "../ids.ts";
import type { Authority, Authorship } from "./authority.ts";
import type { GrantClaims } from "./claims.ts";
import { allowsRobot } from "./robot-pattern.ts";

/** The epoch of what stands for a revoked author: no chain has it, as those begin with 1. */
export const CUSTODY_EPOCH: number = 0;

/** Whose records of one document are shown, and about which robots. */
export interface DocumentRights {
  /** Everybody's about everything. */
  readonly isOpen: boolean;
  shows(source: { readonly author: NodeId; readonly epoch: number }, robot: RobotId): boolean;
}

interface AuthorRights {
  readonly authorship: Authorship;
  readonly grant: GrantClaims | undefined;
}

const OPEN: AuthorRights = { authorship: "open", grant: undefined };

export class Rights {
  readonly #authority: Authority;
  /** Of those whose chains are held, and of who has a grant or was revoked: of other strangers nothing is kept. */
  readonly #known = new Map<NodeId, AuthorRights>();
  #isClosed = false;

  constructor(authority: Authority) {
    this.#authority = authority;
  }

  /** While the fleet is open everybody may write everything, and nobody needs to be asked about. */
  get isOpen(): boolean {
    return !this.#isClosed;
  }

  authorship(author: NodeId): Authorship {
    return this.#of(author).authorship;
  }

  /** Whether entries of the author are taken, told and asked for. */
  counts(author: NodeId): boolean {
    if (!this.#isClosed) return true;
    return this.authorship(author) === "writer";
  }

  /** Whether what an author says of a robot in one epoch is shown. */
  shows(
    document: DocumentName,
    { author, epoch }: { readonly author: NodeId; readonly epoch: number },
    robot: RobotId,
  ): boolean {
    if (!this.#isClosed) return true;
    // Of a revoked author that which its revocation names, and nothing else; nobody's word but the revocation's is asked about it.
    if ((this.authorship(author) === "revoked") !== (epoch === CUSTODY_EPOCH)) return false;
    return epoch === CUSTODY_EPOCH || this.covers(document, author, robot);
  }

  /** The same of one document, as its records ask. */
  of(document: DocumentName): DocumentRights {
    const isOpen = (): boolean => this.isOpen;
    return {
      get isOpen() {
        return isOpen();
      },
      shows: (source, robot) => this.shows(document, source, robot),
    };
  }

  /** Whether the author's newest grant is about the robot of that document, whatever was revoked since. */
  covers(document: DocumentName, author: NodeId, robot: RobotId): boolean {
    if (!this.#isClosed) return true;
    const { grant } = this.#of(author);
    if (grant === undefined) return false;
    const { roles, robots } = grant;
    switch (document) {
      case "reported":
        return !roles.includes("observer") && allowsRobot(robots, robot);
      case "desired":
        return roles.includes("operator") && allowsRobot(robots, robot);
      case "roster":
        // Its "robots" are nodes.
        return roles.includes("operator") || roles.includes("gateway") || robot === author;
    }
  }

  /** Who of these may write something else from {@link renew} on. */
  changed(authors: Iterable<NodeId>): readonly NodeId[] {
    return [...authors].filter((author) => nameOf(this.#of(author)) !== nameOf(this.#now(author)));
  }

  /** What the statements say holds from now on; `authors` are those of whom anything is held, so that it is known what held before. */
  renew(authors: Iterable<NodeId>): void {
    this.#isClosed = this.#authority.isClosed;
    this.#known.clear();
    if (this.#isClosed) for (const author of authors) this.#known.set(author, this.#now(author));
  }

  #of(author: NodeId): AuthorRights {
    if (!this.#isClosed) return OPEN;
    const known = this.#known.get(author);
    if (known !== undefined) return known;
    const rights = this.#now(author);
    if (rights.authorship !== "none") this.#known.set(author, rights);
    return rights;
  }

  #now(author: NodeId): AuthorRights {
    const authorship = this.#authority.authorship(author);
    return authorship === "open" ? OPEN : { authorship, grant: this.#authority.grantOf(author) };
  }
}

function nameOf({ authorship, grant }: AuthorRights): string {
  return [authorship, ...(grant?.roles ?? []), "", ...(grant?.robots ?? [])].join();
}
