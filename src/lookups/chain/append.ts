import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, openSync } from 'node:fs'
import { rmSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Octets } from '../../base/units.js'

/** As for the query log: not world-readable. */
const MODE = 0o640
/** Disk space reserved for the chain. */
const RESERVE_FILE = 'chain.reserve'
/** Enough for several hundred entries. */
const RESERVE_SIZE: Octets = 64 * 1024

/**
 * Appends to the chain atomically. On a full disk the reserve is freed first; otherwise no space
 * could ever be freed there, because each removal is recorded in the chain before it happens.
 *
 * Throws the system error.
 */
export function appendToChain(path: string, octets: Buffer): void {
  try {
    appendWhole(path, octets)
  } catch (error) {
    const reserve = join(dirname(path), RESERVE_FILE)
    const isFull = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')
    if (!isFull || !existsSync(reserve)) throw error
    rmSync(reserve)
    appendWhole(path, octets)
  }
}

/** Creates the reserve as soon as there is space. @param folder of the chain */
export function ensureReserve(folder: string): void {
  const reserve = join(folder, RESERVE_FILE)
  if (existsSync(reserve)) return
  try {
    // Random data, so that no file system can compress it.
    writeFileSync(reserve, randomBytes(RESERVE_SIZE), { mode: MODE })
  } catch {
    rmSync(reserve, { force: true })
  }
}

function appendWhole(path: string, octets: Buffer): void {
  const file = openSync(path, 'a', MODE)
  try {
    const { size } = fstatSync(file)
    try {
      for (let at = 0; at < octets.length;) at += writeSync(file, octets, at)
      fsyncSync(file)
    } catch (error) {
      ftruncateSync(file, size)
      throw error
    }
  } finally {
    closeSync(file)
  }
}
