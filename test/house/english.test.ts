import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** Phrases that were corrected again and again, and what to write instead. */
const PHRASES: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\b(?:is|are) good no more\b/, 'is no longer valid'],
  [/\btold by (?:its|their)\b/, 'identified by its …'],
  [/\bwhat has come\b/, 'received data, queued messages'],
  [/\breads? the rest away\b/i, 'drains unread input'],
  [/\bis worth to\b/, 'retry, wait, …: the verb itself'],
  [/\breads why\b/, 'the page says why; sees the reason'],
  [/\bthat are none of the others\b/, 'all other …'],
  [/\bOf an installation from packages\b/, 'for a package installation'],
  [/\bhas that of the nearest\b/, 'inherits it from the nearest …'],
  [/\bfilters are those of\b/, 'the filters are the same as in …'],
  [/\bThe (?:language|mode|network) (?:that counts )?is that of\b/, 'follows …, is taken from …']
]

const ROOTS = ['src', 'docs', 'test', 'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md']
const TEXT = /\.(?:ts|tsx|md|py|json)$/

function* filesBelow(path: string): Generator<string> {
  if (TEXT.test(path)) {
    yield path
    return
  }
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const below = join(path, entry.name)
    if (entry.isDirectory()) yield* filesBelow(below)
    else if (TEXT.test(entry.name)) yield below
  }
}

t.test('phrases that were corrected do not come back', t => {
  const found: string[] = []
  for (const file of ROOTS.flatMap(root => [...filesBelow(root)])) {
    if (file === join('test', 'house', 'english.test.ts')) continue
    // A phrase may go over the end of a line, of a comment, too.
    const text = readFileSync(file, 'utf8').replace(/\n[ *#/|]*/g, ' ')
    for (const [pattern, instead] of PHRASES) {
      const [match] = pattern.exec(text) ?? []
      if (match !== undefined) found.push(`${file}: "${match}": ${instead}`)
    }
  }
  t.strictSame(found, [])
  t.end()
})
