import { openDatagrams, StreamConnection } from '../export/output-connection.js'
import { syslogHeader } from '../export/syslog.js'
import type { OutputConfig } from '../settings/output-config.js'
import type { WitnessChannel } from './chain-witness.js'
import { messageOf } from './external-receipts.js'

/** Severity notice of RFC 5424 §6.2.1. */
const NOTICE = 5
const MESSAGE_ID = 'chain'

/** A syslog server that receives a message for each checkpoint. It sends no reply: its log is the proof. */
export function syslogChannel(config: OutputConfig): WitnessChannel {
  const { kind, host, port } = config.to
  const at = host.includes(':') ? `[${host}]` : host
  return {
    by: 'syslog',
    to: kind === 'unix' ? `unix:${host}` : `${kind}://${at}:${port}`,
    submit: async ({ n, sha256, time }) => {
      const header = syslogHeader(NOTICE, new Date().toISOString(), MESSAGE_ID)
      const message = Buffer.from(`${header} - ${messageOf(n, sha256, time)}`)
      const isDatagram = kind === 'udp'
      const connection = await (isDatagram ? openDatagrams(config) : StreamConnection.open(config))
      try {
        // RFC 6587 §3.4.1, RFC 5425 §4.3.
        const length = Buffer.from(isDatagram ? '' : `${message.length} `)
        await connection.send([Buffer.concat([length, message])])
      } finally {
        await connection.close()
      }
      return { by: 'syslog' }
    }
  }
}
