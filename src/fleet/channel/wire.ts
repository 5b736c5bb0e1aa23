import * as z from 'zod'
import type { Octets } from '../../base/units.js'
import { MAX_FILE } from '../../sources/bundle/manifest.js'
import { MAX_ROOTS } from '../../sources/root/root.js'

/**
 * What gateways and the hub of a fleet send each other. Nothing here is trusted: a gateway takes a bundle only
 * with the signatures of its settings, and the hub a report only with the signature of the gateway.
 */

/** The bucket of JetStream's key-value store with what each ring should run; the key is the ring. */
export const RINGS_BUCKET = 'interdict-rings'
/** The object store of bundles. */
export const BUNDLES_STORE = 'interdict-bundles'
/** Subject on which a new value of the bucket arrives. */
export const ringSubject = (ring: string): string => `$KV.${RINGS_BUCKET}.${ring}`

/**
 * Subjects that a gateway publishes on. Each gateway has a NATS account of its own, and its imports append the key of that
 * account on the way to the hub: `atHub`. The hub knows the sender by that key, whatever the message says.
 */
export const REPORT_SUBJECT = 'interdict.report'
/** Requests for credentials; the account of enrolment has no other subject. */
export const ENROL_SUBJECT = 'interdict.enrol'
/** Requests which files of a gateway the centre has. */
export const LOGS_SUBJECT = 'interdict.logs'
/** Chunks of log files. */
export const UPLOAD_SUBJECT = 'interdict.upload'
/** Requests to countersign a checkpoint of the chain of a gateway's query log. */
export const WITNESS_SUBJECT = 'interdict.witness'
/** Blocked lookups as they happen: lines of the query log. */
export const BLOCKED_SUBJECT = 'interdict.blocked'
/** A subject of the hub's account. @param account public key of the sender's account; `*`: of all */
export const atHub = (subject: string, account: string): string => `${subject}.${account}`

/** The stream of live blocked lookups, which only the hub writes. */
export const LIVE_STREAM = 'interdict-live'
export const liveSubject = (gateway: string): string => `interdict.live.${gateway}`
/** The hub drops larger batches of blocked lookups. */
export const MAX_BLOCKED: Octets = 64 * 1024

/** Inbox of one user: nobody else may listen there. */
export const inboxOf = (user: string): string => `_INBOX.${user}`

export const MAX_WANTED: Octets = 4096
/** Larger reports are dropped. */
export const MAX_REPORT: Octets = 16 * 1024
/** Networks whose counts a report has. */
const MAX_NETWORKS = 50
/** Newly blocked names of a report. */
const MAX_NAMES = 20
/** A channel file has at most this many rings. */
const MAX_RINGS = 1000

const serial = z.int().min(1)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const instant = z.iso.datetime()
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
const count = z.number().min(0)

/** Name in the object store; beside `channel.json`. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$/)

/** The newest root of trust: its file has all versions up to it. */
export const wantedRootSchema = z.strictObject({
  version: z.int().min(1),
  /** Of the file. */
  sha256,
  size: z.int().min(1).max(MAX_ROOTS),
  file: fileName
})
export type WantedRoot = z.output<typeof wantedRootSchema>

/** What a ring should run. */
export const wantedSchema = z.strictObject({
  version: z.literal(1),
  serial,
  /** Of the bundle file. */
  sha256,
  size: z.int().min(1).max(MAX_FILE),
  file: fileName,
  at: instant,
  /** Undefined: the fleet has no root of trust. */
  root: wantedRootSchema.optional()
})
export type Wanted = z.output<typeof wantedSchema>

/** `channel.json`, for gateways that pull. */
export const channelFileSchema = z.strictObject({
  version: z.literal(1),
  rings: z.record(name, wantedSchema).refine(rings => Object.keys(rings).length <= MAX_RINGS)
})

/** What a gateway counted since its start. */
const countersSchema = z.strictObject({
  lookups: count,
  blocked: count,
  servfail: count,
  /** Sum of response times in milliseconds. */
  durationSum: count,
  /** Responses whose time was measured. */
  responses: count
})
export type Counters = z.output<typeof countersSchema>

/** Why something is not in force. */
const refusal = z.strictObject({ code: z.string().max(64), message: z.string().max(500) })

/** What a gateway trusts bundles by. */
const trustSchema = z.strictObject({
  /** Version of its root of trust; null: its settings have the keys. */
  root: z.int().min(1).nullable(),
  /** Public keys that may sign bundles. */
  keys: z.array(z.string().max(64)).max(16),
  signatures: z.int().min(1),
  /** Why a newer root is not accepted, or no keys can be read. */
  refused: refusal.nullable()
})
export type ReportedTrust = z.output<typeof trustSchema>

/**
 * A name that was not blocked under the bundle before, and is now: the one asked for most often in its registrable domain, with
 * the clients and lookups of that domain. Networks whose privacy mode is `none` send none.
 */
const newlyBlockedSchema = z.strictObject({
  name: z.string().max(253),
  network: z.string().max(64),
  /** Id of the rule. */
  rule: z.string().max(200),
  match: z.enum([
    ...(['none', 'qname', 'cname', 'dname', 'svcb'] as const),
    ...(['address', 'rebinding', 'ech', 'record'] as const)
  ]),
  clients: count,
  lookups: count,
  mustResolve: z.boolean()
})
export type NewlyBlockedName = z.output<typeof newlyBlockedSchema>

/** The state of a gateway. */
export const reportSchema = z.strictObject({
  version: z.literal(1),
  gateway: name,
  ring: name,
  /** Of the program. */
  program: z.string().max(100),
  /** By the clock of the gateway. */
  at: instant,
  started: instant,
  /** Of the report, counted from the start of the gateway: repeated reports are dropped. */
  number: z.int().min(1),
  /** Serial that the channel last named; null: it has named none. */
  wanted: serial.nullable(),
  /** Serial in force. */
  active: serial.nullable(),
  /** Of the rules in force. */
  rules: sha256,
  since: instant,
  ready: z.boolean(),
  /** Codes of `health.problems`. */
  problems: z.array(z.string().max(64)).max(64),
  /** Why the wanted bundle is not in force. */
  refused: refusal.nullable(),
  /** What the gateway's probe of its own bans found; null: it is off. */
  probe: z
    .strictObject({
      /** When a round last ended without a failure; null: none did yet. */
      good: instant.nullable(),
      failing: z.int().min(0)
    })
    .nullable(),
  /** What the gateway trusts bundles by; undefined: it does not know yet. */
  trust: trustSchema.optional(),
  /** Block rules that are paused. */
  paused: z.array(z.string().max(200)).max(100),
  counters: countersSchema,
  /** Lookups and blocked ones, by network, of those with the most lookups. */
  networks: z
    .record(z.string().max(64), z.tuple([count, count]))
    .refine(networks => Object.keys(networks).length <= MAX_NETWORKS)
    .optional(),
  /** Since the bundle of `serial` is in force; null or missing: not known. */
  names: z
    .strictObject({ serial, blocked: z.array(newlyBlockedSchema).max(MAX_NAMES) })
    .nullable()
    .optional()
})
export type Report = z.output<typeof reportSchema>

/** A signed report: `signature` is that of `report`, as text, by the nkey of the gateway. */
export const signedSchema = z.strictObject({
  report: z.string().max(MAX_REPORT),
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/)
})

/** Prefix of what is signed, so that signatures for other purposes are invalid here. */
export const signedOctets = (report: string): Uint8Array =>
  Buffer.from(`interdict-report 1\n${report}`)

/** A request for credentials. */
export const enrolSchema = z.strictObject({
  secret: z.string().max(100),
  /** Public nkey, which the gateway has made. */
  key: z.string().max(100)
})
export const enrolReplySchema = z.union([
  /** `root`: the newest root of trust, as in a file; undefined: the fleet has none. */
  z.strictObject({ jwt: z.string(), root: z.string().optional() }),
  z.strictObject({ error: z.string() })
])

/** A line of the chain of a query log. */
export const checkpointSchema = z.strictObject({ n: z.int().min(1), sha256 })
export const countersignReplySchema = z.union([
  z.strictObject({ at: instant, signature: z.string().max(100) }),
  z.strictObject({ error: z.string() })
])
export type CountersignReply = z.output<typeof countersignReplySchema>

/** Parses JSON by a schema. @returns undefined: it is something else, or larger than `limit` */
export function readMessage<S extends z.ZodType>(
  octets: Uint8Array,
  schema: S,
  limit: Octets
): z.output<S> | undefined {
  if (octets.length > limit) return undefined
  try {
    return schema.safeParse(JSON.parse(Buffer.from(octets).toString())).data
  } catch {
    return undefined
  }
}

/** The longest path in the central folder. */
const centralPath = z.string().max(256)
/** Files asked for at once. */
export const MAX_LOG_PATHS = 100

/** Header of a chunk with its description. */
export const CHUNK_HEADER = 'Interdict-Chunk'
/** Which part of which log file a chunk is. Without content it only requests where the upload should continue. */
export const logChunkSchema = z.strictObject({
  path: centralPath,
  /** Of the whole file. */
  sha256,
  size: z.int().min(0),
  /** Offset of the chunk. */
  at: z.int().min(0)
})
export type LogChunk = z.output<typeof logChunkSchema>

export const uploadReplySchema = z.union([
  /** The hub has the octets up to `at`; `done`: the whole file, with its digest. */
  z.strictObject({ at: z.int().min(0), done: z.boolean() }),
  z.strictObject({ error: z.string() })
])
export type UploadReply = z.output<typeof uploadReplySchema>

export const logPathsSchema = z.strictObject({ paths: z.array(centralPath).max(MAX_LOG_PATHS) })
