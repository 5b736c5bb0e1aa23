import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, openSync } from 'node:fs'
import { rmSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Octets } from '../../../base/units.js'

/** As the query log: not for everybody on the machine. */
const MODE = 0o640
/** Room on the disk that is kept for the chain. */
const RESERVE_FILE = 'chain.reserve'
/** For some hundred lines. */
const RESERVE_SIZE: Octets = 64 * 1024

/**
 * Appends octets to the chain: all of them, or none. On a full disk the reserve is given up for them, or
 * nothing could be removed there to make room, since each removal is told to the chain before it is done.
 *
 * Throws the system's error.
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

/** As soon as there is room. @param folder of the chain */
export function ensureReserve(folder: string): void {
  const reserve = join(folder, RESERVE_FILE)
  if (existsSync(reserve)) return
  try {
    // Of octets that no file system makes smaller.
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
