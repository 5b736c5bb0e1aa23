/**
 * Frees three large blocks and prints how many MB of them returned to the system. With the argument
 * `map`, glibc allocates such blocks with mmap.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { mmapLargeBlocks } from '../../src/base/system/malloc.js'

const MB = 2 ** 20
const BLOCK = 12 * MB
const MAX_CHECKS = 40

if (process.argv[2] === 'map') mmapLargeBlocks()
const block = (): Uint8Array => new Uint8Array(BLOCK).fill(1)

/** @returns by how much resident memory shrinks, at most, once the blocks are unreachable */
async function freed(blocks: Uint8Array[]): Promise<number> {
  const before = process.memoryUsage.rss()
  const enough = 0.8 * BLOCK * blocks.length
  blocks.length = 0
  let most = 0 // octets returned so far
  for (let i = 0; i < MAX_CHECKS && most < enough; i++) {
    global.gc!()
    await sleep(50)
    most = Math.max(most, before - process.memoryUsage.rss())
  }
  return most
}

// After this one is freed, glibc would by default keep blocks of this size.
await freed([block()])
const blocks = [block(), block(), block()]
// Allocated after the blocks, so that the free memory is not at the end of the heap.
const pin = new Uint8Array(100_000).fill(1)
process.stdout.write(String(Math.round((await freed(blocks)) / MB)))
process.exitCode = pin[0] === 1 ? 0 : 1
