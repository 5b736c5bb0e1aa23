import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { CERTIFICATE, listenOn, portOf } from './sinks.js'

/** Attributes by name, with their decoded values. */
type Attributes = Record<string, string | number>

export interface CollectedRecord {
  readonly time: string
  readonly severity: string
  readonly event: string
  readonly body: string
  readonly attributes: Attributes
  readonly resource: Attributes
  readonly scope: string
}

/** Response to a request; the last one is repeated. */
export interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

const TOOK: Answer = { status: 200, body: '{}' }

/** Receives OTLP over HTTP in JSON. */
export class Collector {
  readonly records: CollectedRecord[] = []
  readonly requests: {
    method: string
    url: string
    headers: IncomingMessage['headers']
    /** Size as sent and size after decompression. */
    octets: readonly [number, number]
  }[] = []
  answers: readonly Answer[] = [TOOK]
  /** Whether it closes the connection instead of answering a second request. */
  impatient = false
  private readonly asked = new WeakSet<object>()
  private readonly server

  constructor(t: Test, secure = false) {
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.serve(request, response)
    const key = 'test/fixtures/tls/siem.example.key'
    this.server = secure
      ? createSecure({ cert: readFileSync(CERTIFICATE), key: readFileSync(key) }, serve)
      : createServer(serve)
    t.teardown(() => this.close())
  }

  get port(): number {
    return portOf(this.server)
  }

  async listen(port = 0): Promise<this> {
    await listenOn(this.server, port)
    return this
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>(resolve => this.server.close(() => resolve()))
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
    const { method = '', url = '', headers, socket } = request
    if (this.impatient && this.asked.has(socket)) return void socket.destroy()
    this.asked.add(socket)
    const sent = Buffer.concat(pieces)
    const body = headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
    this.requests.push({ method, url, headers, octets: [sent.length, body.length] })
    const [answer = TOOK, ...others] = this.answers
    if (others.length > 0) this.answers = others
    if (answer.status === 200) this.records.push(...readRequest(body.toString()))
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
    response.end(answer.body ?? '{}')
  }
}

interface Value {
  readonly stringValue?: string
  readonly intValue?: string
}
interface Pairs {
  readonly attributes: readonly { key: string; value: Value }[]
}
interface Request {
  readonly resourceLogs: readonly {
    readonly resource: Pairs
    readonly scopeLogs: readonly {
      readonly scope: { name: string; version: string }
      readonly logRecords: readonly (Pairs & {
        readonly timeUnixNano: string
        readonly severityNumber: number
        readonly severityText: string
        readonly eventName: string
        readonly body: Value
      })[]
    }[]
  }[]
}

function readRequest(text: string): CollectedRecord[] {
  const { resourceLogs } = JSON.parse(text) as Request
  return resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ scope, logRecords }) =>
      logRecords.map(record => ({
        time: new Date(Number(BigInt(record.timeUnixNano) / 1_000_000n)).toISOString(),
        severity: `${record.severityNumber} ${record.severityText}`,
        event: record.eventName,
        body: record.body.stringValue!,
        attributes: read(record),
        resource: read(resource),
        scope: `${scope.name} ${scope.version}`
      }))
    )
  )
}

function read({ attributes }: Pairs): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)])
  )
}
