import type { Peer } from './peer.js'

/** What the kernel alone costs: one fixed answer to everything, in batches. UDP only. */
export const floor: Peer = {
  name: 'floor',
  packages: ['gcc', 'libc6-dev'],
  version: undefined,
  format: undefined,
  answers: false,
  launch: ({ programs, port }) => Promise.resolve({ command: [programs.floor, String(port)] })
}
