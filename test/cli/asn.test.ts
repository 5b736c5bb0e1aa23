import { mkdtempSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { mmdb } from '../fixtures/mmdb.js'
import { interdict } from './run.js'

const networks = (addresses: string): string => `networks:
  all:
    prefixes: [10.0.0.0/8]
    bans:
      - { id: by-asn, addresses: ${addresses}, authority: A, reference: R }
`

t.test('check and diff name the autonomous system', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-asn-'))
  for (const [name, addresses] of [
    ['rules', '[203.0.113.7, { asn: 64496 }]'],
    ['before', '[203.0.113.7]']
  ] as const) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'networks.yaml'), networks(addresses))
  }
  const built = new Date()
  writeFileSync(
    join(folder, 'asn.mmdb'),
    mmdb({ '198.51.100.0/25': 64496, '2001:db8::/32': 64496 }, { built })
  )
  const config = join(folder, 'interdict.yaml')
  writeFileSync(config, 'asn-database: asn.mmdb\nupstreams: { use-resolv-conf: false }\n')

  const check = await interdict('check', '-c', config)
  t.equal(check.code, 0, check.out + check.err)
  const day = built.toISOString().slice(0, 10)
  t.match(check.out, new RegExp(`^AS64496: 2 prefixes \\(database of ${day}, SHA-256 `, 'm'))

  const paths = [join(folder, 'before'), join(folder, 'rules')]
  const diff = await interdict('diff', ...paths, '-c', config)
  t.match(diff.out, /198\.51\.100\.0\/25 \(AS64496\)/)
})
