import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { nanos, type NatsConnection } from '@nats-io/transport-node'
import {
  DiscardPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
  StorageType,
  type StreamInfo
} from '@nats-io/jetstream'
import { Kvm, type KV } from '@nats-io/kv'
import { Objm, type ObjectStore } from '@nats-io/obj'
import * as z from 'zod'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  BUNDLES_STORE,
  LIVE_STREAM,
  liveSubject,
  MAX_BLOCKED,
  readMessage,
  RINGS_BUCKET,
  ringSubject
} from '../channel/wire.js'

const TIMEOUT: Milliseconds = 3_000
/** Values of a ring that JetStream keeps. */
const HISTORY = 10
/** JSStreamNotFoundErr of nats-server. */
const NO_STREAM = 10_059
const RINGS_STREAM = `KV_${RINGS_BUCKET}`
const BUNDLES_STREAM = `OBJ_${BUNDLES_STORE}`
/** What gateways act on. */
const STREAMS = [RINGS_STREAM, BUNDLES_STREAM]
const missingStream = (name: string): string => `stream ${name} is missing`
/** Live blocked lookups stay for so long, at most so many octets: they are for watching, not a record. */
const LIVE_KEPT: Milliseconds = 3_600_000
const LIVE_SPACE: Octets = 256 * 1024 * 1024
/** Batches of one gateway, which so has at most a thirteenth of the space. */
const LIVE_BATCHES = 300

/** Header of the key-value store: a value was deleted. */
const OPERATION = 'KV-Operation'
const RING_PREFIX = ringSubject('')
const INFO_PREFIX = `$O.${BUNDLES_STORE}.M.`
const CHUNKS_PREFIX = `$O.${BUNDLES_STORE}.C.`
const MAX_INFO: Octets = 64 * 1024
const infoSchema = z.object({ nuid: z.string(), deleted: z.boolean().optional() })

/** Settings of both streams that must be so, by which messages could be changed, expire, or come from elsewhere. */
const UNCHANGED = {
  ...{ mirror: undefined, sources: undefined, republish: undefined, subject_transform: undefined },
  ...{ max_age: 0, max_msgs: -1, max_bytes: -1, sealed: false, allow_rollup_hdrs: true },
  allow_direct: true
}
const RINGS = { subjects: [`${RING_PREFIX}>`], max_msgs_per_subject: HISTORY }
const BUNDLES = { subjects: [`${CHUNKS_PREFIX}>`, `${INFO_PREFIX}>`], max_msgs_per_subject: -1 }

/** What the streams should hold. */
export interface StreamContents {
  /** Values that each ring may have. */
  readonly rings: ReadonlyMap<
    string,
    { readonly values: readonly string[]; readonly isNeeded: boolean }
  >
  /** Bundles that may be there, by file. */
  readonly bundles: ReadonlyMap<string, { readonly sha256: string; readonly isNeeded: boolean }>
}

/** The streams of JetStream. Only the hub writes them: gateways read rings and bundles, and no more. */
export class HubStreams {
  /** State of the stream of bundles when all its chunks were last read and found right. */
  private verified = ''
  /** Values of rings as they were last seen or written. */
  private readonly values = new Map<string, { readonly value: string; readonly revision: number }>()

  private constructor(
    private readonly manager: JetStreamManager,
    private readonly rings: KV,
    private readonly bundles: ObjectStore
  ) {}

  /** Which of the streams are missing, before `open` creates them. Fails at once if JetStream is off or has no leader. */
  static async missing(connection: NatsConnection): Promise<string[]> {
    const manager = await jetstreamManager(connection, { timeout: TIMEOUT })
    const missing: string[] = []
    for (const name of STREAMS)
      if ((await infoOf(manager, name)) === undefined) missing.push(missingStream(name))
    return missing
  }

  /** Creates the streams that do not exist. Throws errors of NATS. */
  static async open(connection: NatsConnection, replicas: number): Promise<HubStreams> {
    const manager = await jetstreamManager(connection, { timeout: TIMEOUT })
    const client = jetstream(connection, { timeout: TIMEOUT })
    const rings = await new Kvm(client).create(RINGS_BUCKET, { replicas, history: HISTORY })
    const bundles = await new Objm(client).create(BUNDLES_STORE, { replicas })
    await createLiveStream(manager, replicas)
    return new HubStreams(manager, rings, bundles)
  }

  /**
   * Sets the value of a ring. A hub that was stopped meanwhile cannot replace what another one has written since: it names the
   * revision that it knows.
   */
  async want(ring: string, value: string): Promise<void> {
    let known = this.values.get(ring)
    if (known === undefined) {
      const stored = await this.rings.get(ring)
      known = { value: stored?.string() ?? '', revision: stored?.revision ?? 0 }
      this.values.set(ring, known)
    }
    if (known.value === value) return
    this.values.delete(ring)
    const revision =
      known.revision === 0
        ? await this.rings.create(ring, value)
        : await this.rings.update(ring, value, known.revision)
    this.values.set(ring, { value, revision })
  }

  async putBundle(file: string, octets: () => Promise<Uint8Array>): Promise<void> {
    const { bundles } = this
    const known = await bundles.info(file)
    if (known === null || known.deleted) await bundles.putBlob({ name: file }, await octets())
  }

  async keepBundles(files: ReadonlySet<string>): Promise<void> {
    const { bundles } = this
    for (const { name, deleted } of await bundles.list())
      if (!deleted && !files.has(name)) await bundles.delete(name)
  }

  /**
   * Compares the streams with what they should hold. All bundles are read again if anything was written to their stream, or
   * removed from it, since they were last found right.
   *
   * @returns what is missing or foreign, for people
   */
  async differences({ rings, bundles }: StreamContents): Promise<string[]> {
    const { manager } = this
    const all = { subjects_filter: '>' }
    const [values, objects] = [
      await infoOf(manager, RINGS_STREAM, all),
      await infoOf(manager, BUNDLES_STREAM, all)
    ]
    const found: string[] = []
    if (values === undefined) found.push(missingStream(RINGS_STREAM))
    else
      found.push(
        ...configDifferences(values, RINGS),
        ...(await this.ringDifferences(values, rings))
      )
    if (objects === undefined) return [...found, missingStream(BUNDLES_STREAM)]
    found.push(...configDifferences(objects, BUNDLES))
    const state = stateOf(objects)
    if (state === this.verified) return found
    const wrong = await this.bundleDifferences(objects, bundles)
    if (wrong.length === 0) this.verified = state
    return [...found, ...wrong]
  }

  /** Deletes the streams of rings and bundles, whatever they hold; `open` creates them again. */
  async remove(): Promise<void> {
    for (const name of STREAMS) {
      await this.manager.streams.delete(name).catch((error: unknown) => {
        if (!isMissing(error)) throw error
      })
    }
  }

  private async ringDifferences(
    { state }: StreamInfo,
    rings: StreamContents['rings']
  ): Promise<string[]> {
    const { manager } = this
    const known = Object.keys(state.subjects ?? {}).map(subject =>
      subject.slice(RING_PREFIX.length)
    )
    const found = known.filter(ring => !rings.has(ring)).map(ring => `foreign ring ${ring}`)
    for (const [ring, { values, isNeeded }] of rings) {
      const query = { last_by_subj: ringSubject(ring) }
      const stored = await manager.streams.getMessage(RINGS_STREAM, query)
      if (stored === null || stored.header.has(OPERATION)) {
        if (isNeeded) found.push(`ring ${ring} has no value`)
      } else if (!values.includes(stored.string())) found.push(`ring ${ring} has a foreign value`)
    }
    return found
  }

  private async bundleDifferences(
    { state }: StreamInfo,
    bundles: StreamContents['bundles']
  ): Promise<string[]> {
    const subjects = new Map(Object.entries(state.subjects ?? {}))
    const missing = new Set([...bundles].filter(([, one]) => one.isNeeded).map(([file]) => file))
    const found: string[] = []
    for (const subject of subjects.keys()) {
      if (!subject.startsWith(INFO_PREFIX)) continue
      const info = await this.infoAt(subject)
      if (info?.deleted === true) continue
      const name = Buffer.from(subject.slice(INFO_PREFIX.length), 'base64url').toString()
      missing.delete(name)
      const chunks = `${CHUNKS_PREFIX}${info?.nuid}`
      const expected = bundles.get(name)
      if (expected === undefined) found.push(`foreign bundle ${name}`)
      else if ((await this.hashOf(chunks, subjects.get(chunks) ?? 0)) !== expected.sha256)
        found.push(`bundle ${name} is damaged`)
      subjects.delete(chunks)
    }
    const rest = [...subjects.keys()].filter(subject => subject.startsWith(CHUNKS_PREFIX))
    return [
      ...found,
      ...[...missing].map(file => `bundle ${file} is missing`),
      ...rest.map(subject => `foreign message on ${subject}`)
    ]
  }

  /** The description of a bundle; undefined: it is malformed. */
  private async infoAt(subject: string) {
    const stored = await this.manager.streams.getMessage(BUNDLES_STREAM, { last_by_subj: subject })
    return stored === null ? undefined : readMessage(stored.data, infoSchema, MAX_INFO)
  }

  /** SHA-256 of the chunks on a subject, in order, as gateways read them. */
  private async hashOf(subject: string, count: number): Promise<string> {
    const hash = createHash('sha256')
    let seq = 1
    for (let i = 0; i < count; i++) {
      const query = { seq, next_by_subj: subject }
      const chunk = await this.manager.streams.getMessage(BUNDLES_STREAM, query)
      if (chunk === null) return ''
      hash.update(chunk.data)
      seq = chunk.seq + 1
    }
    return hash.digest('hex')
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === NO_STREAM

/** Undefined: there is no such stream. */
async function infoOf(
  manager: JetStreamManager,
  name: string,
  options?: { readonly subjects_filter: string }
): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name, options)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Settings that others than the hub have changed. */
function configDifferences({ config }: StreamInfo, expected: object): string[] {
  const wanted: Record<string, unknown> = { ...UNCHANGED, ...expected }
  const given = config as unknown as Record<string, unknown>
  return Object.keys(wanted)
    .filter(key => !isDeepStrictEqual(given[key] ?? undefined, wanted[key]))
    .map(key => `stream ${config.name} has another ${key}`)
}

/** Changes with every message that is written or removed. */
function stateOf({ created, state }: StreamInfo): string {
  const { messages, bytes, first_seq, last_seq, num_deleted, num_subjects } = state
  return [created, messages, bytes, first_seq, last_seq, num_deleted, num_subjects].join(' ')
}

/** Only the hub writes: by its limits a gateway with many blocked lookups displaces its own only. */
async function createLiveStream(manager: JetStreamManager, replicas: number): Promise<void> {
  const config = {
    ...{ subjects: [liveSubject('*')], num_replicas: replicas, storage: StorageType.File },
    ...{ max_age: nanos(LIVE_KEPT), max_bytes: LIVE_SPACE, max_msg_size: MAX_BLOCKED },
    ...{ max_msgs_per_subject: LIVE_BATCHES, discard: DiscardPolicy.Old, allow_direct: true }
  }
  const known = await infoOf(manager, LIVE_STREAM)
  if (known === undefined) await manager.streams.add({ name: LIVE_STREAM, ...config })
}
