import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { OutputConfig } from '../settings/output-config.js'

/** Errors of the files that an output reads when it connects: CONFIG_FILE. */
export function checkOutput({ name, tls, headers }: OutputConfig): readonly InterdictError[] {
  const files = { ca: tls.ca, cert: tls.cert, key: tls.key, headers }
  const contents: Partial<Record<keyof typeof files, Buffer>> = {}
  const errors: InterdictError[] = []
  for (const [key, file] of Object.entries(files) as [keyof typeof files, string][]) {
    if (file === '') continue
    const why = messageOf(() => (contents[key] = readFileSync(file)))
    if (why !== undefined)
      errors.push(failure('CONFIG_FILE', `log.outputs.${name}.${key}`, file, why))
  }
  if (errors.length > 0) return errors
  const { ca, cert, key } = contents
  const why = messageOf(() => createSecureContext({ ca, cert, key }))
  const which = [tls.cert, tls.ca].find(file => file !== '') ?? ''
  return why === undefined ? [] : [failure('CONFIG_FILE', `log.outputs.${name}`, which, why)]
}

function messageOf(what: () => unknown): string | undefined {
  try {
    what()
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}
