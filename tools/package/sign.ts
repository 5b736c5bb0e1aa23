import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { install } from '../install.js'
import { run } from './system.js'

/** Writes SHA256SUMS of files beside them. @returns its path */
export function writeSums(files: readonly string[], folder: string): string {
  const lines = files.map(file => {
    const sum = createHash('sha256').update(readFileSync(file)).digest('hex')
    return `${sum}  ${basename(file)}\n`
  })
  const path = join(folder, 'SHA256SUMS')
  writeFileSync(path, lines.sort().join(''))
  return path
}

/**
 * Signs the sums, and with them all files, in the format of minisign.
 *
 * @param key file with the secret key; undefined: not signed
 * @param password of the key; empty: the key has none
 * @returns what happened
 */
export function sign(sums: string, key: string | undefined, password: string): string {
  if (key === undefined) return 'not signed: MINISIGN_KEY names no key file'
  install('minisign')
  const comment = ['-t', `Interdict release, ${basename(sums)}`]
  run('minisign', ['-S', '-s', key, '-m', sums, ...comment], { input: `${password}\n` })
  return `signed: ${sums}.minisig`
}
