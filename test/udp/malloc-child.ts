/**
 * Frees three large blocks and says how many MB of them the system got back. With `map`, glibc was told to
 * map such blocks each by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { mmapLargeBlocks } from '../../src/udp/malloc.js'

const MB = 2 ** 20
const BLOCK = 12 * MB
const LOOKS = 40

if (process.argv[2] === 'map') mmapLargeBlocks()
const block = (): Uint8Array => new Uint8Array(BLOCK).fill(1)

/** @returns how much less is resident when nothing holds them any more, at most */
async function given(blocks: Uint8Array[]): Promise<number> {
  const held = process.memoryUsage.rss()
  const enough = 0.8 * BLOCK * blocks.length
  blocks.length = 0
  let most = 0
  for (let i = 0; i < LOOKS && most < enough; i++) {
    global.gc!()
    await sleep(50)
    most = Math.max(most, held - process.memoryUsage.rss())
  }
  return most
}

// From this one on, glibc would keep what is as large.
await given([block()])
const blocks = [block(), block(), block()]
// Behind them, so that what is free is not at the end.
const pin = new Uint8Array(100_000).fill(1)
process.stdout.write(String(Math.round((await given(blocks)) / MB)))
process.exitCode = pin[0] === 1 ? 0 : 1
