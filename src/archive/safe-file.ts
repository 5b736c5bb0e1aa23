import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Octets } from '../base/units.js'

/** At the head and at the end of every Parquet file. */
const MAGIC = 'PAR1'
const SHORTEST: Octets = 12

/**
 * Puts a finished file in its place, so that after a crash it is there as a whole or not at all:
 * its octets are on the disk before it has the name, and the name is when this returns.
 */
export function settle(made: string, path: string): void {
  force(made)
  const folder = dirname(path)
  mkdirSync(folder, { recursive: true })
  renameSync(made, path)
  force(folder)
  force(dirname(folder))
}

/** What was made or renamed in it is on the disk. */
export function forceFolder(folder: string): void {
  force(folder)
}

function force(path: string): void {
  withOpen(path, fsyncSync)
}

function withOpen<T>(path: string, use: (descriptor: number) => T): T {
  const descriptor = openSync(path, 'r')
  try {
    return use(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

export function isWholeFile(path: string): boolean {
  return withOpen(path, isWhole)
}

/** Whether a file can be Parquet from head to end; half of one is not. */
export function isWhole(descriptor: number): boolean {
  const { size } = fstatSync(descriptor)
  if (size < SHORTEST) return false
  const octets = Buffer.alloc(MAGIC.length)
  return [0, size - MAGIC.length].every(at => {
    readSync(descriptor, octets, 0, MAGIC.length, at)
    return octets.toString('latin1') === MAGIC
  })
}
