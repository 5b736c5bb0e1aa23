import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { readName, showCanonical, showName, skipName } from '../../wire/dns/name/name.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { ChainSource } from '../../resolver/validation/chain-source.js'
import type { Validation } from '../../resolver/validation/verdict.js'

const MAX_NAMES = 1000
/** How long an answer, or that there is none, is used. */
const LIFETIME: Milliseconds = 3600 * MS_PER_SECOND

interface Known {
  readonly contact: Promise<string | undefined>
  readonly until: Milliseconds
}

/** Finds the mailbox of a failing zone's operator in its SOA record, which is not validated either. */
export class ZoneContacts {
  private readonly known = new Map<string, Known>()

  constructor(private readonly wall: () => Milliseconds) {}

  /** Never rejects. @param source of the forwarders that answered */
  of(validation: Validation, source: ChainSource | undefined): Promise<string | undefined> {
    const name = failingName(validation)
    if (name === undefined || source === undefined) return Promise.resolve(undefined)
    const { known } = this
    const now = this.wall()
    const before = known.get(name)
    if (before !== undefined && now < before.until) return before.contact
    known.delete(name)
    if (known.size >= MAX_NAMES) known.delete(known.keys().next().value!)
    const contact = findContact(name, source).catch(() => undefined)
    known.set(name, { contact, until: now + LIFETIME })
    return contact
  }
}

/** The first name of the chain that fails: perhaps a zone above the queried name, or the target of an alias. */
function failingName({ steps, verdict }: Validation): string | undefined {
  const name = steps.find(step => step.verdict === verdict)?.subject.split(' ')[0]
  // If the root fails, the cause is the upstream or the clock of this machine.
  return name === '.' ? undefined : name
}

async function findContact(name: string, source: ChainSource): Promise<string | undefined> {
  const response = await source.open().query(readName(name), RRTYPE.SOA)
  if (response.kind === 'failure') return undefined
  const { answer, authority } = response.message
  const soa = [...answer, ...authority].find(({ type }) => type === RRTYPE.SOA)
  return soa === undefined ? undefined : mailboxOf(soa.rdata[0]!)
}

/** RNAME of an SOA as a mail address: its first label is the local part. RFC 1035 §3.3.13. */
export function mailboxOf(rdata: Uint8Array): string | undefined {
  const rname = rdata.subarray(skipName(rdata, 0, 0))
  const [length = 0] = rname
  if (length === 0) return undefined
  const local = Buffer.from(rname.subarray(1, 1 + length)).toString('latin1')
  const domain = showCanonical(showName(rname.subarray(1 + length)))
  const isAddress = /^[^\s"<>(),;:\\@]+$/.test(local) && /^[!-~]+$/.test(local) && domain !== '.'
  return isAddress ? `${local}@${domain.toLowerCase()}` : undefined
}
