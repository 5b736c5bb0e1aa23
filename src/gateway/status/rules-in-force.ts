import { serialize } from 'node:v8'
import { packageVersion } from '../../base/package.js'
import type { Octets } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { withoutSharedMemory } from './shared-memory.js'

/** What the admin socket says of the rules in force before it sends them. */
export interface RulesInForceFacts {
  /** Of the gateway: only the same version of the program can read them. */
  readonly version: string
  readonly sha256: string
  readonly generation: number
  /** Of the octets that follow, part by part. */
  readonly sizes: readonly Octets[]
}

/** A reply with octets behind its line. */
export class OctetReply {
  constructor(
    readonly facts: object,
    readonly parts: readonly Uint8Array[]
  ) {}
}

/** @param packedRules see `packRules` */
export function packRulesInForce(snapshot: Snapshot, packedRules: Uint8Array): OctetReply {
  const memory: SharedArrayBuffer[] = []
  const structure = serialize(withoutSharedMemory({ snapshot, packedRules }, memory))
  const parts = [structure, ...memory.map(one => new Uint8Array(one))]
  const { generation, origin } = snapshot
  const sizes = parts.map(({ length }) => length)
  const facts: RulesInForceFacts = {
    ...{ version: packageVersion(), sha256: origin.sha256, generation },
    sizes
  }
  return new OctetReply(facts, parts)
}
