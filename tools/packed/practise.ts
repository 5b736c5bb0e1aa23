import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import packet from 'dns-packet'
import type { Milliseconds } from '../../src/base/units.js'

/** A start takes half a second, on a machine under load several. */
const PATIENCE: Milliseconds = 30_000
const ANSWER_PATIENCE: Milliseconds = 5_000

/** One that is banned, one that is special, one for an upstream. */
const NAMES = ['www.tiktok.com', 'localhost', 'www.example.com']

/**
 * Serves with the shipped rules on a free port, asks what clients ask, and stops: what V8 compiles
 * for that is kept.
 *
 * @param program  the command `interdict`
 * @param preload  `keep-code.ts` as a file in CommonJS
 * @param folder   where V8's code goes, by the name of the packed file, and what the program writes
 * @throws Error with what the program said, if it did not serve
 */
export async function practise(program: string, preload: string, folder: string): Promise<void> {
  const upstream = createSocket('udp4', (query, { port, address }) => {
    upstream.send(answerTo(query), port, address)
  })
  upstream.bind(0, '127.0.0.1')
  await once(upstream, 'listening')
  const settings = join(folder, 'interdict.yaml')
  writeFileSync(settings, settingsFor(upstream.address().port))
  // No flags for V8: it takes code back only under those under which it was made.
  const env = { ...process.env, KEEP_CODE: resolve(folder), NODE_OPTIONS: undefined }
  const words = ['--require', preload, program, 'serve', '-c', settings]
  const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
  try {
    await useOnce(child)
  } finally {
    clearTimeout(timer)
    upstream.close()
  }
}

async function useOnce(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  const said: string[] = []
  for await (const line of createInterface({ input: child.stderr! })) {
    said.push(line)
    const port = /"endpoint":"127\.0\.0\.1:(\d+)"/.exec(line)?.[1]
    if (port === undefined) continue
    for (const name of NAMES) await ask(Number(port), name)
    child.kill('SIGTERM')
  }
  const [status] = (await ended) as [number | null]
  if (status !== 0) throw new Error(said.join('\n'))
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

async function ask(port: number, name: string): Promise<void> {
  const socket = createSocket('udp4')
  const question = { type: 'A' as const, name }
  const flags = packet.RECURSION_DESIRED
  const query = packet.encode({ type: 'query', id: 1, flags, questions: [question] })
  socket.send(query, port, '127.0.0.1')
  await once(socket, 'message', { signal: AbortSignal.timeout(ANSWER_PATIENCE) })
  socket.close()
}
