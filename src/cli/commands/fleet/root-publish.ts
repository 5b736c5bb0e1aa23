import { readRootFile } from '../../../sources/root/root-store.js'
import { hubClient, type HubOptions } from '../../args/hub-options.js'
import { callerName } from '../../args/user.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

export interface PublishRootOptions extends HubOptions {
  readonly now?: boolean
}

/** `interdict root publish FILE`: gives a root to all gateways of a fleet. @throws InterdictError as the hub says */
export async function publishRoot(
  file: string,
  options: PublishRootOptions,
  io: Io
): Promise<number> {
  const octets = await readRootFile(file)
  const client = await hubClient(options)
  const query = { by: callerName(io), now: options.now === true ? 'true' : undefined }
  const reply = await client.post<{ version: number; delivered: boolean }>(
    '/v1/root',
    query,
    octets
  )
  if (options.json === true) printJson(io, reply)
  else {
    print(io, `root of trust ${reply.version} published\n`)
    if (!reply.delivered) io.stderr.write('NATS does not take it yet: the hub retries\n')
  }
  return EXIT.success
}
