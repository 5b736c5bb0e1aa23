import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** The layer through which every call goes; its table of functions is imported nowhere else. */
const LAYER = 'wire/tls/openssl/openssl.ts'
const TABLE = 'wire/tls/openssl/openssl-functions.ts'
/** A C prototype of a function of OpenSSL in a string. */
const PROTOTYPE = /\b(?:SSL|TLS|BIO|ERR|X509|EVP|PEM|RSA|EC|OPENSSL|OpenSSL|CRYPTO|[di]2[di])_\w+\(/
/** They bind functions of the C library. */
const SYSTEM = [
  'base/system/linux.ts',
  'base/system/malloc.ts',
  'base/system/pipe.ts',
  'base/system/scheduling.ts'
]

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter(file => /\.tsx?$/.test(file))
  .map(file => ({ file, text: readFileSync(join('src', file), 'utf8') }))

/** The texts of a file: what is between quotes in one line. */
const strings = (text: string): string[] =>
  [...text.matchAll(/'([^'\n]*)'|"([^"\n]*)"|`([^`\n]*)`/g)].map(([, a, b, c]) => a ?? b ?? c ?? '')

t.test('every call of OpenSSL goes through one layer', async t => {
  const binding = files.filter(({ text }) => text.includes('.func(')).map(({ file }) => file)
  t.strictSame(binding.sort(), [...SYSTEM, LAYER].sort(), 'files that bind functions of C')
  const prototypes = files.filter(({ text }) => strings(text).some(one => PROTOTYPE.test(one)))
  t.strictSame(
    prototypes.map(({ file }) => file),
    [TABLE]
  )
  const importers = files.filter(({ text }) => text.includes('/openssl-functions.js'))
  t.strictSame(
    importers.map(({ file }) => file),
    [LAYER]
  )
})
