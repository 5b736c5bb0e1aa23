import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What of dnstap's schema is needed here, by its numbers. `dnstap-read` of BIND does not show the
 * policy of a message, `protoc` reads whatever it is told the schema of.
 */
const SCHEMA = `syntax = "proto2";
message Dnstap { optional Message message = 14; }
message Message { optional Policy policy = 15; }
message Policy {
  enum Match { QNAME = 1; CLIENT_IP = 2; RESPONSE_IP = 3; NS_NAME = 4; NS_IP = 5; }
  enum Action { NXDOMAIN = 1; NODATA = 2; PASS = 3; DROP = 4; TRUNCATE = 5; LOCAL_DATA = 6; }
  optional string type = 1;
  optional bytes rule = 2;
  optional Action action = 3;
  optional Match match = 4;
  optional bytes value = 5;
}
`

/** The policy of each message in a file of Frame Streams, as protoc reads it. */
export function policiesIn(file: string, folder: string): Record<string, string>[] {
  writeFileSync(join(folder, 'policy.proto'), SCHEMA)
  const command = ['--decode=Dnstap', `--proto_path=${folder}`, 'policy.proto']
  return framesIn(readFileSync(file)).map(frame => {
    const text = execFileSync('protoc', command, { input: frame, encoding: 'utf8' })
    const policy = /policy \{\n([^}]*)\}/.exec(text)?.[1] ?? ''
    const fields = [...policy.matchAll(/^ *(\w+): "?(.*?)"?$/gm)]
    return Object.fromEntries(fields.map(([, name, value]) => [name!, value!]))
  })
}

/** Data frames: a length of zero is the escape before a control frame. */
function framesIn(octets: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < octets.length;) {
    const length = octets.readUInt32BE(at)
    const isControl = length === 0
    const start = at + (isControl ? 8 : 4)
    const end = start + (isControl ? octets.readUInt32BE(at + 4) : length)
    if (!isControl) frames.push(octets.subarray(start, end))
    at = end
  }
  return frames
}
