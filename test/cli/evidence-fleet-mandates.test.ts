/** Mandates in an evidence pack of a fleet: which gateway satisfied them. */
import { createPrivateKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { FolderStore } from '../../src/fleet/ship/folder-store.js'
import { HistorySender } from '../../src/fleet/ship/history-sender.js'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import { readMandate } from '../../src/policy/rules/mandates/read-mandate.js'
import { withMandateSignature } from '../../src/policy/rules/mandates/signed-text.js'
import { MandateStore } from '../../src/sources/mandates/mandate-store.js'
import { fast, filesBelow, LoggingGateway, temporaryFolder, writeKeys } from '../fleet/ship-rig.js'
import { record } from '../querylog/archive/lines.js'
import { HistorySite } from './history-rig.js'
import { interdict, SETTINGS, writeSite } from './run.js'

const DAY = '2026-11-10'
const at = (minute: number): string => `${DAY}T10:${String(minute).padStart(2, '0')}:00Z`
const seconds = (minute: number): number => Date.parse(at(minute)) / 1000
const rules = (names: string): string => `networks:
  phones:
    prefixes: [10.20.0.0/16]
    bans: [{ id: be-clip, names: [${names}], authority: Council, reference: R7 }]
`
const [WHOLE, PART] = [rules('clip.example, clip.test'), rules('clip.example')]
const NETWORKS = 'rules/networks.yaml'
const authority = generateKeys()
const MANDATE = `mandate: be
issued: 2026-11-01
authority: Council
reference: Order 7
bans: [{ names: [clip.example, clip.test], networks: all }]
`

interface Site {
  readonly rules: string
  readonly hasMandate: boolean
}

/** A gateway whose history, mandates and log are sent to the centre. */
async function gatewayOf(t: Test, name: string, centre: string, site: Site) {
  const made = new HistorySite(t, { 'interdict.yaml': SETTINGS, [NETWORKS]: site.rules })
  const sha256 = await made.record(at(0), { event: 'start' })
  const folder = join(made.folder, 'state/mandates')
  if (site.hasMandate) {
    const octets = withMandateSignature(
      Buffer.from(MANDATE),
      createPrivateKey(authority.privatePem)
    )
    const read = readMandate(octets, 'be.yaml', [authority.publicKey], seconds(5))
    if (!read.ok) throw read.errors[0]!
    const error = new MandateStore(folder).accept([{ mandate: read.mandate, octets }], seconds(5))
    t.equal(error, undefined)
  }
  const wall = () => Date.parse(at(59))
  const store = new FolderStore(centre, fast())
  const sender = new HistorySender(
    historyFolder(join(made.folder, 'state')),
    name,
    'centre',
    store,
    { clock: { now: wall, wall }, mandates: { folder, areOrdered: true } }
  )
  t.equal(await sender.pass(), true)
  t.equal(await sender.pass(), true)
  const gateway = new LoggingGateway(t, name)
  const lookups = [1, 30].map(minute =>
    record(at(minute), {
      ...{ generation: 1, sha256: sha256.slice(0, 12), client: '10.20.3.4', network: 'phones' },
      ...{ qname: 'clip.example', verdict: 'blocked', ban: 'be-clip', match: 'qname' }
    })
  )
  gateway.close('20261110T110000.000Z', ...lookups)
  await gateway.maintain(`${DAY}T12:00:00Z`)
  await gateway.shipTo(centre)
  return gateway
}

t.test('a pack of a fleet states a mandate, and which gateways satisfied it', async t => {
  const centre = temporaryFolder(t)
  const gateways = [
    await gatewayOf(t, 'brussels', centre, { rules: WHOLE, hasMandate: true }),
    await gatewayOf(t, 'gent', centre, { rules: WHOLE, hasMandate: false }),
    await gatewayOf(t, 'liege', centre, { rules: PART, hasMandate: true })
  ]
  writeKeys(centre, gateways)
  t.equal(filesBelow(centre).filter(file => file.includes('/mandates-')).length, 2)
  const settings = writeSite(t, {
    'interdict.yaml': SETTINGS,
    [NETWORKS]: WHOLE,
    key: generateKeys().privatePem
  })
  const folder = join(settings, '..')
  const packed = async (name: string) => {
    const made = await interdict(
      ...['evidence', 'be-clip', '--fleet', centre, '-c', settings, '--since', at(0)],
      ...['--until', at(30), '-k', join(folder, 'key'), '-o', join(folder, name)]
    )
    t.strictSame([made.code, made.err], [0, ''])
    const text = (file: string): string => readFileSync(join(folder, name, file), 'utf8')
    interface Page {
      readonly tiles: Record<string, number>
      readonly tables: Record<string, readonly object[]>
      readonly remarks: readonly string[]
    }
    return { page: JSON.parse(text('evidence.json')) as Page, text }
  }
  const { page, text } = await packed('pack')
  t.match(page.tables.mandates, [
    { gateway: 'brussels', mandate: 'be', status: 'satisfied' },
    { gateway: 'liege', mandate: 'be', status: 'not satisfied', why: /clip\.test/ }
  ])
  t.equal(page.tiles.mandateMinutes, 25)
  t.match(text('evidence.html'), 'satisfied over the period at 1 of 3 gateways')
  t.match(text('evidence.html'), 'not satisfied at all times: liege')
  t.match(text('evidence.html'), 'not in force, as far as is known here: gent')
  const { mandates } = JSON.parse(text('mandates.json')) as { mandates: { path: string }[] }
  t.match(mandates, [{ gateway: 'brussels' }, { gateway: 'liege' }])
  t.match(text(mandates[0]!.path), 'Order 7')

  // A text that is lost is declared, and so is a record that cannot be read.
  const record = filesBelow(centre).find(file => file.includes('brussels/mandates-'))!
  writeFileSync(join(centre, record), '{"v":1')
  const damaged = await packed('damaged')
  t.match(damaged.page.remarks.join(), /brussels.*is damaged/)
  t.match(damaged.page.tables.mandates, [{ gateway: 'liege' }])
})
