import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import type { Policy } from '../../src/policy/evaluate/policy.js'
import { Decision } from '../../src/policy/tables/decision.js'
import { table } from '../kit/markdown.js'
import { blockedName } from '../kit/names.js'
import { showSpread } from '../kit/numbers.js'
import { scramble } from '../kit/random.js'
import { measure, type Case } from './measure.js'
import { INPUTS, policyIn, queryAt, unlistedMessages, listedMessages } from './stage.js'

const NETWORKS = [1, 50, 1000]
const NAMES = [1000, 1_000_000]
const LISTS = [1, 20]
/** With 50 networks there are 200. */
const BANS_PER_NETWORK = 4
const MASK = INPUTS - 1
const LINES = 10_000

/** How much there is in a set of rules. */
interface Size {
  readonly networks: number
  readonly names: number
  readonly lists: number
}

/** What a verdict costs as rules grow, as a table. */
export async function scaleTable(rounds: number): Promise<string> {
  const rows: string[][] = []
  for (const names of NAMES) {
    for (const lists of LISTS) {
      for (const networks of NETWORKS) rows.push(await row({ networks, names, lists }, rounds))
    }
  }
  const head = ['names', 'lists', 'networks', 'bans', 'network, ns', 'listed, ns', 'unlisted, ns']
  return table(head, rows)
}

async function row(size: Size, rounds: number): Promise<string[]> {
  const { names, lists, networks } = size
  const policy = await policyIn(folder => writeRules(folder, size))
  const clients = clientsOf(size)
  const cases = [
    lookUp(policy, clients),
    judge(policy, clients, names),
    judge(policy, clients, undefined)
  ]
  const times = cases.map(one => showSpread(measure(one, rounds).time, 1))
  return [...[names, lists, networks, networks * BANS_PER_NETWORK].map(String), ...times]
}

async function writeRules(folder: string, { networks, names, lists }: Size): Promise<void> {
  await mkdir(join(folder, 'lists'))
  const ids = Array.from({ length: lists }, (_, list) => `list-${list}`)
  const each = Array.from({ length: networks }, (_, network) => networkText(network, ids))
  const files = ids.map(id => `  ${id}: { file: lists/${id} }\n`)
  const text = `networks:\n${each.join('')}lists:\n${files.join('')}`
  await writeFile(join(folder, 'networks.yaml'), text)
  const part = names / lists
  for (const [list, id] of ids.entries()) {
    await writeNames(join(folder, 'lists', id), list * part, (list + 1) * part)
  }
}

function networkText(network: number, lists: readonly string[]): string {
  const bans = Array.from(
    { length: BANS_PER_NETWORK },
    (_, ban) =>
      `      - { names: [ban-${ban}.network-${network}.example], authority: A, reference: R }\n`
  )
  return `  network-${network}:
    prefixes: [10.${network >> 8}.${network & 255}.0/24]
    bans:\n${bans.join('')}    block: [{ lists: [${lists.join(', ')}] }]\n`
}

async function writeNames(path: string, from: number, to: number): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (let first = from; first < to; first += LINES) {
      const count = Math.min(LINES, to - first)
      await file.write(Array.from({ length: count }, (_, i) => blockedName(first + i)).join('\n'))
      await file.write('\n')
    }
  } finally {
    await file.close()
  }
}

/** Addresses of all networks alike, four words each. */
function clientsOf({ networks }: Size): Uint32Array {
  return Uint32Array.from({ length: 4 * INPUTS }, (_, word) => {
    if (word % 4 < 3) return word % 4 === 2 ? 0xffff : 0
    return 0x0a000000 + (scramble(word) % networks) * 256 + (scramble(~word) & 255)
  })
}

function lookUp(policy: Policy, clients: Uint32Array): Case {
  return {
    name: 'network',
    run(times) {
      let sum = 0
      for (let i = 0; i < times; i++) sum += policy.classOf(clients, 4 * (i & MASK))
      return sum
    }
  }
}

/** @param listed how many names the lists have; undefined: names that are on none */
function judge(policy: Policy, clients: Uint32Array, listed: number | undefined): Case {
  const messages = listed === undefined ? unlistedMessages() : listedMessages(listed)
  const names = Array.from({ length: INPUTS }, (_, i) => queryAt(messages, i, policy.seed).qname)
  const classes = Uint32Array.from({ length: INPUTS }, (_, i) => policy.classOf(clients, 4 * i))
  const now = Math.floor(Date.now() / 1000)
  const decision = new Decision()
  return {
    name: 'verdict',
    run(times) {
      let sum = 0
      for (let i = 0; i < times; i++) {
        decision.clear()
        policy.evaluateName(names[i & MASK]!, RRTYPE.A, classes[i & MASK]!, now, decision)
        sum += decision.claim
      }
      return sum
    }
  }
}
