/** Receipts of witnesses at the centre of a fleet: those that have arrived, and the hub's own copies. */
import { sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys, parsePrivateKey } from '../../src/base/files/ed25519.js'
import { CHAIN_FILE, hashLine } from '../../src/lookups/chain/chain-entry.js'
import { countersignedOctets } from '../../src/lookups/witness/countersignature.js'
import { WITNESS_FILE, type Receipt } from '../../src/lookups/witness/receipts.js'
import {
  filesBelow,
  LoggingGateway,
  minuteOf,
  temporaryFolder,
  writeKeys
} from '../fleet/ship-rig.js'
import { interdict, SETTINGS, writeSite } from './run.js'

const DAY = '2026-11-10'
const hub = generateKeys()

/** The receipt of the hub for the last line of a chain. */
function receiptFor(gateway: LoggingGateway, at: string, name = gateway.name): Receipt {
  const chain = readFileSync(join(gateway.layout.folder, CHAIN_FILE), 'utf8').trim().split('\n')
  const line = { n: chain.length, sha256: hashLine(chain.at(-1)!) }
  const text = countersignedOctets(name, line, at)
  const signature = sign(null, text, parsePrivateKey(Buffer.from(hub.privatePem))).toString(
    'base64'
  )
  return { v: 1, ...line, time: at, to: name, by: 'hub', gateway: name, at, signature }
}

const textOf = (...receipts: readonly Receipt[]): string =>
  receipts.map(receipt => `${JSON.stringify(receipt)}\n`).join('')

/** A gateway with one log file in the archive. */
async function logging(t: Test, name: string, minute = 1): Promise<LoggingGateway> {
  const gateway = new LoggingGateway(t, name)
  gateway.close('20261110T110000.000Z', ...minuteOf(DAY, minute))
  await gateway.maintain(`${DAY}T12:00:00Z`)
  return gateway
}

const verify = async (centre: string, ...words: string[]) => {
  const { code, out, err } = await interdict('verify-log', '--fleet', centre, ...words, '--json')
  if (err !== '') throw new Error(err)
  interface Found {
    readonly gateways: readonly {
      readonly gateway: string
      readonly proven: boolean
      readonly breaks: readonly { readonly kind: string }[]
      readonly witness: {
        readonly confirmed: number
        readonly unverified: number
        readonly contradicted: readonly object[]
        readonly later?: number
        readonly last?: string
      }
    }[]
  }
  return { code, gateways: (JSON.parse(out) as Found).gateways }
}

t.test('receipts arrive with the chain, and confirm it', async t => {
  const centre = temporaryFolder(t)
  const [one, other] = [await logging(t, 'one'), await logging(t, 'other')]
  const receipt = receiptFor(one, `${DAY}T12:00:05.000Z`)
  // The last line of a file may be cut off by a crash.
  writeFileSync(join(one.layout.folder, WITNESS_FILE), `${textOf(receipt)}{"v":1`)
  for (const gateway of [one, other]) await gateway.shipTo(centre)
  await one.shipTo(centre)
  writeKeys(centre, [one, other])
  t.equal(filesBelow(centre).filter(file => file.startsWith('receipts/one/')).length, 1)
  const key = ['--hub-key', hub.publicKey]
  t.match(await verify(centre, ...key), {
    code: 0,
    gateways: [
      {
        gateway: 'one',
        proven: true,
        witness: { confirmed: 1, last: receipt.time, conversions: 1, confirmedConversions: 1 }
      },
      {
        gateway: 'other',
        proven: true,
        witness: { confirmed: 0, conversions: 1, confirmedConversions: 0 }
      }
    ]
  })
  const { out } = await interdict('verify-log', '--fleet', centre, ...key)
  t.match(out, /one: unaltered.*\n {2}witness: 1 receipt, 2026-11-10 12:00:05/)
  t.match(out, 'no witness confirms that they have the same lookups')
  t.match(out, '1 of these are confirmed: the new files are unaltered since')
  t.match(out, /other: unaltered.*\n {2}witness: none: anyone with the key/)
  t.match(await verify(centre), { gateways: [{ witness: { confirmed: 0, unverified: 1 } }, {}] })
  // Another key is not that of the hub.
  const foreign = await verify(centre, '--hub-key', generateKeys().publicKey)
  t.match(foreign.gateways[0], { witness: { confirmed: 0, unverified: 1 } })
})

t.test('a chain that was forged with its key differs from the copies of the hub', async t => {
  const centre = temporaryFolder(t)
  const [true_, forged] = [await logging(t, 'one'), await logging(t, 'one', 2)]
  const copies = join(temporaryFolder(t), 'one.jsonl')
  writeFileSync(copies, textOf(receiptFor(true_, `${DAY}T12:00:05.000Z`)))
  await forged.shipTo(centre)
  writeKeys(centre, [forged])
  const key = ['--hub-key', hub.publicKey]
  t.match(await verify(centre, ...key), { code: 0 }, 'the forger does not send the receipt')
  t.match(await verify(centre, ...key, '--witness', copies), {
    code: 1,
    gateways: [
      { proven: false, breaks: [{ kind: 'forged' }], witness: { contradicted: { length: 1 } } }
    ]
  })
  // Nor can it use the receipts of another gateway.
  writeFileSync(
    join(forged.layout.folder, WITNESS_FILE),
    textOf(receiptFor(forged, `${DAY}T12:00:05.000Z`, 'other'))
  )
  await forged.shipTo(centre)
  t.match(await verify(centre, ...key), { gateways: [{ witness: { confirmed: 0 } }] })
})

t.test(
  'a receipt for lines that have not arrived contradicts nothing, unless they should have',
  async t => {
    const centre = temporaryFolder(t)
    const gateway = await logging(t, 'one')
    await gateway.shipTo(centre)
    writeKeys(centre, [gateway])
    gateway.close('20261110T130000.000Z', ...minuteOf(DAY, 9))
    await gateway.maintain(`${DAY}T14:00:00Z`)
    const copies = join(temporaryFolder(t), 'one.jsonl')
    const words = ['--hub-key', hub.publicKey, '--witness', copies]
    writeFileSync(copies, textOf(receiptFor(gateway, `${DAY}T14:00:05.000Z`)))
    t.match(await verify(centre, ...words), {
      code: 0,
      gateways: [{ witness: { later: 1, contradicted: [] } }]
    })
    const { out } = await interdict('verify-log', '--fleet', centre, ...words)
    t.match(out, /1 receipt for lines of the chain that have not arrived here/)
    // The chain here goes on after the hub has signed the line: it was there, and is gone.
    writeFileSync(copies, textOf(receiptFor(gateway, `${DAY}T11:00:00.000Z`)))
    t.match(await verify(centre, ...words), {
      code: 1,
      gateways: [{ breaks: [{ kind: 'forged' }] }]
    })
  }
)

t.test('a pack says which gateways have a witness', async t => {
  const centre = temporaryFolder(t)
  const [one, other] = [await logging(t, 'one'), await logging(t, 'other')]
  writeFileSync(
    join(one.layout.folder, WITNESS_FILE),
    textOf(receiptFor(one, `${DAY}T12:00:05.000Z`))
  )
  for (const gateway of [one, other]) await gateway.shipTo(centre)
  writeKeys(centre, [one, other])
  const settings = writeSite(t, {
    'interdict.yaml': SETTINGS,
    'rules/networks.yaml': `networks:
  phones:
    prefixes: [10.20.0.0/16]
    bans: [{ id: be-clip, names: [clip.example], authority: Council, reference: R7 }]
`,
    key: generateKeys().privatePem
  })
  const folder = join(settings, '..')
  const pack = async (name: string): Promise<string> => {
    const made = await interdict(
      ...['evidence', 'be-clip', '--fleet', centre, '-c', settings, '-o', join(folder, name)],
      ...[
        '-k',
        join(folder, 'key'),
        '--hub-key',
        hub.publicKey,
        '--since',
        '2026-11-10',
        '--until',
        '2026-11-11',
        '--time-zone',
        'UTC'
      ]
    )
    t.strictSame([made.code, made.err], [0, ''])
    t.match(
      readFileSync(join(folder, name, 'tables/gateways.csv'), 'utf8'),
      /one,unaltered,2,0,0,2026-11-10.*\r\nother,unaltered,2,0,0,,/
    )
    return readFileSync(join(folder, name, 'evidence.html'), 'utf8')
  }
  const page = await pack('pack')
  t.match(page, '1 of 2 gateways confirmed by a witness')
  t.match(page, 'no witness has confirmed it')
})
