/**
 * The process that performs one request of the gateway, which it gets on standard input: what the command of the same
 * name does, without a command line and without text. The result, or the error, goes to standard output.
 */
import { readFileSync } from 'node:fs'
import { openGatewayLink, openOutput } from '../gateway/processes/gateway-link.js'
import { decodeJob, encodeReply } from '../gateway/processes/messages.js'
import { useSettings } from './args/settings.js'
import { sentError } from './exit.js'
import { perform } from './perform.js'
import { processIo } from './process-io.js'

const link = openGatewayLink()

async function reply(): Promise<string> {
  try {
    const { settings, file, memory, name, request } = decodeJob(readFileSync(process.stdin.fd))
    useSettings(settings)
    const io = {
      ...processIo,
      stdout: {
        write: () => true,
        ...(name === 'export' && { writeBlock: openOutput() }),
        once: () => undefined
      },
      queryMemory: memory,
      onProgress: (done: number) => link.report(done)
    }
    const options = file === undefined ? {} : { config: file }
    return encodeReply({ result: await perform(name, request, options, io) })
  } catch (error) {
    return encodeReply(sentError(error, process))
  }
}

const text = await reply()
// A pipe holds 64 KiB; process.exit would drop what its reader has not taken yet.
await new Promise<void>(resolve => process.stdout.write(text, () => resolve()))
process.exit()
