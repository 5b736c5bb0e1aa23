import { PROTOCOL } from '../../../lookups/event/query-event.js'
import { RECORDED, type LookupSink } from '../parsed-lookup.js'
import { qtypeOf } from './qtypes.js'
import { TextLog } from './text-log.js'

/** `[1795682638.636886949] Packet from 127.0.0.1:37800 for www.example.com. A with id 37080` */
const PACKET = /^(?:\[(\d+)\.\d+\] )?Packet from (\S+):\d+ for (\S+) (\S+) with id \d+/

/** Reads the output of dnsdist's `LogAction`; timestamps are optional there. */
export class DnsdistLog extends TextLog {
  constructor(readonly sink: LookupSink) {
    super()
  }

  text(line: string): string | undefined {
    const [, seconds, client, name, type] = PACKET.exec(line) ?? []
    if (client === undefined) return 'not a LogAction line'
    return this.sink.addLookup({
      at: seconds === undefined ? undefined : Number(seconds),
      client: client.replace(/^\[(.*)\]$/, '$1'),
      name: name!,
      qtype: qtypeOf(type!),
      protocol: PROTOCOL.udp,
      recorded: RECORDED.open
    })
  }
}
