import { readAddress } from '../../../src/base/values/address.js'
import { compile } from '../../../src/policy/compile/compile.js'
import type { Claim } from '../../../src/policy/tables/claim.js'
import { ClaimPacker } from '../../../src/policy/tables/claim-table.js'
import type { Snapshot } from '../../../src/policy/tables/snapshot.js'
import { packSources } from '../../../src/policy/tables/source-table.js'
import { QueryEvent } from '../../../src/lookups/event/query-event.js'
import type { MatchedEntry } from '../../../src/lookups/record/snapshot-fields.js'
import type { RuleSet } from '../../../src/policy/rules/model/types.js'

/** 2023-03-13T09:26:53.589Z */
export const WALL = 1678699613589

export const SHA256 = '9f86d081884c'.padEnd(64, '0')

export type EventFields = Partial<Omit<QueryEvent, 'client' | 'qname' | 'qnameLength'>> & {
  client?: string
  /** Labels as octets or ASCII text. */
  labels?: readonly (string | Uint8Array)[]
}

/** An event with default values except for the given ones. */
export function eventOf({
  client = '10.20.3.4',
  labels = ['tiktok', 'com'],
  ...rest
}: EventFields) {
  const event = Object.assign(new QueryEvent(), { time: WALL, generation: 1, qtype: 1, ...rest })
  event.client.set(wordsOf(client))
  const name = wireName(labels)
  event.qname.set(name)
  event.qnameLength = name.length
  return event
}

export function wordsOf(address: string): Uint32Array {
  const octets = readAddress(address)
  const view = new DataView(octets.buffer, octets.byteOffset)
  return Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(4 * i))
}

export function wireName(labels: readonly (string | Uint8Array)[]): Uint8Array {
  const octets = labels.map(label => Buffer.from(label))
  return Buffer.concat([
    ...octets.flatMap(label => [Uint8Array.of(label.length), label]),
    Buffer.of(0)
  ])
}

/** Not used by the log. */
const CONTENT = { names: 1, digest: 0, digestBasis: 0, triggerRank: undefined }
const RULES: RuleSet = {
  ...{ networks: [], sources: [], timeZone: 'UTC', files: [] },
  ...{ sha256: '', filesSha256: '', ownSha256: '', zones: [] }
}

/** A ban through an app, a block through a list, an exception with names of its own. */
const CLAIMS = [
  claim(0, 'ban', 'federal-phones/tiktok', 14, { kind: 'app', id: 'tiktok' }),
  claim(1, 'block', 'federal-phones/malware', 30, { kind: 'list', id: 'malware' }),
  claim(2, 'exception', 'federal-phones/press', 22, { kind: 'inline', id: 'networks.yaml:24' }),
  claim(3, 'allow', 'federal-phones/"odd" é', 40, { kind: 'inline', id: 'networks.yaml:41' }),
  claim(4, 'local', 'special-use', 0, { kind: 'local', id: 'special-use' }),
  claim(5, 'record', 'networks.yaml:40', 40, { kind: 'inline', id: 'networks.yaml:40' })
]

function claim(
  index: number,
  kind: Claim['kind'],
  ruleId: string,
  ruleLine: number,
  source: Pick<Claim['source'], 'kind' | 'id'>
): Claim {
  return {
    ...{ tier: 1, kind, ruleId, ruleFile: 'networks.yaml', ruleLine },
    source: {
      ...source,
      ...{ index, part: '', isPass: false, isEncloser: false },
      ...{ title: source.id, file: 'apps/tiktok.yaml' },
      ...CONTENT
    },
    ...{
      from: -Infinity,
      until: Infinity,
      monitor: false,
      reply: undefined,
      qtypes: undefined,
      facts: {}
    }
  }
}

const packer = new ClaimPacker()
for (const one of CLAIMS) packer.add(one)
const PACKED_CLAIMS = packer.finish()
const SOURCE_LIST = packSources(CLAIMS.map(({ source }) => source))

/** Compiled once: a property test asks for it ten thousand times. */
const EMPTY = compile(RULES, { generation: 0, random: () => 0 })

export function snapshotOf(generation: number): Snapshot {
  return {
    ...EMPTY,
    generation,
    origin: { ...EMPTY.origin, sha256: SHA256 },
    sources: { ...EMPTY.sources, list: SOURCE_LIST },
    claims: { ...EMPTY.claims, ...PACKED_CLAIMS },
    clients: {
      ...EMPTY.clients,
      networks: ['federal-phones', 'guests'],
      networkOf: Int32Array.of(-1, 0, 1)
    }
  }
}

export function matchedRule(_: Snapshot, claim: number, record: number): MatchedEntry {
  const [sourceFile, sourceLine] = [`apps/${claim}.yaml`, record]
  return { pattern: `=name${record}.example`, sourceFile, sourceLine, length: 0 }
}

/** A service log that records its entries. */
export function rememberingLog() {
  const told: { code: unknown; message: string }[] = []
  const tell = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    told.push({ code: fields.code, message })
  }
  return { told, info: tell, warn: tell, error: tell }
}
