import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { readMandate } from '../../src/policy/rules/mandates/read-mandate.js'
import { readPolicyTests } from '../../src/policy/rules/tests/policy-tests.js'
import { makeCertificate, makeCrl } from '../tls/certificates.js'
import { allRows, fences } from './markdown.js'

const pages = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter(f => f.endsWith('.md'))
    .map(f => `docs/${f}`)
]
const linked = [
  ...pages,
  'CHANGELOG.md',
  ...['CONTRIBUTING.md', 'SECURITY.md', 'test/scenarios/README.md'].filter(page => existsSync(page))
]
const examples = pages.flatMap(page => fences(page, 'yaml').map(fence => ({ page, ...fence })))

t.ok(examples.length > 5, 'there are examples')

for (const { page, line, text } of examples) {
  const [, file] = /^# (\S+)/.exec(text) ?? []
  t.test(`${page}:${line} (${file ?? 'without a file name'}) loads`, async t => {
    if (file === 'interdict.yaml') {
      const read = readConfig(text, file)
      t.strictSame(read.ok ? [] : read.errors.map(e => e.message), [])
      return
    }
    if (file?.startsWith('tests/') === true) {
      const { tests, errors } = readPolicyTests(text, file, 'UTC')
      t.strictSame([tests.length > 0, errors.map(e => e.message)], [true, []])
      return
    }
    if (file?.startsWith('mandates/') === true) {
      const read = readMandate(Buffer.from(text), file, undefined, 0)
      t.strictSame(read.ok ? [] : read.errors.map(e => e.message), [])
      return
    }
    t.match(file, /^(networks|apps\/[a-z0-9-]+)\.yaml$/)
    const loaded = await loadExample(file!, text)
    t.strictSame(loaded.ok ? [] : loaded.errors.map(e => e.message), [])
  })
}

t.test("README's rule loads without a warning, with the shipped apps", async t => {
  const [rule] = fences('README.md', 'yaml')
  const folder = mkdtempSync(join(tmpdir(), 'interdict-docs-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  cpSync('rules/apps', join(folder, 'apps'), { recursive: true })
  writeFileSync(join(folder, 'networks.yaml'), rule!.text)
  const loaded = await loadRules(folder)
  const problems = loaded.ok ? loaded.warnings : loaded.errors
  t.strictSame([loaded.ok, problems.map(({ message }) => message)], [true, []])
})

t.test('links lead to files and headings that exist', async t => {
  for (const page of linked) {
    for (const [, target = '', heading] of linksOf(page)) {
      const file = target === '' ? page : join(dirname(page), target)
      if (!existsSync(file)) t.fail(`${page}: ${target} does not exist`)
      else if (heading !== undefined && !headingsOf(file).has(heading))
        t.fail(`${page}: ${file} has no heading #${heading}`)
    }
  }
})

t.test('table cells are short: explanations stand below the table', async t => {
  for (const page of linked.filter(path => !path.endsWith('conformance.md'))) {
    for (const cell of allRows(page).flat()) {
      const isListOfNames = /^(list of )?(`[^`]+`(, )?)+$/.test(cell)
      t.ok(cell.length <= 190 || isListOfNames, `${page}: ${cell}`)
    }
  }
})

t.test('source files that pages name exist', async t => {
  for (const page of linked) {
    for (const [, path] of readFileSync(page, 'utf8').matchAll(/`([\w./-]+\/[\w.-]+\.ts)`/g)) {
      const places = ['', 'src/', 'test/'].map(folder => `${folder}${path!}`)
      t.ok(
        places.some(place => existsSync(place)),
        `${page}: ${path!}`
      )
    }
  }
})

/** Relative links of a page, outside of its code: path and heading. */
const linksOf = (page: string): IterableIterator<RegExpMatchArray> =>
  readFileSync(page, 'utf8')
    .replace(/^```[^]*?^```$/gm, '')
    .matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)/g)

/** Headings of a page as GitHub names their anchors. */
function headingsOf(page: string): Set<string> {
  const text = readFileSync(page, 'utf8').replace(/^```[^]*?^```$/gm, '')
  const titles = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!)
  return new Set(
    titles.map(title =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-')
    )
  )
}

/** A rules folder with the example in it, and with whatever it points at. */
async function loadExample(file: string, text: string): ReturnType<typeof loadRules> {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-docs-'))
  mkdirSync(join(folder, 'apps'))
  mkdirSync(join(folder, 'lists'))
  mkdirSync(join(folder, 'records'))
  if (text.includes('safe-search/'))
    cpSync('rules/safe-search', join(folder, 'safe-search'), { recursive: true })
  for (const [, apps] of text.matchAll(/apps: \[([^\]]+)\]/g)) {
    for (const app of apps!.split(',').map(one => one.trim())) {
      writeFileSync(
        join(folder, `apps/${app}.yaml`),
        `app: ${app}\ntitle: ${app}\nnames: [${app}.example]\n`
      )
    }
  }
  for (const [, list] of text.matchAll(/file: (lists\/[\w.-]+)/g)) {
    writeFileSync(join(folder, list!), 'malware.example\n')
  }
  for (const [, hosts] of text.matchAll(/file: (records\/[\w.-]+), format: hosts/g)) {
    writeFileSync(join(folder, hosts!), '192.0.2.1 host.site.example\n')
  }
  const names = new Set([...text.matchAll(/authorities\/(\w+)\.pem/g)].map(([, name]) => name!))
  if (names.size > 0) mkdirSync(join(folder, 'authorities'))
  for (const name of names) {
    const authority = makeCertificate({ subject: name, names: [] })
    writeFileSync(join(folder, `authorities/${name}.pem`), authority.certificate)
    writeFileSync(join(folder, `authorities/${name}.crl`), makeCrl(authority, []))
  }
  writeFileSync(join(folder, 'networks.yaml'), 'networks: { all: { prefixes: [127.0.0.0/8] } }\n')
  writeFileSync(join(folder, file), text)
  const loaded = await loadRules(folder)
  rmSync(folder, { recursive: true })
  return loaded
}
