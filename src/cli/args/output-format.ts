import { extname } from 'node:path'
import { checkChoice } from './parse.js'
import { usageError } from '../exit.js'

const BY_EXTENSION: Readonly<Record<string, string>> = {
  '.csv': 'csv',
  '.htm': 'html',
  '.html': 'html',
  '.json': 'json',
  '.jsonl': 'jsonl',
  '.markdown': 'markdown',
  '.md': 'markdown',
  '.parquet': 'parquet'
}

interface FormatOptions {
  readonly json?: boolean
  readonly format?: string
  readonly output?: string
}

/**
 * The format by `--json` or `--format`, otherwise by the extension of `--output`.
 *
 * @param formats those that the command can write
 */
export function chooseFormat(
  { json, format, output }: FormatOptions,
  formats: readonly string[]
): string {
  checkChoice('--format', format, formats)
  if (json !== true) return format ?? impliedFormat(output, formats)
  return format === undefined || format === 'json'
    ? 'json'
    : usageError('give --json or --format, not both')
}

/**
 * The format that the extension of `--output` implies; `table` for any other extension, and for
 * standard output.
 *
 * @param formats those that the command can write
 */
export function impliedFormat(file: string | undefined, formats: readonly string[]): string {
  const format = BY_EXTENSION[extname(file ?? '').toLowerCase()] ?? 'table'
  if (formats.includes(format)) return format
  return usageError(`--output: ${file} would be ${format}, not one of ${formats.join(', ')}`)
}
