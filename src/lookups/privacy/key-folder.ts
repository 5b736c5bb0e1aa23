import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  unlinkSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { createParentFolder } from '../../base/files/parent-folder.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import { endOf, isPeriod, type Period } from './key-period.js'
import { KEY_LENGTH } from './privacy-mode.js'

/** Owner only: whoever has a key can find the client behind a pseudonym. */
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const GROUP_AND_OTHERS = 0o077

const SUFFIX = '.key'
/** A key, or a temporary file left by a crash while one was written. */
const KEY_FILE = /^(\d{4}-\d{2}(?:-\d{2})?)\.key(?:\.[0-9a-f]+)?$/

/** The pseudonym key of one period. */
export interface PeriodKey {
  readonly period: Period
  readonly secret: Uint8Array
}

/** Periods for which a key exists, oldest first. Throws the system error. */
export function periodsIn(folder: string): Period[] {
  return readdirSync(folder)
    .flatMap(name => (name.endsWith(SUFFIX) ? [name.slice(0, -SUFFIX.length)] : []))
    .filter(isPeriod)
    .sort()
}

/**
 * Reads the key of a period; undefined if there is none.
 *
 * @throws InterdictError PRIVACY_KEY if it cannot be read, is malformed, or is accessible to others
 */
export function readKey(folder: string, period: Period): PeriodKey | undefined {
  const path = pathOf(folder, period)
  try {
    const { mode } = statSync(path)
    if ((mode & GROUP_AND_OTHERS) !== 0) {
      const shown = (mode & 0o777).toString(8)
      throw failure('PRIVACY_KEY', path, `its mode is ${shown}; only its owner may have access`)
    }
    return {
      period,
      secret: parseSecret(readBoundedFileSync(path, MAX_SECRET_FILE).toString('latin1'), path)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw asFailure(path, error)
  }
}

/**
 * Saves a key unless one exists; in that case returns the existing key, even if another gateway
 * created it at the same time. The file is created atomically.
 *
 * @throws InterdictError PRIVACY_KEY
 */
export function saveKey(folder: string, key: PeriodKey): PeriodKey {
  const path = pathOf(folder, key.period)
  const temporary = `${path}.${randomBytes(8).toString('hex')}`
  try {
    makeFolder(folder)
    try {
      write(temporary, `${Buffer.from(key.secret).toString('hex')}\n`)
      linkSync(temporary, path)
    } finally {
      if (existsSync(temporary)) unlinkSync(temporary)
    }
    return key
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    const existing = exists ? readKey(folder, key.period) : undefined
    if (existing === undefined) throw asFailure(path, error)
    return existing
  }
}

/** Generates a key in memory. */
export function generateKey(period: Period): PeriodKey {
  return { period, secret: Uint8Array.from(randomBytes(KEY_LENGTH)) }
}

/**
 * Deletes keys whose period ended more than `retention` before `wall`.
 *
 * @throws InterdictError PRIVACY_KEY at the first key that cannot be deleted
 */
export function deleteOldKeys(folder: string, retention: Milliseconds, wall: Milliseconds): void {
  if (!existsSync(folder)) return
  try {
    for (const name of readdirSync(folder)) {
      const period = KEY_FILE.exec(name)?.[1] ?? ''
      if (isPeriod(period) && endOf(period) + retention <= wall) unlinkSync(join(folder, name))
    }
  } catch (error) {
    throw asFailure(folder, error)
  }
}

function parseSecret(text: string, path: string): Uint8Array {
  const digits = text.trim()
  if (!/^[0-9a-f]*$/i.test(digits) || digits.length !== 2 * KEY_LENGTH)
    throw failure('PRIVACY_KEY', path, `expected ${2 * KEY_LENGTH} hexadecimal digits`)
  return Uint8Array.from(Buffer.from(digits, 'hex'))
}

function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  createParentFolder(folder)
  mkdirSync(folder, FOLDER_MODE)
}

function write(path: string, text: string): void {
  const file = openSync(path, 'wx', FILE_MODE)
  try {
    // The umask may have removed too many permissions.
    fchmodSync(file, FILE_MODE)
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function pathOf(folder: string, period: Period): string {
  return join(folder, period + SUFFIX)
}

function asFailure(path: string, error: unknown): Error {
  return error instanceof InterdictError
    ? error
    : failure('PRIVACY_KEY', path, reasonOf(error, path))
}
