import { createSocket } from 'node:dgram'
import { decodeMessage } from '../../src/dns/message/decode-message.js'
import { readName } from '../../src/dns/name/name.js'
import { readRrtype } from '../../src/dns/registry/rrtype.js'
import type { Question } from './rpz-zone.js'

const AT_A_TIME = 100
const TRIES = 3
const PATIENCE_MS = 3000

/** Asks a server everything, some at a time, and says in few words what came of each question. */
export async function outcomes(port: number, questions: readonly Question[]): Promise<string[]> {
  const found = new Array<string>(questions.length)
  let next = 0
  const askOn = async (): Promise<void> => {
    for (let i = next++; i < questions.length; i = next++) {
      found[i] = await outcome(port, questions[i]!)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, askOn))
  return found
}

/** Silence is what nothing came of, several times. */
async function outcome(port: number, question: Question): Promise<string> {
  for (let i = 0; i < TRIES; i++) {
    const reply = await ask(port, question)
    if (reply !== undefined) return inWords(reply, question)
  }
  return 'silence'
}

async function ask(port: number, { name, type, from }: Question): Promise<Buffer | undefined> {
  const socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(0, from, resolve))
  const head = Buffer.from([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const message = Buffer.concat([head, readName(name), Buffer.of(0, readRrtype(type)!, 0, 1)])
  const reply = await new Promise<Buffer | undefined>(resolve => {
    const timer = setTimeout(resolve, PATIENCE_MS, undefined)
    socket.on('message', octets => {
      clearTimeout(timer)
      resolve(octets)
    })
    socket.send(message, port, '127.0.0.1')
  })
  socket.close()
  return reply
}

/** What the name asked for has of the type asked for, or what is said instead. */
function inWords(reply: Buffer, { name, type }: Question): string {
  const { rcode, flags, records } = decodeMessage(reply)
  if (flags.includes('tc')) return 'TCP'
  const own = records.filter(record => record.section === 'answer' && record.name === name)
  const alias = own.find(record => record.type === 'CNAME')
  if (alias !== undefined) return `CNAME ${alias.data}`
  if (rcode !== 'NOERROR') return rcode
  const data = own.filter(record => record.type === type).map(record => record.data)
  return data.length === 0 ? 'no records' : data.sort().join(', ')
}
