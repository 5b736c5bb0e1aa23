/**
 * Frees three large blocks, or with the argument `small` as much in small ones, and prints how many MB of them returned
 * to the system. With the argument `map`, glibc allocates large blocks with mmap; with `trim` free memory is returned.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { loadKoffi } from '../../src/udp/batch/linux.js'
import { mmapLargeBlocks, returnFreedMemory } from '../../src/udp/malloc.js'

const MB = 2 ** 20
const BLOCK = 12 * MB
const SMALL_BLOCK = 64 * 1024
const PIN_EVERY = 16
const MAX_CHECKS = 40

const words = process.argv.slice(2)
if (words.includes('map')) mmapLargeBlocks()
if (words.includes('trim')) loadKoffi()
const size = words.includes('small') ? SMALL_BLOCK : BLOCK
const block = (): Uint8Array => new Uint8Array(size).fill(1)
/** Stay allocated between the others, so that free memory is not at the end of the heap, which glibc returns. */
const pins: Uint8Array[] = []
const blocksOf = (octets: number): Uint8Array[] =>
  Array.from({ length: octets / size }, (_, i) => {
    if (i % PIN_EVERY === 0) pins.push(new Uint8Array(SMALL_BLOCK).fill(1))
    return block()
  })

/** @returns by how much resident memory shrinks, at most, once the blocks are unreachable */
async function freed(blocks: Uint8Array[]): Promise<number> {
  const before = process.memoryUsage.rss()
  const enough = 0.8 * size * blocks.length
  blocks.length = 0
  let most = 0 // octets returned so far
  for (let i = 0; i < MAX_CHECKS && most < enough; i++) {
    global.gc!()
    if (words.includes('trim')) returnFreedMemory()
    await sleep(50)
    most = Math.max(most, before - process.memoryUsage.rss())
  }
  return most
}

// After this one is freed, glibc would by default keep blocks of this size.
await freed(blocksOf(BLOCK))
const blocks = blocksOf(3 * BLOCK)
pins.push(new Uint8Array(SMALL_BLOCK).fill(1))
process.stdout.write(String(Math.round((await freed(blocks)) / MB)))
process.exitCode = pins.every(pin => pin[0] === 1) ? 0 : 1
