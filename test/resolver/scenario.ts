import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { readYaml } from '../../src/policy/yaml/read.js'
import { readHex } from './hex.js'

/*
 * What a scenario file may say: test/scenarios/README.md is about this. A key that is not here is
 * an error, so that a slip of the pen never makes a check vanish.
 */

const hex = z.string().transform((text, context) => {
  try {
    return readHex(text)
  } catch (error) {
    context.addIssue((error as Error).message)
    return z.NEVER
  }
})
/** Words with spaces between them, such as `RD CD`. */
const flags = z.string().regex(/^((QR|AA|TC|RD|RA|Z|AD|CD)( |$))*$/, 'flags such as RD AD')
const records = z.array(z.string())
const word = z.int().min(0).max(0xffff)
/** Options by their code, each with its octets. */
const options = z.record(z.string().regex(/^\d{1,5}$/, 'the code of an option'), hex)

const edns = z.strictObject({
  version: z.int().min(0).max(255).default(0),
  size: word.default(1232),
  do: z.boolean().default(false),
  options: options.default({})
})

/** What is said of an OPT that came: the rest may be whatever it is. */
const ednsFound = z.strictObject({
  version: z.int().optional(),
  size: z.int().optional(),
  do: z.boolean().optional(),
  options: options.optional()
})

const rules = z.strictObject({
  networks: z.looseObject({}),
  apps: z.record(z.string(), z.looseObject({})).optional(),
  /** Files below the rules folder, by their path. */
  files: z.record(z.string(), z.string()).optional()
})

const query = z.strictObject({
  from: z.string().default('10.1.1.1'),
  protocol: z.enum(['udp', 'tcp', 'dot', 'doh']).default('udp'),
  /** Name of a client of the rules, as which the client is recognized. */
  device: z.string().optional(),
  name: z.string().optional(),
  type: z.string().default('A'),
  class: z.string().default('IN'),
  flags: flags.default('RD'),
  opcode: z.int().min(0).max(15).default(0),
  edns: z.union([z.boolean(), edns]).default(true),
  /** Behind all the rest, counted nowhere. */
  trailing: hex.optional(),
  /** The whole message; then nothing else is said of it but `from` and `protocol`. */
  octets: hex.optional()
})

const canned = z.strictObject({
  name: z.string(),
  type: z.string().default('A'),
  rcode: z.string().default('NOERROR'),
  /** Besides QR, RD and RA. */
  flags: flags.default(''),
  answers: records.default([]),
  authorities: records.default([]),
  additionals: records.default([]),
  edns: z.union([z.literal(false), edns]).default(false),
  /** The whole message; ID, and the letter case of the question, become those of the query. */
  octets: hex.optional(),
  /** No upstream answers. */
  dead: z.boolean().default(false),
  /** Seconds that it takes. */
  after: z.number().positive().optional()
})

const asked = z.union([
  z.boolean(),
  z.strictObject({
    question: z.string().optional(),
    flags: flags.optional(),
    edns: ednsFound.optional()
  })
])

const expect = z.strictObject({
  silence: z.literal(true).optional(),
  rcode: z.string().optional(),
  /** All that are set. */
  flags: flags.optional(),
  /** `none`: a reply without a question; otherwise it is always that of the query. */
  question: z.literal('none').optional(),
  answers: records.optional(),
  authorities: records.optional(),
  /** All but OPT. */
  additionals: records.optional(),
  edns: z.union([z.literal(false), ednsFound]).optional(),
  /** INFO-CODE; -1: none. */
  ede: z.int().optional(),
  'ede-text': z.string().optional(),
  truncated: z.boolean().optional(),
  /** Of the reply, in octets. */
  length: z.int().optional(),
  /** The whole reply. */
  octets: hex.optional(),
  /** Whether an upstream was asked for this step, and how. */
  asked: asked.optional(),
  /** Most seconds that the client waits. */
  within: z.number().min(0).optional()
})

const log = z.strictObject({
  verdict: z.string().optional(),
  match: z.string().optional(),
  qname: z.string().optional(),
  qtype: z.string().optional(),
  rcode: z.string().optional(),
  protocol: z.string().optional(),
  network: z.string().optional(),
  addressNetwork: z.string().optional(),
  rule: z.string().optional(),
  source: z.string().optional(),
  ede: z.int().optional()
})

const step = z.strictObject({
  /** Seconds that pass before. */
  wait: z.number().positive().optional(),
  /** The calendar jumps to this instant. */
  at: z.string().optional(),
  /** These rules, or a ban on these names, take the place of what was in force. */
  rules: rules.optional(),
  ban: z.array(z.string()).optional(),
  /** What is held of these names is dropped. */
  flush: z.strictObject({ name: z.string(), subtree: z.boolean().default(false) }).optional(),
  /** What upstreams answer from now on, in place of what they did. */
  upstream: z.array(canned).optional(),
  query: query.optional(),
  expect: expect.optional(),
  /** What the record of the lookup has; null: there is none. */
  log: log.nullable().optional()
})

const limits = z.strictObject({
  'min-ttl': z.int().optional(),
  'max-ttl': z.int().optional(),
  'negative-max-ttl': z.int().optional(),
  'failure-ttl': z.int().optional()
})

const scenario = z
  .strictObject({
    /** The property, in one sentence. */
    it: z.string().min(10),
    /** Where it is written, such as RFC 6891 §6.1.3. */
    rfc: z.union([z.string(), z.array(z.string())]).optional(),
    /** Which rows of docs/reference/conformance.md it belongs to: ids of test/conformance/rows.ts. */
    shows: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
    /** Where the same questions over TCP are another matter. */
    only: z.literal('udp').optional(),
    start: z.string().default('2026-01-01T00:00:00Z'),
    /** One of these two; neither: one network, 10.0.0.0/8 and 2001:db8::/32, without rules. */
    rules: rules.optional(),
    ban: z.array(z.string()).optional(),
    /** Special-use names are answered, but for these; none are where this is not said. */
    'special-use': z.strictObject({ except: z.array(z.string()).default([]) }).optional(),
    /** Encrypted listeners under their name, as settings have them; special-use names are answered then. */
    discovery: z
      .strictObject({
        name: z.string(),
        services: z.array(
          z.strictObject({
            protocol: z.enum(['dot', 'doh']),
            port: z.int(),
            path: z.string().default(''),
            addresses: z.array(z.string()).default([])
          })
        )
      })
      .optional(),
    /** On if it is said: settings as they are, without `upstreams.forward`. */
    'rebinding-guard': z
      .strictObject({
        allow: z.array(z.string()).default([]),
        addresses: z.array(z.string()).default(['10.0.0.0/8', '127.0.0.0/8', 'fc00::/7', '::/127'])
      })
      .optional(),
    /** Of the settings. How often each way in asks is not the same, so that it is off by default. */
    prefetch: z.boolean().default(false),
    /** Of the cache, in seconds. */
    limits: limits.default({}),
    /** Of the settings: what the server says of itself. */
    identity: z
      .strictObject({ version: z.string().default(''), name: z.string().default('') })
      .default({ version: '', name: '' }),
    /** Of the settings: structured DNS errors. On unless it says otherwise. */
    'structured-errors': z
      .strictObject({
        enabled: z.boolean().default(true),
        'option-code': word.default(0),
        unencrypted: z.boolean().default(true),
        'filtering-database': z.string().default('')
      })
      .prefault({}),
    upstream: z.array(canned).default([]),
    steps: z.array(step).min(1)
  })
  .refine(one => one.steps.some(step => step.expect ?? step.log), 'a step that expects something')

export type Scenario = z.output<typeof scenario>
export type Step = Scenario['steps'][number]
export type QueryText = z.output<typeof query>
export type EdnsText = z.output<typeof edns>
export type EdnsFound = z.output<typeof ednsFound>
export type Canned = z.output<typeof canned>
export type Expected = z.output<typeof expect>
export type ExpectedLog = z.output<typeof log>
export type RulesText = z.output<typeof rules>

/** Scenarios by their file: each runs several times. */
const read = new Map<string, Scenario>()

/** @throws Error with all that is wrong in it, as `file:line:column` */
export function readScenario(file: string): Scenario {
  const known = read.get(file) ?? parseScenario(file, readFileSync(file, 'utf8'))
  read.set(file, known)
  return known
}

/** @throws Error as `readScenario` */
export function parseScenario(file: string, text: string): Scenario {
  const read = readYaml(text, file, scenario)
  if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('\n'))
  return read.value
}

/** The rules of a scenario or step: as they stand there, or made of its `ban`. */
export function rulesOf({ rules, ban }: Pick<Scenario, 'rules' | 'ban'>): RulesText {
  if (rules !== undefined) return rules
  const bans =
    ban === undefined || ban.length === 0 ? [] : [{ names: ban, authority: 'A', reference: 'R' }]
  return { networks: { networks: { all: { prefixes: ['10.0.0.0/8', '2001:db8::/32'], bans } } } }
}
