import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { decodeMessage } from '../../src/wire/dns/message/decode-message.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { readRrtype } from '../../src/wire/dns/registry/rrtype.js'
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
    if (reply === undefined) continue
    if (!isTruncated(reply)) return inWords(reply, question)
    const whole = await askTcp(port, question)
    return `TC, over TCP ${whole === undefined ? 'silence' : inWords(whole, question)}`
  }
  return 'silence'
}

function queryFor({ name, type }: Question): Buffer {
  const head = Buffer.from([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([head, readName(name), Buffer.of(0, readRrtype(type)!, 0, 1)])
}

function isTruncated(reply: Buffer): boolean {
  return (reply[2]! & 2) !== 0
}

async function askTcp(port: number, question: Question): Promise<Buffer | undefined> {
  const message = queryFor(question)
  const socket = connect({ port, host: '127.0.0.1', localAddress: question.from })
  socket.write(Buffer.concat([Buffer.of(0, message.length), message]))
  let received = Buffer.alloc(0)
  const reply = await new Promise<Buffer | undefined>(resolve => {
    const timer = setTimeout(resolve, PATIENCE_MS, undefined)
    const end = (whole: Buffer | undefined): void => {
      clearTimeout(timer)
      resolve(whole)
    }
    socket.on('data', data => {
      received = Buffer.concat([received, data])
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
        end(received.subarray(2, 2 + received.readUInt16BE()))
      }
    })
    socket.on('close', () => end(undefined))
    socket.on('error', () => end(undefined))
  })
  socket.destroy()
  return reply
}

async function ask(port: number, question: Question): Promise<Buffer | undefined> {
  const socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(0, question.from, resolve))
  const message = queryFor(question)
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

/** The chain of aliases, then the records of the type asked for, or what is said instead. */
function inWords(reply: Buffer, { name, type }: Question): string {
  const { rcode, records } = decodeMessage(reply)
  const answer = records.filter(record => record.section === 'answer')
  const words: string[] = []
  let owner = name
  for (let left = answer.length; left > 0; left--) {
    const alias = answer.find(record => record.name === owner && record.type === 'CNAME')
    if (alias === undefined) break
    words.push(`CNAME ${alias.data}`)
    owner = alias.data
  }
  const own = answer.filter(record => record.name === owner && record.type === type)
  const data = own.map(record => record.data).sort()
  const end = rcode === 'NOERROR' ? data.join(', ') || 'no records' : rcode
  return [...words, end].join(', ')
}
