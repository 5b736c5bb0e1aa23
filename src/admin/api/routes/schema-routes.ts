import * as z from 'zod'

/** What the routes about rules return. The members are explained in the guides and reference pages. */

const time = z.string().describe('RFC 3339')
const optionalTime = time.nullable()
const text = z.string().nullable()

export const error = z.object({ code: z.string(), message: z.string() })

export const network = z.object({
  id: z.string(),
  rule: z.string().describe('File and line'),
  prefixes: z.array(z.string()),
  ech: z.enum(['pass', 'strip', 'hide-https']),
  rules: z
    .object({ ban: z.int(), exception: z.int(), allow: z.int(), block: z.int() })
    .describe('Rules in force now, by kind')
})

const count = z.int()

export const judgedProfile = z.object({
  profile: z.string(),
  title: z.string(),
  document: z.string(),
  original: z.string().describe('How far the original could be read'),
  counts: z.object({
    met: count,
    partly: count,
    'not met': count,
    'not applicable': count,
    'not known': count
  }),
  requirements: z.array(
    z.object({
      id: z.string(),
      section: z.string().describe('Of the document'),
      text: z.string().describe('The requirement in our words'),
      state: z.enum(['met', 'partly', 'not met', 'not applicable', 'not known']),
      found: z.string().describe('What was read'),
      change: text.describe('The key that would change it; null: none would')
    })
  )
})

const source = z.object({
  kind: z.enum(['app', 'list', 'inline', 'local']),
  id: z.string(),
  title: z.string()
})

const mandate = z.object({
  id: z.string(),
  authority: z.string(),
  reference: z.string(),
  at: z.string().describe('File and line of the order')
})

const listed = {
  id: z.string(),
  rule: z.string().describe('File and line'),
  state: z.enum(['in force', 'outside its hours', 'to come', 'ended']),
  networks: z.array(z.string()),
  sources: z.array(source).describe('What it is about'),
  from: optionalTime,
  until: optionalTime,
  schedule: text,
  reference: text,
  referenceUrl: text,
  mandates: z.array(mandate).describe('Mandates that concern some of its names, clients and times')
}

export const ban = z.object({
  ...listed,
  mode: z.enum(['enforce', 'monitor']),
  action: z.string(),
  review: optionalTime,
  authority: text,
  legalBasis: text,
  owner: text,
  lacking: z.array(z.string()).describe('Networks that do not ban everything it bans'),
  partly: z.array(z.string()).describe('Those of them that ban some of it'),
  scope: z
    .array(z.string())
    .nullable()
    .describe('Networks where it is meant to be banned; null: not declared'),
  uncovered: z.array(z.string()).describe('Networks of the scope that lack some of it')
})

export const block = z.object({
  id: z.string(),
  rule: listed.rule,
  state: listed.state,
  networks: listed.networks,
  sources: listed.sources,
  mode: z.enum(['enforce', 'monitor']),
  action: z.string(),
  pausedUntil: optionalTime.describe('When it applies again; null: it is not paused'),
  pausedBy: text.describe('Who has paused it'),
  pauseReason: text
})

export const exception = z.object({
  ...listed,
  purpose: z.string(),
  approvedBy: z.string(),
  prefixes: z.array(z.string()).describe('Empty: all clients of the networks')
})

export const dnssecException = z.object({
  name: z.string().describe('It and all names below it are not validated'),
  rule: z.string().describe('Where it is written: file:line'),
  state: listed.state,
  purpose: z.string(),
  approvedBy: z.string(),
  ...{ reference: text, referenceUrl: text, from: text, until: text }
})

export const notice = z.object({
  at: time,
  kind: z.enum(['ban', 'exception']),
  id: z.string(),
  what: z.enum(['starts', 'ends', 'review', 'review due'])
})

export const app = z.looseObject({
  app: z.string(),
  title: z.string(),
  kind: z.string(),
  vendor: text,
  country: text,
  file: z.string(),
  names: z.array(z.looseObject({ name: z.string(), line: z.int() })),
  bans: z.array(
    z.looseObject({ network: z.string(), id: z.string(), mode: z.enum(['enforce', 'monitor']) })
  )
})

export const list = z.object({
  id: z.string(),
  source: z.string().describe('URL, zone, or files'),
  entries: z.int(),
  compileMs: z.number().nullable(),
  state: z.enum(['local', 'good', 'quarantined', 'failing', 'missing', 'expired']),
  fetched: optionalTime,
  tried: optionalTime,
  failures: z.int(),
  quarantined: z.object({ entries: z.int(), fetched: time }).nullable(),
  error: error.nullable(),
  zone: z.looseObject({}).nullable()
})

export const zone = z.looseObject({
  list: z.string(),
  zone: z.string(),
  state: z.string(),
  failures: z.int()
})

export const explanation = z.looseObject({
  name: z.string(),
  type: z.string(),
  client: z.string(),
  device: z.object({ name: z.string(), status: z.string(), reason: text }).nullable(),
  network: text,
  addressNetwork: text,
  at: time,
  rules: z.object({ sha256: text, serial: z.int().nullable() }),
  verdict: z.string(),
  match: z.string(),
  rule: z.looseObject({ kind: z.string(), id: z.string(), rule: z.string() }).nullable(),
  upstream: text,
  dnssec: z
    .object({
      mode: z.enum(['observe', 'enforce']),
      verdict: z.enum(['secure', 'insecure', 'bogus', 'indeterminate']),
      ede: z.int().nullable().describe('INFO-CODE of an extended DNS error'),
      reason: z.string().describe('Empty if secure'),
      steps: z
        .array(z.object({ subject: z.string(), verdict: z.string(), text: z.string() }))
        .describe('From the trust anchor to the answer: what signed each RRset, or what failed')
    })
    .optional()
    .describe('Only of answers from upstreams, in networks that observe or enforce DNSSEC'),
  steps: z.array(z.looseObject({ subject: z.string(), rules: z.array(z.looseObject({})) })),
  mandates: z
    .array(
      mandate.extend({
        orders: z.string().describe('The name or app that it orders to be banned'),
        exceptions: z.boolean().describe('Whether it allows exceptions'),
        met: z
          .boolean()
          .describe('Whether a ban blocks this query, or an exception that it allows applies')
      })
    )
    .describe('Mandates that order the name to be banned for this client'),
  reply: z.array(z.string()).nullable(),
  past: z
    .object({
      since: time.nullable().describe('When the version came in force'),
      until: time.nullable(),
      unknown: z.array(z.string()).describe('Why nothing is claimed'),
      notes: z.array(z.string()),
      log: z.looseObject({ lookups: z.array(z.looseObject({})), remarks: z.array(z.string()) })
    })
    .optional()
    .describe('For a time in the past'),
  timeZone: z.string()
})
