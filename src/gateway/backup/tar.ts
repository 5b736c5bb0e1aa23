import { Header, Pax } from 'tar'
import { ChunkReader } from '../../base/bytes/chunk-reader.js'
import type { Octets } from '../../base/units.js'

const BLOCK: Octets = 512
/** Of the attributes of one entry, such as a long path. */
const MAX_ATTRIBUTES: Octets = 64 * 1024
const END = Buffer.alloc(2 * BLOCK)

/** A regular file in an archive. */
export interface TarFile {
  /** Relative, with `/`. */
  readonly name: string
  readonly size: Octets
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly user: string
  readonly group: string
  readonly mtime: Date
}

/** The header of a file, whose content follows. */
export function tarHeader({ name, user, group, ...rest }: TarFile): Buffer {
  const data = { ...rest, path: name, uname: user, gname: group, type: 'File' } as const
  const header = new Header(data)
  const block = Buffer.alloc(BLOCK)
  const needsAttributes = header.encode(block)
  return needsAttributes ? Buffer.concat([new Pax(data).encode(), block]) : block
}

/** Zeros after the content of a file. */
export const tarPadding = (size: Octets): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)

export const tarEnd = END

export interface ReadTarFile extends TarFile {
  /** Skipped if it is not read before the next file. */
  readonly content: AsyncGenerator<Buffer>
}

/**
 * Reads an archive of regular files up to the end of its stream.
 *
 * @throws TruncatedStream, and an Error that says what is wrong
 */
export async function* readTar(stream: AsyncIterable<Buffer>): AsyncGenerator<ReadTarFile> {
  const input = new ChunkReader(stream)
  try {
    let attributes: Pax | undefined
    for (;;) {
      const header = new Header(await input.read(BLOCK), 0, attributes)
      if (header.nullBlock) break
      if (!header.cksumValid) throw new Error('an archive header is damaged')
      const { type, size = 0 } = header
      if (type === 'ExtendedHeader') {
        if (size > MAX_ATTRIBUTES) throw new Error('an archive header is too long')
        attributes = Pax.parse((await input.read(padded(size))).subarray(0, size).toString())
        continue
      }
      attributes = undefined
      const name = header.path ?? ''
      if (type !== 'File') throw new UnsafeEntry(name, `it is of type ${type}, not a regular file`)
      const content = input.pieces(size)
      yield { ...fileOf(header, name), content }
      while ((await content.next()).done !== true);
      await input.read(padded(size) - size)
    }
    await expectZeros(input)
  } finally {
    await input.close()
  }
}

/** An entry that no backup has. */
export class UnsafeEntry extends Error {
  constructor(
    readonly entry: string,
    why: string
  ) {
    super(why)
  }
}

const padded = (size: Octets): Octets => Math.ceil(size / BLOCK) * BLOCK

const fileOf = (header: Header, name: string): TarFile => ({
  name,
  size: header.size ?? 0,
  mode: header.mode ?? 0o600,
  uid: header.uid ?? 0,
  gid: header.gid ?? 0,
  user: header.uname ?? '',
  group: header.gname ?? '',
  mtime: header.mtime ?? new Date(0)
})

/** Reads the rest, so that the check sums of compression and encryption are verified. */
async function expectZeros(input: ChunkReader): Promise<void> {
  while ((await input.peek()) !== undefined) {
    const block = await input.read(BLOCK)
    if (block.some(octet => octet !== 0)) throw new Error('data follows the end of the archive')
  }
}
