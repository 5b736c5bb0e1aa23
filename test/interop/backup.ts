/** Encrypted backups that OpenSSL decrypts and tar unpacks, without Interdict. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Manifest } from '../../src/gateway/backup/backup-manifest.js'
import { MANIFEST } from '../../src/gateway/backup/backup-manifest.js'
import { install } from '../../tools/install.js'
import { FILES, interdict, writeSite } from '../cli/run.js'

t.setTimeout(300_000)
install('openssl')

const PASSPHRASE = 'correct horse battery staple'
const openssl = (...words: readonly string[]): Buffer =>
  execFileSync('openssl', words, { stdio: ['ignore', 'pipe', 'pipe'] })

async function madeWith(t: Test, words: (at: (name: string) => string) => readonly string[]) {
  const config = writeSite(t, FILES)
  const at = (name: string): string => join(config, '..', name)
  writeFileSync(at('passphrase'), PASSPHRASE, { mode: 0o600 })
  chmodSync(at('passphrase'), 0o600)
  openssl('genrsa', '-out', at('backup.key'), '3072')
  openssl('rsa', '-in', at('backup.key'), '-pubout', '-out', at('backup.pem'))
  const request = ['req', '-x509', '-key', at('backup.key'), '-subj', '/CN=backup', '-days', '30']
  openssl(...request, '-out', at('backup.crt'))
  const made = await interdict('backup', '-c', config, '-o', at('made'), ...words(at))
  t.match(made, { code: 0, err: '' })
  return at
}

/** Unpacks with tar, and compares all files with the manifest. */
function checkUnpacked(t: Test, at: (name: string) => string): void {
  mkdirSync(at('unpacked'))
  execFileSync('tar', ['--extract', '--gzip', '--file', at('made.tar.gz'), '-C', at('unpacked')])
  const { files } = JSON.parse(readFileSync(at(`unpacked/${MANIFEST}`), 'utf8')) as Manifest
  t.equal(files.length, 3)
  for (const { path, sha256 } of files) {
    const octets = readFileSync(join(at('unpacked'), path))
    t.equal(createHash('sha256').update(octets).digest('hex'), sha256, path)
  }
}

t.test('by a passphrase', async t => {
  const at = await madeWith(t, at => ['--passphrase-file', at('passphrase')])
  const decrypt = ['cms', '-decrypt', '-binary', '-inform', 'DER', '-in', at('made')]
  const to = ['-out', at('made.tar.gz')]
  openssl(...decrypt, '-pwri_password', PASSPHRASE, ...to)
  checkUnpacked(t, at)
  rmSync(at('made.tar.gz'))
  t.throws(() => openssl(...decrypt, '-pwri_password', `${PASSPHRASE}r`, ...to))
})

for (const recipient of ['backup.pem', 'backup.crt']) {
  t.test(`to ${recipient}`, async t => {
    const at = await madeWith(t, at => ['--recipient', at(recipient)])
    const decrypt = ['cms', '-decrypt', '-binary', '-inform', 'DER', '-in', at('made')]
    openssl(...decrypt, '-inkey', at('backup.key'), '-out', at('made.tar.gz'))
    checkUnpacked(t, at)
  })
}

t.test('not encrypted', async t => {
  const at = await madeWith(t, () => [])
  writeFileSync(at('made.tar.gz'), readFileSync(at('made')))
  checkUnpacked(t, at)
})
