import type { Test } from 'tap'
import { CannedUpstream } from '../resolver/canned.js'
import { readMessage } from '../resolver/message-text.js'
import type { Canned } from '../resolver/scenario.js'
import { BadUpstream, framed } from '../upstream/bad-upstream.js'
import type { RplEntry, RplRange } from './rpl-file.js'

/** Most aliases to follow in canned responses. */
const MAX_ALIASES = 8

/**
 * The authoritative servers of a scenario behind one recursive resolver, as a forwarder has it:
 * delegations are left out, and aliases are followed from one server to the next.
 */
export class RplUpstream {
  /** The number of the current step: each range of responses is for some of them. */
  step = 0
  /** Questions that arrived, such as `www.example A`. */
  readonly asked: string[] = []

  private constructor(
    private readonly ranges: readonly RplRange[],
    private readonly server: BadUpstream
  ) {
    server.behaviour = ({ message, overTcp, send }) => {
      const response = this.respond(message)
      if (response !== undefined) send(overTcp ? framed(response) : response)
    }
  }

  static async open(t: Test, ranges: readonly RplRange[]): Promise<RplUpstream> {
    const server = await BadUpstream.open(() => undefined)
    t.teardown(() => server.close())
    return new RplUpstream(ranges, server)
  }

  get port(): number {
    return this.server.endpoint.port
  }

  private respond(query: Uint8Array): Buffer | undefined {
    const [question = ''] = readMessage(query).questions
    const [name = '', type = ''] = question.toLowerCase().split(' ')
    this.asked.push(`${name} ${type.toUpperCase()}`)
    const found = this.resolve(name, type.toUpperCase())
    return new CannedUpstream(found === undefined ? [] : [found]).respond(query)
  }

  private resolve(name: string, type: string): Canned | undefined {
    const answers: string[] = []
    let target = name
    for (let i = 0; i < MAX_ALIASES; i++) {
      const entry = this.find(target, type)
      if (entry === undefined && i === 0) return undefined
      if (entry === undefined) break
      answers.push(...entry.sections.ANSWER)
      const alias = aliasIn(answers, target, type)
      if (alias === undefined) return canned(name, type, answers, entry)
      target = alias
    }
    return canned(name, type, answers, undefined)
  }

  /** The entry that answers a question; one that only delegates it does not. */
  private find(name: string, type: string): RplEntry | undefined {
    return this.ranges
      .filter(({ from, to }) => from <= this.step && this.step <= to)
      .flatMap(({ entries }) => entries)
      .filter(({ match }) => !match.includes('subdomain'))
      .filter(entry => entry.name === name && entry.type === type)
      .find(({ sections }) => sections.ANSWER.length > 0 || !sections.AUTHORITY.some(isNs))
  }
}

const isNs = (record: string): boolean => record.split(' ')[2] === 'NS'

/** The end of the chain of aliases that begins with a name, if the records do not go on there. */
function aliasIn(records: readonly string[], name: string, type: string): string | undefined {
  const parts = records.map(record => record.split(' '))
  if (type === 'CNAME' || parts.some(it => it[0] === name && it[2] === type)) return undefined
  const alias = parts.find(it => it[0] === name && it[2] === 'CNAME')?.[3]
  if (alias === undefined) return undefined
  return parts.some(it => it[0] === alias) ? aliasIn(records, alias, type) : alias
}

function canned(
  name: string,
  type: string,
  answers: readonly string[],
  entry: RplEntry | undefined
): Canned {
  const rcode = entry?.reply.find(word => /^(NX|SERV|REFUSED|FORM)/.test(word)) ?? 'NOERROR'
  const authorities = entry?.sections.AUTHORITY.filter(record => !isNs(record)) ?? []
  return { name, type, answers, authorities, rcode } as unknown as Canned
}
