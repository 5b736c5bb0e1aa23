import { PROTOCOL } from '../../querylog/record/query-event.js'
import { RECORDED, type Sink } from '../lookup.js'
import { qtypeOf } from './qtypes.js'
import { TextLog } from './text-log.js'

/** `[1795682638.636886949] Packet from 127.0.0.1:37800 for www.example.com. A with id 37080` */
const PACKET = /^(?:\[(\d+)\.\d+\] )?Packet from (\S+):\d+ for (\S+) (\S+) with id \d+/

/** Reads what dnsdist's `LogAction` writes; it has times only where that was asked for. */
export class DnsdistLog extends TextLog {
  constructor(readonly sink: Sink) {
    super()
  }

  text(line: string): string | undefined {
    const [, seconds, client, name, type] = PACKET.exec(line) ?? []
    if (client === undefined) return 'no line of LogAction'
    return this.sink.find({
      at: seconds === undefined ? undefined : Number(seconds),
      client: client.replace(/^\[(.*)\]$/, '$1'),
      name: name!,
      qtype: qtypeOf(type!),
      protocol: PROTOCOL.udp,
      recorded: RECORDED.open
    })
  }
}
