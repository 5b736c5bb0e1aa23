import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Octets } from '../../base/units.js'

/** At the start and at the end of every Parquet file. */
const MAGIC = 'PAR1'
const MIN_SIZE: Octets = 12

export function isCompleteParquetFile(path: string): boolean {
  const descriptor = openSync(path, 'r')
  try {
    return isCompleteParquet(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Whether a file starts and ends as a Parquet file; an incomplete one does not. */
export function isCompleteParquet(descriptor: number): boolean {
  const { size } = fstatSync(descriptor)
  if (size < MIN_SIZE) return false
  const octets = Buffer.alloc(MAGIC.length)
  return [0, size - MAGIC.length].every(at => {
    readSync(descriptor, octets, 0, MAGIC.length, at)
    return octets.toString('latin1') === MAGIC
  })
}
