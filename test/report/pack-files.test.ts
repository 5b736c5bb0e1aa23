import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { AnsweredCounts } from '../../src/analysis/evidence/answered-counts.js'
import type { PackFiles } from '../../src/analysis/evidence/sign-pack.js'
import { StoredFileWriter, type StoredFile } from '../../src/analysis/evidence/stored-file.js'
import { writeZip } from '../../src/analysis/evidence/zip.js'

const lines = Array.from({ length: 40_000 }, (_, i) => `${i} ${'é'.repeat(30)}\n`)

function stored(t: Test) {
  const writer = new StoredFileWriter(`${t.testdir()}/lookups.jsonl`)
  for (const line of lines) writer.write(line)
  return writer.finish()
}

t.test('a file that is written line by line has the digests of the whole', t => {
  const { path, length, sha256, crc32: crc } = stored(t)
  const octets = readFileSync(path)
  t.ok(octets.equals(Buffer.from(lines.join(''))))
  t.equal(length, octets.length)
  t.equal(sha256, createHash('sha256').update(octets).digest('hex'))
  t.equal(crc, crc32(octets))
  t.throws(() => new StoredFileWriter(path), { code: 'EEXIST' })
  t.end()
})

/** The entries of a ZIP file by its central directory: name and content. */
function entriesOf(zip: Buffer): Map<string, Buffer> {
  let end = zip.length - 22
  t.equal(zip.readUInt32LE(end), 0x06054b50, 'the end of the central directory')
  let [count, at] = [zip.readUInt16LE(end + 10), zip.readUInt32LE(end + 16)]
  if (at === 0xffffffff) {
    t.equal(zip.readUInt32LE(end - 20), 0x07064b50, 'the locator of ZIP64')
    end = Number(zip.readBigUInt64LE(end - 12))
    t.equal(zip.readUInt32LE(end), 0x06064b50, 'its end of the central directory')
    count = Number(zip.readBigUInt64LE(end + 32))
    at = Number(zip.readBigUInt64LE(end + 48))
  }
  const entries = new Map<string, Buffer>()
  for (let i = 0; i < count; i++) {
    t.equal(zip.readUInt32LE(at), 0x02014b50)
    const [nameLength, extraLength] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30)]
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength)
    let extra = at + 46 + nameLength + 4
    const wide = (field: number): number => {
      const value = zip.readUInt32LE(at + field)
      if (value !== 0xffffffff) return value
      extra += 8
      return Number(zip.readBigUInt64LE(extra - 8))
    }
    const [size, packed, local] = [wide(24), wide(20), wide(42)]
    t.equal(size, packed)
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const content = zip.subarray(start, start + size)
    t.equal(crc32(content), zip.readUInt32LE(at + 16), name)
    entries.set(name, content)
    at += 46 + nameLength + extraLength
  }
  return entries
}

for (const most of [undefined, 100, 0]) {
  t.test(`a ZIP file with numbers above ${most ?? 'all'} as ZIP64 has every file`, t => {
    const large = stored(t)
    const files: PackFiles = new Map<string, Uint8Array | StoredFile>([
      ['a.txt', Buffer.from('one\n')],
      ['empty', Buffer.alloc(0)],
      ['é/lookups.jsonl', large],
      ['z.txt', Buffer.from('last\n')]
    ])
    const path = `${dirname(large.path)}/pack.zip`
    writeFileSync(path, '')
    const descriptor = openSync(path, 'r+')
    writeZip(descriptor, files, ...(most === undefined ? [] : [most]))
    closeSync(descriptor)
    const found = entriesOf(readFileSync(path))
    t.strictSame([...found.keys()], [...files.keys()])
    t.equal(found.get('z.txt')!.toString(), 'last\n')
    t.ok(found.get('é/lookups.jsonl')!.equals(Buffer.from(lines.join(''))))
    t.end()
  })
}

t.test('lookups are counted in windows between any two changes of the status', t => {
  const span = (from: number, until: number) => ({ from, until, state: 'absent' as const })
  const counts = new AnsweredCounts({
    segments: [
      { kind: 'restart', gateway: undefined, from: 0, until: 100 },
      { kind: 'restart', gateway: 'gw', from: 0, until: 50 }
    ],
    states: new Map([['v', { phones: [span(0, 30), span(30, 100)] }]]),
    missing: [{ from: 60, until: 70 }]
  })
  for (let at = 0; at < 100; at++) {
    counts.add(undefined, 'phones', at)
    if (at % 2 === 0) counts.add('gw', 'tablets', at)
  }
  const within = (from: number, until: number, networks: string[], gateway?: string): number =>
    counts.in({ from, until, networks, gateway })
  t.equal(within(0, 30, ['phones']), 30)
  t.equal(within(30, 60, ['phones']), 30)
  t.equal(within(60, 100, ['phones', 'tablets']), 40)
  t.equal(within(0, 50, ['phones', 'tablets'], 'gw'), 25)
  t.equal(within(0, 100, ['others']), 0)
  t.end()
})
