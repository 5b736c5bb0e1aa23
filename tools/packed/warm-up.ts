import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import packet from 'dns-packet'
import type { Milliseconds } from '../../src/base/units.js'

/** A start takes half a second, several on a loaded machine. */
const START_TIMEOUT: Milliseconds = 30_000
const ANSWER_TIMEOUT: Milliseconds = 5_000

/** A banned name, a special-use name, and one to forward. */
const NAMES = ['www.tiktok.com', 'localhost', 'www.example.com']

/**
 * Starts the server with the shipped rules on a free port, sends queries, and stops it, so that V8
 * compiles the code of a start.
 *
 * @param program  the command `interdict`
 * @param preload  `save-code-cache.ts` as a CommonJS file
 * @param folder   for code caches, named after the bundled files, and for files of the program
 * @throws Error with the program's output, if it did not serve
 */
export async function warmUp(program: string, preload: string, folder: string): Promise<void> {
  const upstream = createSocket('udp4', (query, { port, address }) => {
    upstream.send(answerTo(query), port, address)
  })
  upstream.bind(0, '127.0.0.1')
  await once(upstream, 'listening')
  const settings = join(folder, 'interdict.yaml')
  writeFileSync(settings, settingsFor(upstream.address().port))
  // Without V8 flags: a code cache is valid only under the flags it was made with.
  const env = { ...process.env, CODE_CACHE: resolve(folder), NODE_OPTIONS: undefined }
  const args = ['--require', preload, program, 'serve', '-c', settings]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT)
  try {
    await queryAndStop(child)
  } finally {
    clearTimeout(timer)
    upstream.close()
  }
}

async function queryAndStop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  const output: string[] = []
  for await (const line of createInterface({ input: child.stderr! })) {
    output.push(line)
    const port = /"endpoint":"127\.0\.0\.1:(\d+)"/.exec(line)?.[1]
    if (port === undefined) continue
    for (const name of NAMES) await query(Number(port), name)
    child.kill('SIGTERM')
  }
  const [status] = (await ended) as [number | null]
  if (status !== 0) throw new Error(output.join('\n'))
}

function settingsFor(upstream: number): string {
  return `
listen: ['127.0.0.1:0']
workers: 1
rules: ${resolve('rules')}
upstreams: { servers: ['127.0.0.1:${upstream}'] }
admin: { socket: '' }
state: { folder: state }
log: { queries: { file: queries.log, archive: false } }
`
}

function answerTo(query: Buffer): Buffer {
  const { id, questions } = packet.decode(query)
  const answers = questions?.map(({ name }) => {
    return { type: 'A' as const, name, ttl: 60, data: '192.0.2.1' }
  })
  return packet.encode({ type: 'response', id: id!, questions: questions!, answers: answers! })
}

async function query(port: number, name: string): Promise<void> {
  const socket = createSocket('udp4')
  const question = { type: 'A' as const, name }
  const flags = packet.RECURSION_DESIRED
  const query = packet.encode({ type: 'query', id: 1, flags, questions: [question] })
  socket.send(query, port, '127.0.0.1')
  await once(socket, 'message', { signal: AbortSignal.timeout(ANSWER_TIMEOUT) })
  socket.close()
}
