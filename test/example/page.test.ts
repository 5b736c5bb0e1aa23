import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { EXAMPLES } from '../../src/cli/output/rules/example-names.js'
import { blocksOf, looseCommands, PAGES, REASONS, reasonNotRun } from './guides.js'
import { pageNow } from './page.js'

for (const page of PAGES) {
  t.test(`${page} is what npm run example makes`, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'interdict-guide-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    t.equal(readFileSync(page, 'utf8'), await pageNow(page, folder))
  })
}

t.test('every command of a guide is in a console block', async t => {
  for (const page of PAGES) t.strictSame(looseCommands(page), [], page)
})

/** Blocks that nothing here can run, by reason: a new one is counted here, or it runs. */
const NOT_RUN: Readonly<Record<(typeof REASONS)[number], number>> = {
  systemd: 0,
  network: 8,
  'other programs': 11,
  'other machines': 5,
  endless: 2,
  'values of yours': 7
}

t.test('blocks that are not run say why, and are counted', async t => {
  const all = PAGES.flatMap(page => {
    const blocks = blocksOf(readFileSync(page, 'utf8'))
    return blocks.map(block => ({ page, block, reason: reasonNotRun(block) }))
  })
  const notRun = all.filter(({ reason }) => reason !== undefined)
  for (const { page, block, reason } of notRun) {
    t.comment(`not run (${reason!}): ${page}: ${block.text.split('\n')[0]!}`)
  }
  for (const { page, block } of all) {
    t.match(block.info, /^(|varies|not-run: .+)$/, `${page}: ${block.info}`)
  }
  const count = (reason: string): number => notRun.filter(one => one.reason === reason).length
  t.strictSame(Object.fromEntries(REASONS.map(reason => [reason, count(reason)])), NOT_RUN)
  t.ok(notRun.every(({ reason }) => (REASONS as readonly string[]).includes(reason!)))
})

t.test('the files of examples are those of their guides', async t => {
  for (const name of EXAMPLES) {
    const blocks = blocksOf(readFileSync(`docs/guides/${name}.md`, 'utf8'))
    const folder = `contrib/examples/${name}/rules`
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const yaml = files.filter(file => file.endsWith('.yaml'))
    t.ok(yaml.length > 0, name)
    for (const file of yaml) {
      const block = blocks.find(({ text }) => text.startsWith(`# ${file}\n`))
      t.equal(readFileSync(join(folder, file), 'utf8'), block?.text, `${name}: ${file}`)
    }
  }
})
