/** Every rule that is broken on purpose, in the order of docs/mutations.md. */
import { addressMutations } from "./address-mutations.ts";
import { admissionMutations } from "./admission-mutations.ts";
import { astrayMutations } from "./astray-mutations.ts";
import { authorityMutations } from "./authority-mutations.ts";
import { clientMutations } from "./client-mutations.ts";
import { configMutations } from "./config-mutations.ts";
import { custodyMutations } from "./custody-mutations.ts";
import { diskMutations } from "./disk-mutations.ts";
import { enrolmentMutations } from "./enrolment-mutations.ts";
import { evidenceMutations } from "./evidence-mutations.ts";
import { folderMutations } from "./folder-mutations.ts";
import { formerMutations } from "./former-mutations.ts";
import { gossipMutations } from "./gossip-mutations.ts";
import { hostileMutations } from "./hostile-mutations.ts";
import { introducingMutations } from "./introducing-mutations.ts";
import { inventoryMutations } from "./inventory-mutations.ts";
import { pulseMutations, verdictMutations } from "./liveness-mutations.ts";
import { lastWordMutations } from "./last-word-mutations.ts";
import { membershipMutations } from "./membership-mutations.ts";
import type { Mutation } from "./mutation.ts";
import { offlineMutations } from "./offline-mutations.ts";
import { outsideMutations } from "./outside-mutations.ts";
import { partedMutations } from "./parted-mutations.ts";
import { toldMutations } from "./told-mutations.ts";
import { regularityMutations } from "./regularity-mutations.ts";
import { rotationMutations } from "./rotation-mutations.ts";
import { startMutations } from "./start-mutations.ts";
import { chainMutations, durabilityMutations, robotMutations } from "./state-mutations.ts";
import { supervisionMutations } from "./supervision-mutations.ts";
import { sampleMutations } from "./sample-mutations.ts";
import { theftMutations } from "./theft-mutations.ts";
import { regionMutations } from "./region-mutations.ts";
import { largeFleetMutations } from "./large-fleet-mutations.ts";
import { linkMutations } from "./link-mutations.ts";
import { spreadMutations } from "./spread-mutations.ts";
import { witnessMutations } from "./witness-mutations.ts";

export const mutations: readonly Mutation[] = [
  ...verdictMutations,
  ...pulseMutations,
  ...chainMutations,
  ...robotMutations,
  ...durabilityMutations,
  ...witnessMutations,
  ...sampleMutations,
  ...largeFleetMutations,
  ...linkMutations,
  ...spreadMutations,
  ...regionMutations,
  ...addressMutations,
  ...inventoryMutations,
  ...clientMutations,
  ...configMutations,
  ...offlineMutations,
  ...diskMutations,
  ...startMutations,
  ...supervisionMutations,
  ...authorityMutations,
  ...custodyMutations,
  ...admissionMutations,
  ...lastWordMutations,
  ...gossipMutations,
  ...partedMutations,
  ...toldMutations,
  ...enrolmentMutations,
  ...folderMutations,
  ...outsideMutations,
  ...rotationMutations,
  ...evidenceMutations,
  ...theftMutations,
  ...hostileMutations,
  ...regularityMutations,
  ...membershipMutations,
  ...introducingMutations,
  ...astrayMutations,
  ...formerMutations,
];
