import type { ApplyResult } from '../../../gateway/socket/admin-protocol.js'
import { callGateway } from '../../args/call-gateway.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import type { ApplyOptions } from './apply-draft.js'

/** `interdict apply`: puts saved rules in force at the running gateway, exactly as they were planned. */
export async function apply(
  sha256: string | undefined,
  options: ApplyOptions,
  io: Io
): Promise<number> {
  if (sha256?.startsWith('draft-') === true) {
    const { applyDraft } = await import('./apply-draft.js')
    return applyDraft(sha256, options, io)
  }
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    usageError(`${sha256} is not a SHA-256 of 64 hexadecimal digits`)
  const result = await callGateway<ApplyResult>({ do: 'apply', sha256 }, options)
  if (result.sha256 === null) return rejectInput(result.errors)
  if (options.json === true) printJson(io, { sha256: result.sha256 })
  else print(io, `In force: SHA-256 ${result.sha256}\n`)
  return EXIT.success
}
