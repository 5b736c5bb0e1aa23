import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sbom } from '../../tools/package/sbom.js'
import { readStatements, vex, type Statement } from '../../tools/package/vex.js'

const EPOCH = 1_764_547_200

interface Document {
  readonly metadata: { readonly timestamp: string; readonly component: { readonly name: string } }
  readonly vulnerabilities: readonly {
    readonly id: string
    readonly analysis: object
    readonly affects: readonly { readonly ref: string }[]
  }[]
}

t.test('the statements that are shipped refer to the bill of materials', async t => {
  const bom = sbom(EPOCH)
  const { serialNumber, metadata } = JSON.parse(bom) as {
    serialNumber: string
    metadata: { component: { 'bom-ref': string } }
  }
  const known = readStatements()
  const written = vex(bom, EPOCH, known)
  const document = JSON.parse(written) as Document
  t.equal(written, vex(sbom(EPOCH), EPOCH, known), 'the same octets each time')
  t.equal(document.metadata.component.name, 'interdict')
  t.equal(document.metadata.timestamp, '2025-12-01T00:00:00.000Z')
  t.strictSame(
    document.vulnerabilities.map(({ id }) => id),
    known.map(({ id }) => id)
  )
  const link = `urn:cdx:${serialNumber.slice('urn:uuid:'.length)}/1#`
  t.strictSame(document.vulnerabilities[0]!.affects, [
    { ref: link + encodeURIComponent(metadata.component['bom-ref']) }
  ])
})

t.test('each control is shown by a test that exists', async t => {
  for (const { id, test } of readStatements()) {
    if (test === undefined) continue
    const [file, title] = test
    t.match(readFileSync(join('test', file), 'utf8'), `t.test('${title}'`, id)
  }
})

t.test('a component that is not part of Interdict', async t => {
  const bom = sbom(EPOCH)
  const [statement] = readStatements() as [Statement]
  t.throws(() => vex(bom, EPOCH, [{ ...statement, component: 'left-pad' }]), /no left-pad/)
  const [node] = (JSON.parse(vex(bom, EPOCH, [{ ...statement, component: 'koffi' }])) as Document)
    .vulnerabilities
  t.equal(node!.affects.length, 1)
})

const GOOD = `- { id: CVE-2026-1234, component: koffi, state: in_triage, detail: D, reviewed: 2026-12-01 }`

const BAD: readonly (readonly [it: string, text: string, message: RegExp])[] = [
  ['no identifier', GOOD.replace('CVE-2026-1234', 'heartbleed'), /id/],
  ['unknown state', GOOD.replace('in_triage', 'fine'), /state/],
  ['no date of a review', GOOD.replace(', reviewed: 2026-12-01', ''), /reviewed/],
  ['no justification', GOOD.replace('in_triage', 'not_affected'), /has a justification/],
  ['unknown key', GOOD.replace('detail:', 'note: N, detail:'), /note/],
  [
    'a control without a test',
    GOOD.replace('in_triage', 'not_affected, justification: protected_by_mitigating_control'),
    /has the test that shows it/
  ]
]

for (const [it, text, message] of BAD) {
  t.test(`statements with an error are refused: ${it}`, async t => {
    const file = join(t.testdir(), 'vulnerabilities.yaml')
    writeFileSync(file, GOOD)
    t.equal(readStatements(file).length, 1)
    writeFileSync(file, text)
    t.throws(() => readStatements(file), { message })
  })
}
